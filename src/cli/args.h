// The options of a command as a table: parsed from it, helped from it, completed from it.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::cli {

struct Option {
  std::string_view name;         // "output"
  char letter = 0;               // 'o', or 0
  std::string_view placeholder;  // "DIR"; empty: a flag
  std::string_view help;
  bool repeated = false;
};

class Args {
 public:
  /// Errc::usage names the wrong word and the nearest option.
  static Result<Args> parse(const std::string& command, std::span<const Option> options,
                            const std::vector<std::string>& words);

  bool flag(std::string_view name) const;
  std::optional<std::string> value(std::string_view name) const;
  std::vector<std::string> values(std::string_view name) const;
  const std::vector<std::string>& positional() const { return positional_; }
  /// How many of them stand before "--"; all where there is none.
  std::size_t before_dashes() const { return positional_.size() - after_dashes_; }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positional_;
  std::size_t after_dashes_ = 0;
};

}  // namespace imgforge::cli

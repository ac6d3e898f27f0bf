// Debian's control format (deb822(5)): paragraphs of "Name: value" fields, with continuation lines.
// Read one paragraph at a time, so that a Packages file of any size needs little memory.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace imgforge::sources {

/// The field's value in one paragraph: the first line trimmed, continuation lines after '\n'
/// without their first blank; nullopt when there is none. Names compare without case.
std::optional<std::string> deb822_field(std::string_view paragraph, std::string_view name);

/// Borrows `source`.
class ParagraphReader {
 public:
  explicit ParagraphReader(base::Source& source) : source_(source) {}
  /// The next paragraph's lines verbatim, each ended by '\n'; nullopt at the end. Valid until the
  /// next call. Lines that begin with '#' stay in it. invalid for a paragraph above 4 MiB.
  Result<std::optional<std::string_view>> next();

 private:
  Result<bool> fill();

  base::Source& source_;
  std::string buffer_;
  std::size_t used_ = 0;  // bytes of buffer_ that were given out
  bool at_end_ = false;
};

}  // namespace imgforge::sources

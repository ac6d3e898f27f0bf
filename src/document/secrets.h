// Recognises credentials where none belong: in specs, image configuration and files that go into an
// image. It knows the published shapes of tokens and keys; a hit names the kind and the place and
// never repeats the value. Prefixes and lengths are checked together, so that prose, CSS classes
// and base64 data do not match; documented example keys (ending in EXAMPLE) pass.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/error.h"

namespace imgforge::document {

/// What kind of secret the setting `name` = `value` looks like ("a GitHub token"); nullopt if none.
/// Looks at the value's shape, and refuses any literal value of a setting that is named like a
/// password or token; numbers, flags, paths and references ($NAME) are no literals.
std::optional<std::string> looks_like_secret(std::string_view name, std::string_view value);

/// Finds secrets by shape in a stream of bytes of any length, with bounded memory.
class SecretScanner {
 public:
  struct Finding {
    std::string what;          // "a GitHub token"
    std::uint64_t offset = 0;  // of its first byte
    int line = 1;
    int column = 1;  // in bytes
  };

  void feed(base::Bytes bytes);
  /// After the last feed. The first finding, if any.
  std::optional<Finding> finish();
  bool found() const { return finding_.has_value(); }

 private:
  void scan(std::size_t limit);

  std::string window_;            // the byte before next_, and everything after it
  std::size_t next_ = 0;          // the first position in window_ that is not yet examined
  std::uint64_t dropped_ = 0;     // bytes before window_
  int line_ = 1;                  // of window_[0]
  std::uint64_t line_start_ = 0;  // the offset where that line begins
  std::optional<Finding> finding_;
};

/// The error for a finding in the file that people know as `path`.
Error secret_error(const std::string& path, const SecretScanner::Finding& finding);

/// Reads `source` to its end; Errc::refused with the place when it holds a secret.
Result<> scan_for_secrets(base::Source& source, const std::string& path);

}  // namespace imgforge::document

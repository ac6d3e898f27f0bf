// Text that must not stay in memory: a passphrase, a private key. It is wiped when destroyed and
// when moved from, and is never copied.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"

namespace imgforge::sign {

class Secret {
 public:
  Secret() = default;
  /// Takes the text; the caller's own copies stay the caller's business.
  explicit Secret(std::string text) : text_(std::move(text)) {}
  ~Secret() { wipe(text_); }
  Secret(Secret&& other) noexcept : text_(other.text_) { wipe(other.text_); }
  Secret& operator=(Secret&& other) noexcept;

  std::string_view view() const { return text_; }
  bool empty() const { return text_.empty(); }

  /// Overwrites all that the string has allocated and empties it.
  static void wipe(std::string& text);

 private:
  std::string text_;
};

}  // namespace imgforge::sign

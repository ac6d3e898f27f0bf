// What others wrote, for a terminal: control characters (C0, DEL, and C1 as UTF-8) become "?", so
// that a commit message moves no cursor and hides no line.
#pragma once

#include <string>
#include <string_view>

namespace imgforge::env {

inline std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    const bool is_c1 = c == 0xc2 && next >= 0x80 && next < 0xa0;
    out += c < 0x20 || c == 0x7f || is_c1 ? '?' : text[i];
    if (is_c1) ++i;
  }
  return out;
}

}  // namespace imgforge::env

// Text encodings that archive headers use for names.
#pragma once

#include <string>
#include <string_view>

namespace imgforge::archive {

/// Well-formed UTF-8 (Unicode 15, table 3-7: no surrogates, no overlong forms).
bool is_utf8(std::string_view text);

/// IBM code page 437, the encoding of zip names without the UTF-8 flag (APPNOTE 6.3.10, D.1).
std::string cp437_to_utf8(std::string_view text);

}  // namespace imgforge::archive

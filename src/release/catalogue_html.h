// A catalogue as one web page that stands alone: no script, no font, no picture from elsewhere, and
// a policy in the page that forbids them. The same catalogue gives the same bytes. Everything that
// comes from images (labels, reasons, names) is text there, whatever it looks like.
#pragma once

#include <string>

#include "release/catalogue.h"

namespace imgforge::release {

std::string catalogue_html(const Catalogue& catalogue, const std::string& title);

/// For text and for quoted attributes; control characters that HTML forbids become U+FFFD.
std::string escape_html(std::string_view text);

}  // namespace imgforge::release

// Debian's machine-readable copyright files ("DEP-5"): which licences a package is under. Source:
// Debian policy, copyright-format 1.0.
#pragma once

#include <string_view>

#include "evidence/license.h"

namespace imgforge::evidence {

/// Everything that the paragraphs of the package and its files name, joined by AND, with the texts
/// of licences that SPDX does not list. Empty for a file in another form: nothing is guessed from
/// prose.
License parse_copyright(std::string_view text);

/// One License synopsis: "GPL-2+ or Artistic, and BSD-3-clause". `text_of` gives the text of a name
/// (may be empty).
License parse_synopsis(std::string_view synopsis,
                       const std::map<std::string, std::string, std::less<>>& texts);

}  // namespace imgforge::evidence

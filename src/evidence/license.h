// Licences as SPDX licence expressions (SPDX 2.3, annex D), made from what Debian's copyright
// files, Python's metadata and NVIDIA's manifests say. A name that is not on SPDX's list is never
// passed off as one that is: it becomes a LicenseRef with the name, and the text where that is
// known.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::evidence {

struct License {
  struct Reference {
    std::string name;  // as the package says it
    std::string text;  // never empty: the name, where no text is known
    bool operator==(const Reference&) const = default;
  };

  std::string expression;                       // empty: nothing is known (NOASSERTION)
  std::map<std::string, Reference> references;  // "LicenseRef-…" in the expression -> what it is
  bool empty() const { return expression.empty(); }
  bool operator==(const License&) const = default;
};

/// The name as SPDX writes it ("apache-2.0" -> "Apache-2.0"), when it is one of those known here.
std::optional<std::string_view> spdx_license_id(std::string_view name);
std::optional<std::string_view> spdx_exception_id(std::string_view name);
/// Every identifier known here, sorted: for tests against SPDX's own list.
std::span<const std::string_view> known_license_ids();
std::span<const std::string_view> known_exception_ids();

/// One licence by any of its usual names ("Expat", "GPL-2+", "Apache 2.0", "BSD License"); a
/// LicenseRef otherwise. `text` is used for the LicenseRef only.
License named_license(std::string_view name, std::string_view text = {});

/// A License-Expression (PEP 639). What is not on the list becomes a LicenseRef within the
/// expression; text that is no expression becomes one LicenseRef.
License parse_expression(std::string_view text);

/// All of them hold at once: distinct parts, sorted, joined by AND.
License all_of(const std::vector<License>& parts);
License any_of(const std::vector<License>& parts);

}  // namespace imgforge::evidence

// What a server asks for when it answers 401: the WWW-Authenticate fields as values (RFC 9110
// section 11.6.1). Several challenges may stand in one field and several fields in one answer;
// commas inside quoted strings separate nothing.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::registry {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::string token68;                            // what Negotiate and the like carry
  std::map<std::string, std::string> parameters;  // names in lower case, values unquoted

  /// Empty when it is not there.
  std::string parameter(const std::string& name) const;
  bool operator==(const Challenge&) const = default;
};

/// Never fails: from the first place on that breaks the grammar, the rest of that field is ignored.
/// Of a parameter that stands twice in a challenge the first counts.
std::vector<Challenge> parse_challenges(const std::vector<std::string>& fields);

}  // namespace imgforge::registry

// What a token is good for: "repository:library/tool:pull,push", in sets that can be united and
// compared (the token specification of the distribution project, "scope").
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imgforge::registry {

class Scopes {
 public:
  Scopes() = default;
  static Scopes pull(const std::string& repository);
  static Scopes push(const std::string& repository);     // and pull
  static Scopes removal(const std::string& repository);  // delete and pull
  Scopes with(const Scopes& other) const;
  /// Scopes with blanks between them, as a challenge has them; what is none is left out.
  static Scopes parse(std::string_view text);

  void add(const Scopes& other);
  bool contains(const Scopes& other) const;
  bool empty() const { return actions_.empty(); }
  /// One text for each resource, sorted, actions sorted: equal sets have equal texts.
  std::vector<std::string> to_strings() const;
  auto operator<=>(const Scopes&) const = default;

 private:
  using Resource = std::pair<std::string, std::string>;  // type, name
  std::map<Resource, std::set<std::string>> actions_;
};

}  // namespace imgforge::registry

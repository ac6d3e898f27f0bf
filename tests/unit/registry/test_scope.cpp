#include "catch.h"
#include "registry/scope.h"

using imgforge::registry::Scopes;
using Texts = std::vector<std::string>;

TEST_CASE("scopes are read from a challenge and written one for each resource") {
  CHECK(Scopes::parse("repository:c/d:pull repository:a/b:push,pull").to_strings() ==
        Texts{"repository:a/b:pull,push", "repository:c/d:pull"});
  CHECK(Scopes::parse("registry:catalog:*").to_strings() == Texts{"registry:catalog:*"});
  CHECK(Scopes::parse("repository:host:5000/name:pull").to_strings() ==
        Texts{"repository:host:5000/name:pull"});
  CHECK(Scopes::parse("  nonsense repository:x :a:b ").empty());
  CHECK(Scopes::pull("a/b").to_strings() == Texts{"repository:a/b:pull"});
}

TEST_CASE("scopes are united and compared as sets") {
  Scopes scopes = Scopes::pull("a/b");
  CHECK_FALSE(scopes.contains(Scopes::parse("repository:a/b:push")));
  scopes.add(Scopes::parse("repository:a/b:push repository:c/d:pull"));
  CHECK(scopes.to_strings() == Texts{"repository:a/b:pull,push", "repository:c/d:pull"});
  CHECK(scopes.contains(Scopes::pull("a/b")));
  CHECK(scopes.contains(Scopes::pull("c/d")));
  CHECK_FALSE(scopes.contains(Scopes::parse("repository:c/d:push")));
  CHECK(scopes == Scopes::parse("repository:c/d:pull repository:a/b:pull,push"));
}

#include "layer/probe.h"

#include "base/sha256.h"
#include "kind_fixture.h"
#include "layer/promise.h"

using namespace imgforge;
using namespace imgforge::layer;

TEST_CASE("the probe is pinned by the lock and put on the PATH") {
  KindFixture kind(decode_probe);
  kind.write("imgforge-probe", "a program", 0644);
  kind.probe_file = kind.path("imgforge-probe");
  const auto part = REQUIRE_OK(kind.lock("{kind: probe}"));
  CHECK(part.find(base::sha256_hex("a program")) != std::string::npos);
  const auto recipes = REQUIRE_OK(kind.recipes("{kind: probe}", part));
  REQUIRE(recipes.size() == 1);
  CHECK(recipes.front()->inputs().size() == 1);
  kind.write("imgforge-probe", "another program");  // a newer imgforge does not change the image
  const auto built = REQUIRE_OK(kind.produce(*recipes.front()));
  CHECK(kind.list(built) ==
        "d0755 0:0 0 opt\n"
        "d0755 0:0 0 opt/imgforge\n"
        "d0755 0:0 0 opt/imgforge/bin\n"
        "-0755 0:0 9 opt/imgforge/bin/imgforge\n"
        "d0755 0:0 0 usr\n"
        "d0755 0:0 0 usr/local\n"
        "d0755 0:0 0 usr/local/bin\n"
        "l0777 0:0 0 usr/local/bin/imgforge -> /opt/imgforge/bin/imgforge\n");
  CHECK(kind.content(built, "opt/imgforge/bin/imgforge") == "a program");
}

TEST_CASE("without a probe program the lock fails with the way to get one") {
  KindFixture kind(decode_probe);
  CHECK(complaint(kind.lock("{kind: probe}")).find("not_found") == 0);
  CHECK(complaint(kind.lock("{kind: probe, version: 1}")).find("version") != std::string::npos);
}

TEST_CASE("the promise is a layer of one file") {
  KindFixture kind(decode_probe);
  const auto recipe = make_promise_recipe("{}\n");
  const auto built = REQUIRE_OK(kind.produce(*recipe));
  CHECK(kind.list(built) ==
        "d0755 0:0 0 opt\n"
        "d0755 0:0 0 opt/imgforge\n"
        "-0644 0:0 3 opt/imgforge/promise.json\n");
  CHECK(kind.content(built, "opt/imgforge/promise.json") == "{}\n");
  CHECK(recipe->key_material() != make_promise_recipe("{ }\n")->key_material());
}

#include "layer/probe.h"

#include "base/sha256.h"
#include "kind_fixture.h"
#include "layer/determinism.h"
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

TEST_CASE("the determinism module is importable and seeds by the image's environment") {
  KindFixture kind(decode_probe);
  const auto recipe = make_determinism_recipe("/opt/venv/lib/python3.11/site-packages");
  const auto built = REQUIRE_OK(kind.produce(*recipe));
  const std::string path = "opt/venv/lib/python3.11/site-packages/imgforge_determinism.py";
  const std::string module = kind.content(built, path);
  CHECK(kind.list(built).find(path) != std::string::npos);
  CHECK(recipe->key_material() != make_determinism_recipe("/opt/x")->key_material());

  kind.write("imgforge_determinism.py", module);
  const auto python = [&](const std::string& seed, const std::string& code) {
    return kind.run({"env", "PYTHONDONTWRITEBYTECODE=1", "PYTHONHASHSEED=" + seed,
                     "CUBLAS_WORKSPACE_CONFIG=:4096:8", "python3", "-c",
                     "import random, imgforge_determinism as d; " + code});
  };
  const std::string draw = "print(d.activate(), random.random())";
  CHECK(python("5", draw) == python("5", draw));
  CHECK(python("5", draw).starts_with("5 "));
  CHECK(python("6", draw) != python("5", draw));
  CHECK(python("5", "print(d.activate(7), random.random())") == python("7", draw));
  const std::string refused =
      "\ntry: d.activate(%)\nexcept Exception as e: print(type(e).__name__)";
  const auto refuse = [&](const std::string& seed, const std::string& argument) {
    std::string code = refused;
    return python(seed, code.replace(code.find('%'), 1, argument));
  };
  CHECK(refuse("random", "") == "RuntimeError\n");
  CHECK(refuse("5", "-1") == "ValueError\n");
  CHECK(refuse("5", "1 << 32") == "ValueError\n");
}

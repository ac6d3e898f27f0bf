#include <fmt/format.h>

#include <set>

#include "catch.h"
#include "document/node.h"
#include "layer/definition.h"
#include "layer/layer_fields.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

document::Node yaml(const std::string& text) {
  return REQUIRE_OK(document::parse_yaml(text, "spec.yaml"));
}

Error refused(const std::string& text) {
  const auto definition = decode(yaml(text));
  REQUIRE(!definition);
  return definition.error();
}

}  // namespace

TEST_CASE("the table of kinds") {
  std::set<std::string_view> names;
  for (const Kind& kind : kinds()) {
    CHECK(names.insert(kind.name).second);
    CHECK(!kind.summary.empty());
    CHECK(kind.decode != nullptr);
  }
  for (const auto* name : {"python", "wheels", "archive", "files"}) CHECK(names.count(name) == 1);
}

TEST_CASE("an entry is decoded by its kind") {
  CHECK(decode(yaml("{kind: python, version: \"3.11\"}")));
  CHECK(decode(
      yaml("{kind: wheels, requirements: [six], id: deps, title: Small, compression: zstd}")));

  auto error = refused("{requirements: [six]}");
  CHECK(error.code() == Errc::invalid);
  CHECK(error.message().find("kind") != std::string::npos);
  CHECK(error.hint().find("wheels") != std::string::npos);

  error = refused("kind: wheel\nrequirements: [six]\n");
  CHECK(error.message().find("\"wheel\"") != std::string::npos);
  CHECK(error.hint().find("\"wheels\"") != std::string::npos);
  CHECK(error.where().line == 1);

  CHECK(refused("{kind: [wheels]}").code() == Errc::invalid);
  CHECK(refused("just text").code() == Errc::invalid);
  error = refused("kind: wheels\nrequirements: [six]\nrequirement: [x]\n");
  CHECK(error.where().line == 3);
  error = refused("kind: wheels\nrequirements: [six]\ncompression: rar\n");
  CHECK(error.where().line == 3);
}

TEST_CASE("what locking a layer reads of the project") {
  const auto paths = [](const std::string& text) {
    return REQUIRE_OK(decode(yaml(text)))->project_paths();
  };
  using Paths = std::vector<std::string>;
  CHECK(paths("{kind: files, from: app, dest: /app}") == Paths{"app"});
  CHECK(paths("{kind: files, from: {git: ., commit: HEAD}, dest: /app}") == Paths{"."});
  CHECK(paths("{kind: archive, file: a/b.tar}") == Paths{"a/b.tar"});
  CHECK(paths("{kind: archive, url: \"https://site.example/b.tar\"}").empty());
  CHECK(paths("{kind: image, ref: \"oci:base:v1\"}") == Paths{"base"});
  CHECK(paths("{kind: image, ref: registry.example/base:v1}").empty());
  CHECK(paths("{kind: wheels, requirements_file: r.txt}") == Paths{"r.txt"});
  CHECK(paths("{kind: wheels, pylock: pylock.toml}") == Paths{"pylock.toml"});
  CHECK(paths("{kind: wheels, requirements: [six]}").empty());
  const std::string sources =
      "sources: [{archive: a, suites: [s], components: [c], keyring: k.gpg}, "
      "{archive: b, suites: [s], components: [c]}, "
      "{archive: c, suites: [s], components: [c], keyring: k.gpg}]";
  for (const char* kind : {"deb", "apt", "bootstrap"}) {
    INFO(kind);
    CHECK(paths(fmt::format("{{kind: {}, packages: [a], {}}}", kind, sources)) == Paths{"k.gpg"});
  }
}

TEST_CASE("what every layer has in common") {
  LayerFields fields(yaml("{kind: x, id: a, title: b c, compression: \"zstd:3\", own: 1}"));
  CHECK(fields.kind() == "x");
  CHECK(fields.id() == "a");
  CHECK(fields.title() == "b c");
  REQUIRE(fields.compression());
  CHECK(fields.compression()->compression == archive::Compression::zstd);
  CHECK(fields.text("own") == "1");
  CHECK(fields.finish());

  LayerFields bare(yaml("{kind: x}"));
  CHECK(bare.id().empty());
  CHECK(!bare.compression());
  CHECK(bare.finish());
}

TEST_CASE("facts know Python's places, and upper layers win") {
  const PythonFacts python{.version = "3.11.2", .prefix = "/opt/venv"};
  CHECK(python.minor() == "3.11");
  CHECK(python.site_packages() == "/opt/venv/lib/python3.11/site-packages");
  CHECK(PythonFacts{.version = "3.9"}.minor() == "3.9");

  Facts facts;
  facts.set({.name = "a", .version = "1"});
  facts.set({.name = "b", .version = "1"});
  facts.set({.name = "a", .version = "2"});
  REQUIRE(facts.components.size() == 2);
  CHECK(facts.find("a")->version == "2");
  CHECK(facts.find("c") == nullptr);
}

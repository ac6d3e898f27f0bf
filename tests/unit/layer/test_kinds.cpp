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

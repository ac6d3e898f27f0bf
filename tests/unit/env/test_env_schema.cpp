// Holds the published JSON Schema of .imgforge.yaml and the decoder together: what is good passes
// both, and what is broken fails both.
#include "../spec/schema.h"
#include "base/file.h"
#include "catch.h"
#include "env/contract.h"

using namespace imgforge;

namespace {

bool decodes(const std::string& text) { return env::Contract::parse(text, "x").has_value(); }

const std::string kHead = "imgforge: 1\nrepository: harbor.example/ml/a\n";
const std::string kDigest = "sha256:" + std::string(64, 'a');

}  // namespace

TEST_CASE("good contracts pass the schema and the decoder") {
  const Schema schema("env.schema.json");
  const std::string example = REQUIRE_OK(
      base::read_file(std::string(IMGFORGE_SOURCE_DIR) + "/examples/day-one/imgforge.yaml"));
  for (const std::string& text :
       {example, kHead, kHead + "pin:\n", kHead + "pin: {tag: v1, digest: " + kDigest + "}\n",
        kHead + "pin: {tag: v1, digest: " + kDigest + ", build: v2, promise: " + kDigest +
            ", components: {torch: 2.6, cuda: \"12.4\"}}\n",
        kHead + "branches: {main: v1-lts, \"feat/*\": nightly}\n",
        kHead + "hooks: {outside: allow}\n", kHead + "hooks: {}\n",
        kHead + "trust_policy: trust.yaml\n", std::string("imgforge: 1\nrepository: localhost/a\n"),
        std::string("imgforge: 1\nrepository: 127.0.0.1:5000/a/b\n")}) {
    INFO(text);
    CHECK(schema.check(text) == "");
    CHECK(decodes(text));
  }
}

TEST_CASE("broken contracts are refused by schema and decoder") {
  const Schema schema("env.schema.json");
  for (const std::string& text :
       {std::string(),
        std::string("[]"),
        std::string("imgforge: 1\n"),
        std::string("repository: harbor.example/a\n"),
        std::string("imgforge: 2\nrepository: harbor.example/a\n"),
        std::string("imgforge: 1\nrepository: a\n"),
        std::string("imgforge: 1\nrepository: ml/a\n"),
        std::string("imgforge: 1\nrepository: harbor.example/a:v1\n"),
        std::string("imgforge: 1\nrepository: harbor.example/a@" + kDigest + "\n"),
        std::string("imgforge: 1\nrepository: harbor.example/A\n"),
        std::string("imgforge: 1\nrepository: \"oci:dir\"\n"),
        kHead + "pin: v1\n",
        kHead + "pin: {tag: v1}\n",
        kHead + "pin: {digest: " + kDigest + "}\n",
        kHead + "pin: {tag: v1, digest: sha256:12}\n",
        kHead + "pin: {tag: \"v 1\", digest: " + kDigest + "}\n",
        kHead + "pin: {tag: v1, digest: " + kDigest + ", build: \"a b\"}\n",
        kHead + "pin: {tag: v1, digest: " + kDigest + ", promise: x}\n",
        kHead + "pin: {tag: v1, digest: " + kDigest + ", components: [torch]}\n",
        kHead + "pin: {tag: v1, digest: " + kDigest + ", date: x}\n",
        kHead + "branches: [main]\n",
        kHead + "branches: {main: [v1]}\n",
        kHead + "branches: {main: \"a b\"}\n",
        kHead + "hooks: {outside: maybe}\n",
        kHead + "hooks: {inside: allow}\n",
        kHead + "hooks: refuse\n",
        kHead + "trust_policy: [a]\n",
        kHead + "channel: v1\n"}) {
    INFO(text);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(decodes(text));
  }
}

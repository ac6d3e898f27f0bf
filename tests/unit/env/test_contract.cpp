#include "catch.h"
#include "env/contract.h"
#include "error_text.h"

using imgforge::env::Contract;
using imgforge::env::image_name;
using imgforge::env::Outside;

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string refused(const std::string& text) {
  const auto parsed = Contract::parse(text, ".imgforge.yaml");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == imgforge::Errc::invalid);
  return parsed.error().message();
}

}  // namespace

TEST_CASE("a contract says repository, pin, branches and what hooks do") {
  const auto contract = Contract::parse(
      "imgforge: 1\nrepository: harbor.example:8443/ml/pytorch-cuda\npin:\n  tag: v2.6-lts\n  "
      "digest: " +
          kDigest + "\n  build: pytorch2.6-cuda12.4-debian12-v2.6.1\n  promise: " + kDigest +
          "\n  components: {torch: 2.6.0+cu124, python: \"3.11\"}\n"
          "branches: {main: v2.6-lts, dev: nightly, \"feat/*\": v2.7-alpha}\nhooks: {outside: "
          "warn}\n"
          "trust_policy: trust.yaml\n",
      ".imgforge.yaml");
  REQUIRE(contract);
  CHECK(contract->name() == "pytorch-cuda");
  CHECK(contract->repository_name() == "harbor.example:8443/ml/pytorch-cuda");
  CHECK(contract->pin->build == "pytorch2.6-cuda12.4-debian12-v2.6.1");
  CHECK(contract->pin->components.at("torch") == "2.6.0+cu124");
  CHECK(contract->annotation()->mark() == "[env: pytorch-cuda:v2.6-lts]");
  CHECK(image_name(*contract, *contract->pin) == "harbor.example:8443/ml/pytorch-cuda@" + kDigest);
  CHECK(contract->branches.channel_of("feat/x") == "v2.7-alpha");
  CHECK(contract->outside == Outside::warn);
  CHECK(contract->trust_policy == "trust.yaml");

  const auto least = Contract::parse("imgforge: 1\nrepository: harbor.example/a\npin:\n", "f");
  REQUIRE(least);
  CHECK_FALSE(least->pin);
  CHECK_FALSE(least->annotation());
  CHECK(least->outside == Outside::refuse);
}

TEST_CASE("a wrong contract is refused with its place") {
  const std::string head = "imgforge: 1\nrepository: harbor.example/ml/a\n";
  CHECK(refused("").find("contract") != std::string::npos);
  CHECK(refused("imgforge: 2\nrepository: harbor.example/a\n").find("format 1") !=
        std::string::npos);
  CHECK(refused("imgforge: 1\n").find("repository") != std::string::npos);
  CHECK(refused("imgforge: 1\nrepository: a\n").find("no repository") != std::string::npos);
  CHECK(refused("imgforge: 1\nrepository: oci:dir\n").find("no repository") != std::string::npos);
  CHECK(refused("imgforge: 1\nrepository: harbor.example/a:v1\n").find("without tag") !=
        std::string::npos);
  CHECK(refused(head + "pin: v1\n").find("map") != std::string::npos);
  CHECK(refused(head + "pin: {tag: v1}\n").find("digest") != std::string::npos);
  CHECK(refused(head + "pin: {tag: v1, digest: sha256:12}\n").find("digest") != std::string::npos);
  CHECK(refused(head + "pin: {tag: \"v 1\", digest: " + kDigest + "}\n").find("v 1") !=
        std::string::npos);
  CHECK(refused(head + "branches: [main]\n").find("map") != std::string::npos);
  CHECK(refused(head + "branches: {main: pytorch2.6-cuda12.4-debian12-v1}\n").find("build tag") !=
        std::string::npos);
  CHECK(refused(head + "branches: {\"feat/*\": a, \"*/x\": b}\n").find("both") !=
        std::string::npos);
  CHECK(refused(head + "hooks: {outside: maybe}\n").find("maybe") != std::string::npos);
  CHECK(refused(head + "hook: {}\n").find("hook") != std::string::npos);

  const auto where =
      Contract::parse(head + "pin:\n  tag: v1\n  digest: sha512:1\n", ".imgforge.yaml");
  REQUIRE_FALSE(where);
  CHECK(where.error().where().line == 5);
}

#include "catch.h"
#include "env/judge.h"

using namespace imgforge::env;  // the whole of this room's judging

namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

Contract contract(const std::string& more = "") {
  return *Contract::parse(
      "imgforge: 1\nrepository: harbor.example/ml/demo\npin: {tag: v1-lts, digest: " + kDigest +
          ", build: v1.2}\n" + more,
      "f");
}

std::string said(const std::string& annotation) {
  const Agreement found = compare(*Annotation::parse(annotation), contract());
  if (std::holds_alternative<Agrees>(found)) return "agrees";
  if (const auto* ask = std::get_if<AskTag>(&found)) return "ask " + ask->tag.to_string();
  return std::string(to_string(std::get<Finding>(found).kind));
}

std::string judged(const std::string& message, const Contract& contract, CommitFacts facts = {}) {
  const auto found = judge_message(message, contract, facts);
  if (!found) return "silent";
  const auto* finding = std::get_if<Finding>(&*found);
  return finding == nullptr ? "agrees" : std::string(to_string(finding->kind));
}

}  // namespace

TEST_CASE("the pin's tag, its build tag and its digest agree without a question") {
  CHECK(said("demo:v1-lts") == "agrees");
  CHECK(said("demo:v1.2") == "agrees");
  CHECK(said("demo@" + kDigest) == "agrees");
  CHECK(said("demo:v1-lts@" + kDigest) == "agrees");
  CHECK(said("demo:other") == "ask other");
  CHECK(said("demo:other@" + kDigest) == "ask other");
  CHECK(said("demo:v1-lts@sha256:" + std::string(64, 'b')) == "contradiction");
  CHECK(said("torch:v1-lts") == "contradiction");
}

TEST_CASE("a branch keeps to its channel") {
  const Contract rules = contract("branches: {main: v1-lts, dev: nightly, \"feat/*\": v2-alpha}\n");
  CHECK_FALSE(check_branch(rules, "main"));
  CHECK_FALSE(check_branch(rules, "fix/1"));
  const auto mixed = check_branch(rules, "feat/x");
  REQUIRE(mixed);
  CHECK(mixed->kind == FindingKind::wrong_channel);
  CHECK(mixed->sentence ==
        "the branch feat/x is for the environment v2-alpha, and .imgforge.yaml pins v1-lts");
  CHECK(mixed->hint.find("imgforge env pin v2-alpha") != std::string::npos);
}

TEST_CASE("a message is judged with its commit") {
  const Contract pinned = contract();
  const Contract open = *Contract::parse("imgforge: 1\nrepository: harbor.example/ml/demo\n", "f");
  CHECK(judged("Fix [env: demo:v1-lts]\n", pinned) == "agrees");
  CHECK(judged("Fix\n", pinned) == "no-annotation");
  CHECK(judged("Fix [env: ?]\n", pinned) == "bad-annotation");
  CHECK(judged("Fix [env: demo:v1-lts]\n", open) == "no-pin");
  CHECK(judged("Merge\n", pinned, {.is_merge = true, .keeps_a_parents_pin = true}) == "silent");
  CHECK(judged("Merge\n", pinned, {.is_merge = true, .keeps_a_parents_pin = false}) ==
        "no-annotation");
  CHECK(judged("Merge [env: torch:x]\n", pinned, {.is_merge = true, .keeps_a_parents_pin = true}) ==
        "contradiction");
}

TEST_CASE("what is in doubt and what is against a rule are two exit codes") {
  CHECK(is_verification(FindingKind::contradiction));
  CHECK(is_verification(FindingKind::unsigned_image));
  CHECK(is_verification(FindingKind::unresolved));
  CHECK_FALSE(is_verification(FindingKind::no_annotation));
  CHECK_FALSE(is_verification(FindingKind::wrong_channel));
}

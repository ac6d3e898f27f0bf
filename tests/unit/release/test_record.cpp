#include "release/record.h"

#include "catch.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

PromotionRecord full_record() {
  return {.action = Action::rollback,
          .channel = "v2.6-lts",
          .repository = "harbor.example/prod/pytorch",
          .from = oci::Digest::of("old"),
          .to = oci::Digest::of("new"),
          .build_tag = "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1",
          .source = "harbor.example/dev/pytorch",
          .policy = "sha256:0",
          .gates = {{"signature", Outcome::passed, "signed by \"owner\"", ""},
                    {"probe", Outcome::failed, "no report", "probe it"},
                    {"sbom", Outcome::skipped, "", ""}},
          .who = "anna <anna@example>",
          .when = {1'747'699'200},
          .reason = "loss explodes\nafter an hour"};
}

}  // namespace

TEST_CASE("golden: a promotion record") {
  const PromotionRecord record{.channel = "nightly",
                               .repository = "r.example/a/b",
                               .to = oci::Digest::of("x"),
                               .gates = {{"sbom", Outcome::skipped, "not asked for", ""}},
                               .who = "ci",
                               .when = {1'747'699'200}};
  CHECK(to_json(record) ==
        "{\"action\":\"promote\",\"channel\":\"nightly\",\"gates\":[{\"found\":\"not asked "
        "for\",\"gate\":\"sbom\",\"outcome\":\"skipped-by-policy\"}],\"record\":1,\"repository\":"
        "\"r.example/a/b\",\"to\":\"sha256:"
        "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\",\"when\":\"2025-05-20T"
        "00:00:00Z\",\"who\":\"ci\"}");
}

TEST_CASE("a promotion record is its own inverse") {
  for (int missing = 0; missing < 64; ++missing) {
    PromotionRecord record = full_record();
    if (missing & 1) record.from.reset();
    if (missing & 2) record.build_tag.clear();
    if (missing & 4) record.source.clear();
    if (missing & 8) record.policy.clear();
    if (missing & 16) record.reason.clear();
    if (missing & 32) record.gates.clear();
    CHECK(REQUIRE_OK(parse_record(to_json(record))) == record);
  }
}

TEST_CASE("a record that is none is refused") {
  const std::string good = to_json(full_record());
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    return parse_record(text);
  };
  const auto newer = replaced("\"record\":1", "\"record\":2");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code() == Errc::unsupported);
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"rollback\"", "\"rollbak\""},
           {"\"passed\"", "\"good\""},
           {"\"to\":\"sha256:", "\"to\":\"sha256:0"},
           {"\"to\":", "\"too\":"},
           {"\"from\":\"sha256:", "\"from\":\"md5:"},
           {"\"who\":", "\"whom\":"},
           {"\"when\":\"2025", "\"when\":\"soon"},
           {"\"channel\":\"v2.6-lts\"", "\"channel\":7"},
           {"\"gate\":\"sbom\"", "\"gate\":null"},
           {"\"record\":1,", ""}}) {
    INFO(from << " -> " << to);
    CHECK_FALSE(replaced(from, to));
  }
  // Keys of a later minor form do no harm.
  CHECK(replaced("\"record\":1", "\"record\":1,\"ticket\":\"OPS-1\""));
  for (std::size_t length = 0; length < good.size(); ++length) {
    REQUIRE_FALSE(parse_record(good.substr(0, length)));
  }
}

#include "release/channel_policy.h"

#include <random>

#include "base/file.h"
#include "catch.h"
#include "error_text.h"
#include "release/channel_rules.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

Result<ChannelPolicy> parse(const std::string& text) {
  return ChannelPolicy::parse(text, "channels.yaml");
}

std::string refusal(const std::string& text) {
  const auto policy = parse(text);
  REQUIRE_FALSE(policy);
  CHECK(policy.error().code() == Errc::invalid);
  return error_text(policy.error());
}

const std::string kHead = "imgforge: 1\ntrust: keys\n";

}  // namespace

TEST_CASE("the example is read, and v2.6-lts gets what its star stands for") {
  const std::string path = std::string(IMGFORGE_SOURCE_DIR) + "/examples/promotion/channels.yaml";
  const ChannelPolicy policy =
      REQUIRE_OK(ChannelPolicy::parse(REQUIRE_OK(base::read_file(path)), path));
  const Channel lts = REQUIRE_OK(policy.channel("v2.6-lts"));
  CHECK(lts.name == "v2.6-lts");
  CHECK(lts.kind == "lts");
  CHECK(lts.from == "v2.6-gpu");
  CHECK(lts.trust == "release-keys");
  CHECK(lts.gates.is_signed);
  CHECK(lts.gates.not_older);
  REQUIRE(lts.gates.probe);
  CHECK(lts.gates.probe->max_age == 14 * 86400);
  CHECK(lts.gates.probe->gpus == std::vector<std::string>{"8.0", "9.0"});
  REQUIRE(lts.gates.vulnerabilities);
  CHECK(lts.gates.vulnerabilities->at_most == Severity::high);
  CHECK(lts.gates.vulnerabilities->skip_without_scanner);
  CHECK(lts.gates.min_age == 86400);
  REQUIRE(lts.gates.build_tag);
  CHECK(lts.gates.build_tag->values.at("pytorch") == "2.6");

  const Channel gpu = REQUIRE_OK(policy.channel("v2.6-gpu"));
  CHECK(gpu.from == "nightly");
  REQUIRE(gpu.gates.sbom);
  CHECK(gpu.gates.sbom->is_signed);
  CHECK_FALSE(gpu.gates.provenance);
  CHECK(policy.branches().channel_of("dev") == "nightly");
  CHECK(policy.branches().channel_of("feat/x") == "v2.7-alpha");
}

TEST_CASE("the policy in the documentation is one") {
  const std::string page =
      REQUIRE_OK(base::read_file(std::string(IMGFORGE_SOURCE_DIR) + "/docs/formats/channels.md"));
  const std::string fence = "```yaml\n";
  const std::size_t begin = page.find(fence) + fence.size();
  const ChannelPolicy policy =
      REQUIRE_OK(parse(page.substr(begin, page.find("```", begin) - begin)));
  CHECK(REQUIRE_OK(policy.channel("v2.6-lts")).from == "v2.6-gpu");
}

TEST_CASE("a policy that is cut off or scrambled is refused or read, and nothing worse") {
  const std::string good = REQUIRE_OK(
      base::read_file(std::string(IMGFORGE_SOURCE_DIR) + "/examples/promotion/channels.yaml"));
  std::mt19937 random(8);
  std::size_t refused = 0;
  for (std::size_t length = 0; length < good.size(); ++length) {
    refused += parse(good.substr(0, length)).has_value() ? 0 : 1;
  }
  for (int i = 0; i < 1500; ++i) {
    std::string text = good;
    for (int n = 0; n < 3; ++n) {
      text[random() % text.size()] = "{}[]:,*\"'#-\n 0a"[random() % 16];
    }
    const auto policy = parse(text);
    if (!policy) {
      CHECK_FALSE(policy.error().message().empty());
      ++refused;
      continue;
    }
    // Whatever is accepted can be asked for.
    for (const ChannelRule& rule : policy->rules()) {
      if (rule.pattern.is_name()) CHECK(policy->channel(rule.channel.name));
    }
  }
  CHECK(refused > 1000);
}

TEST_CASE("what is no channel is said to be none") {
  const ChannelPolicy policy = REQUIRE_OK(parse(kHead + "channels: {nightly: , v*-lts: {}}\n"));
  const auto missing = policy.channel("nigthly");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
  CHECK(missing.error().hint() == "did you mean nightly? its channels are: nightly, v*-lts");
  const auto build = policy.channel("pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1");
  REQUIRE_FALSE(build);
  CHECK(build.error().code() == Errc::invalid);
  CHECK_FALSE(policy.channel("a b"));
  CHECK(policy.is_channel("v2.6-lts"));
  CHECK_FALSE(policy.is_channel("latest"));
}

TEST_CASE("a star never reaches a build tag") {
  const ChannelPolicy policy = REQUIRE_OK(parse("imgforge: 1\nchannels: {\"*\": {}}\n"));
  CHECK(policy.is_channel("anything"));
  CHECK_FALSE(policy.is_channel("pytorch2.6-v1"));
}

TEST_CASE("a plain name goes before patterns") {
  const ChannelPolicy policy =
      REQUIRE_OK(parse("imgforge: 1\nchannels: {\"v*-lts\": {kind: lts}, v1-lts: {kind: old}}\n"));
  CHECK(REQUIRE_OK(policy.channel("v1-lts")).kind == "old");
  CHECK(REQUIRE_OK(policy.channel("v2-lts")).kind == "lts");
}

TEST_CASE("slips are found with their place and the nearest name") {
  CHECK(refusal(kHead + "channels:\n  nightly:\n    gate: {signed: true}\n") ==
        "channels.yaml:5:5: the channel \"nightly\" has no key \"gate\"\n"
        "      gate: {signed: true}\n"
        "      ^\n"
        "hint: did you mean \"gates\"?\n");
  CHECK(refusal(kHead + "channels:\n  nightly:\n    gates:\n      sbom: {format: [spdx]}\n") ==
        "channels.yaml:6:14: the gate \"sbom\" has no key \"format\"\n"
        "        sbom: {format: [spdx]}\n"
        "               ^\n"
        "hint: did you mean \"formats\"?\n");
  CHECK(refusal(kHead + "channels:\n  a: {gates: {probe: {max_age: 7 days}}}\n") ==
        "channels.yaml:4:32: '7 days' is not a span of time\n"
        "    a: {gates: {probe: {max_age: 7 days}}}\n"
        "                                 ^\n"
        "hint: write a whole number and its unit: 90m, 24h, 7d, 2w\n");
  CHECK(refusal(kHead + "channels:\n  a: {gates: {sbom: {formats: [spdz]}}}\n")
            .find("did you mean \"spdx\"?") != std::string::npos);
}

TEST_CASE("channels that cannot be meant are refused") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"channels: {a: {from: b}}", "\"a\" comes from \"b\", which is no channel of this file"},
      {"channels: {a: {from: a}}", "the channel \"a\" stands above itself"},
      {"channels: {a: {from: b}, b: {from: c}, c: {from: a}}", "stands above itself"},
      {"channels: {a: {from: \"b*\"}, \"b*\": {}}", "its name has not exactly one"},
      {"channels: {\"*a*\": {from: \"b*\"}, \"b*\": {}}", "its name has not exactly one"},
      {"channels: {\"v*-lts\": {}, \"v2*\": {}}", "one channel can match both 'v*-lts' and 'v2*'"},
      {"channels: {pytorch2.6-v1: {}}", "is a build tag"},
      {"channels: {\"a b\": {}}", "cannot be the name of a channel"},
      {"channels: {}", "the file has no channels"},
      {"channels: [a]", "must be a map"},
      {"channels: {a: {}}\nbranches: {main: b}", "no channel of this file"},
      {"channels: {a: {}, b: {}}\nbranches: {\"x*\": a, \"*y\": b}", "one branch can match both"},
      {"channels: {a: {gates: {probe: true}}}", "needs its settings"},
      {"channels: {a: {gates: {vulnerabilities: {}}}}", "lacks the key \"at_most\""},
      {"channels: {a: {gates: {probe: {gpus: [\"8.0\"]}}}}", "lacks the key \"max_age\""},
      {"channels: {a: {gates: {probe: {max_age: 1d, gpus: [H100]}}}}", "no compute capability"},
      {"channels: {a: {gates: {build_tag: {parts: [torch]}}}}", "no part of a build tag"},
      {"channels: {a: {gates: {sbom: maybe}}}", "must be true, false or a map"},
      {"channels: {a: {trust: '', gates: {signed: true}}}", "nothing says whose"},
      {"channels: {a: {trust: '', gates: {provenance: true}}}", "nothing says whose"},
  };
  for (const auto& [text, expected] : cases) {
    INFO(text);
    CHECK(refusal(kHead + text + "\n").find(expected) != std::string::npos);
  }
  CHECK(refusal("imgforge: 2\nchannels: {a: {}}\n").find("format 1 only") != std::string::npos);
  CHECK_FALSE(parse("imgforge: 1\nchannels: {a: {}, a: {}}\n"));
}

TEST_CASE("a false gate is one that is not asked for") {
  const Channel channel = REQUIRE_OK(
      REQUIRE_OK(parse("imgforge: 1\nchannels: {a: {gates: {sbom: false, probe: false}}}\n"))
          .channel("a"));
  CHECK_FALSE(channel.gates.sbom);
  CHECK_FALSE(channel.gates.probe);
}

TEST_CASE("the digest of a policy is over what it says, not how it is written") {
  const auto digest = [](const std::string& text) { return REQUIRE_OK(parse(text)).digest(); };
  CHECK(digest("imgforge: 1\nchannels: {a: {}, b: {}}\n") ==
        digest("# two\nchannels:\n  b: {}\n  a: {}\nimgforge: 1\n"));
  CHECK(digest("imgforge: 1\nchannels: {a: {}}\n") != digest("imgforge: 1\nchannels: {b: {}}\n"));
}

TEST_CASE("compute capabilities are read in every way people write them") {
  CHECK(compute_capability("8.0") == "8.0");
  CHECK(compute_capability("80") == "8.0");
  CHECK(compute_capability("sm_90") == "9.0");
  CHECK(compute_capability("12.0") == "12.0");
  CHECK(compute_capability("120") == "12.0");
  for (const char* wrong : {"", "8", "H100", "8.", ".8", "8.0.0", "8.01", "1200", "90a"}) {
    INFO(wrong);
    CHECK(compute_capability(wrong) == std::nullopt);
  }
}

// Holds the published JSON Schema of channel policies and the decoder together: what is good passes
// both, and what is broken fails both.
#include "../spec/schema.h"
#include "base/file.h"
#include "catch.h"
#include "release/channel_policy.h"

using namespace imgforge;

namespace {

bool decodes(const std::string& text) {
  return release::ChannelPolicy::parse(text, "x").has_value();
}

const std::string kHead = "imgforge: 1\ntrust: keys\n";

std::string with_gates(const std::string& gates) {
  return kHead + "channels: {a: {gates: {" + gates + "}}}\n";
}

}  // namespace

TEST_CASE("good channel policies pass the schema and the decoder") {
  const Schema schema("channel-policy.schema.json");
  const std::string example = REQUIRE_OK(
      base::read_file(std::string(IMGFORGE_SOURCE_DIR) + "/examples/promotion/channels.yaml"));
  std::vector<std::string> good = {
      example,
      "imgforge: 1\nchannels: {a: {}}\n",
      "imgforge: 1\nchannels: {a: }\n",
      kHead + "channels: {a: {kind: lts, who: [x], trust: other}, \"v*-b\": {from: a}}\n",
      kHead + "channels: {a: {}}\nbranches: {main: a, \"feat/*\": a}\n",
  };
  for (const char* gates :
       {"signed: true",
        "signed: false",
        "sbom: true",
        "sbom: false",
        "sbom: {}",
        "sbom: {signed: false, formats: [spdx]}",
        "provenance: true",
        "provenance: {}",
        "provenance: {builders: [\"https://x/**\"]}",
        "probe: {max_age: 7d}",
        "probe: false",
        "probe: {max_age: 2w, gpus: [8.0, 90, sm_75, \"12.0\"]}",
        "vulnerabilities: {at_most: low}",
        "vulnerabilities: false",
        "vulnerabilities: {at_most: high, max_scan_age: 24h, without_scanner: skip}",
        "min_age: 90m",
        "not_older: false",
        "build_tag: {parts: [arch]}",
        "build_tag: {values: {cuda: 12.4}}",
        "build_tag: false"}) {
    good.push_back(with_gates(gates));
  }
  for (const std::string& text : good) {
    INFO(text);
    CHECK(schema.check(text) == "");
    CHECK(decodes(text));
  }
}

TEST_CASE("broken channel policies are refused by schema and decoder") {
  const Schema schema("channel-policy.schema.json");
  std::vector<std::string> bad = {
      "",
      "[]",
      "imgforge: 1\n",
      "channels: {a: {}}\n",
      "imgforge: 2\nchannels: {a: {}}\n",
      kHead + "channels: {}\n",
      kHead + "channels: [a]\n",
      kHead + "channels: {a: b}\n",
      kHead + "channels: {\"a b\": {}}\n",
      kHead + "channels: {a: {knd: x}}\n",
      kHead + "channels: {a: {who: x}}\n",
      kHead + "channels: {a: {from: [b]}}\n",
      kHead + "channels: {a: {gates: [signed]}}\n",
      kHead + "channels: {a: {}}\nbranches: [main]\n",
      kHead + "channels: {a: {}}\nbranches: {main: [a]}\n",
      kHead + "channels: {a: {}}\nbranches: {main: \"*\"}\n",
      kHead + "channels: {a: {}}\nbranch: {main: a}\n",
  };
  for (const char* gates : {"signd: true",
                            "signed: maybe",
                            "signed: {}",
                            "sbom: maybe",
                            "sbom: {formats: spdx}",
                            "sbom: {formats: [x]}",
                            "sbom: {signed: 1}",
                            "sbom: {sined: true}",
                            "provenance: x",
                            "provenance: {builders: x}",
                            "provenance: {builder: [x]}",
                            "provenance: {builders: [\"\"]}",
                            "probe: true",
                            "probe: {}",
                            "probe: {max_age: 7}",
                            "probe: {max_age: 7 d}",
                            "probe: {max_age: 7d, gpus: H100}",
                            "probe: {max_age: 7d, gpus: [H100]}",
                            "probe: {max_age: 7d, gpu: [\"8.0\"]}",
                            "vulnerabilities: true",
                            "vulnerabilities: {}",
                            "vulnerabilities: {at_most: severe}",
                            "vulnerabilities: {at_most: low, max_scan_age: x}",
                            "vulnerabilities: {at_most: low, without_scanner: pass}",
                            "min_age: 1",
                            "min_age: [1d]",
                            "not_older: x",
                            "build_tag: true",
                            "build_tag: {parts: pytorch}",
                            "build_tag: {parts: [torch]}",
                            "build_tag: {values: {torch: x}}",
                            "build_tag: {values: {cuda: \"\"}}",
                            "build_tag: {value: {cuda: x}}"}) {
    bad.push_back(with_gates(gates));
  }
  for (const std::string& text : bad) {
    INFO(text);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(decodes(text));
  }
}

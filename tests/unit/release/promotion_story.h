// One repository with a channel policy, and images with all the evidence that its channels ask for.
#pragma once

#include <string>

#include "catch.h"
#include "memory_registry.h"
#include "paper_trust.h"
#include "release/promote.h"

struct Story {
  explicit Story(const std::string& name = "r.example/ml/pytorch") : repository(name) {
    policy = REQUIRE_OK(imgforge::release::ChannelPolicy::parse(
        "imgforge: 1\n"
        "trust: release\n"
        "channels:\n"
        "  nightly: {gates: {signed: true, not_older: false}}\n"
        "  \"v*-lts\":\n"
        "    kind: lts\n"
        "    from: nightly\n"
        "    gates:\n"
        "      signed: true\n"
        "      sbom: true\n"
        "      provenance: true\n"
        "      probe: {max_age: 7d, gpus: [\"9.0\"]}\n",
        "channels.yaml"));
  }

  /// With signature, SBOM, provenance and probe report.
  imgforge::release::RawManifest image(const std::string& build,
                                       const std::string& created = "2025-05-20T00:00:00Z") {
    return image_in(repository, build, created);
  }
  imgforge::release::RawManifest image_in(MemoryRepository& where, const std::string& build,
                                          const std::string& created = "2025-05-20T00:00:00Z") {
    auto raw = make_image(where, "pytorch2.6-cuda11.8-ubuntu20.04-" + build, created);
    const auto& about = raw.descriptor;
    for (const auto& one :
         {trust.signature("ci", about), trust.legacy_signature("ci", about),
          trust.statement("ci", about, imgforge::release::predicate::kSpdx, "{}"),
          trust.statement("ci", about, imgforge::release::predicate::kProvenance,
                          provenance_predicate("https://ci.example/1", "2025-05-20T01:00:00Z")),
          trust.statement("ci", about, kTestProbe,
                          probe_predicate(true, "9.0", "2025-05-20T02:00:00Z"))}) {
      REQUIRE_OK(where.attach(one));
    }
    where.writes.clear();
    return raw;
  }

  imgforge::release::Request request(const std::string& channel, const std::string& reason = "") {
    clock.value += 60;
    return {.channel = channel, .who = "anna", .reason = reason, .now = clock};
  }

  imgforge::Result<imgforge::release::MovePlan> plan(const std::string& channel,
                                                     const imgforge::release::RawManifest& raw) {
    return imgforge::release::plan_promotion(policy, request(channel), repository,
                                             raw.descriptor.digest, repository, tools(), {});
  }
  imgforge::Result<imgforge::release::MoveResult> carry_out(
      const imgforge::release::MovePlan& one) {
    return imgforge::release::carry_out(one, repository, repository, tools(), {});
  }
  imgforge::release::MoveResult promote(const std::string& channel,
                                        const imgforge::release::RawManifest& raw) {
    return REQUIRE_OK(carry_out(REQUIRE_OK(plan(channel, raw))));
  }
  imgforge::release::Tools tools() { return trust.tools(record_signer); }

  MemoryRepository repository;
  PaperTrust trust;
  imgforge::release::ChannelPolicy policy;
  std::string record_signer = "owner";
  imgforge::base::Seconds clock{1'747'800'000};  // 2025-05-21T04:00:00Z
};

// The gates that read what stands beside an image.
#include "gate_cases.h"

using namespace gate_cases;

TEST_CASE("gate: signature") {
  const auto failing = [](auto change) { return found_when("signature", Outcome::failed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {};
        }) == "not signed");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {.reason = "1 of 2 signatures",
                                    .signatures = {{"stranger", "cosign", false}}};
        }) == "signed by stranger, which the trust policy keys does not accept: 1 of 2 signatures");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {.problems = {"a signature does not verify"}};
        }) == "not signed; a signature does not verify");
  // A verifier that is satisfied by nothing does not satisfy the gate.
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {.satisfied = true};
        }) == "not signed");
  // A trusted provenance is no signature.
  CHECK(
      failing(CHANGE {
        UNUSED;
        candidate.verification = {.attestations = {{predicate::kProvenance, "{}", "owner", true}}};
      }) == "not signed");
}

TEST_CASE("gate: SBOM") {
  const auto failing = [](auto change) { return found_when("sbom", Outcome::failed, change); };
  const auto passing = [](auto change) { return found_when("sbom", Outcome::passed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.sboms.clear();
        }) == "an SBOM missing");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.sboms = {{"spdx", "", false}};
        }) == "an SBOM missing; spdx there, not signed by a trusted key");
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.sbom->formats = {"spdx", "cyclonedx"};
          candidate.sboms = {{"spdx", "ci", true}};
        }) == "cyclonedx missing");
  CHECK(passing(CHANGE {
          UNUSED;
          channel.gates.sbom->is_signed = false;
          candidate.sboms = {{"spdx", "", false}};
        }) == "spdx");
  CHECK(passing(CHANGE {
          UNUSED;
          candidate.sboms = {{"spdx", "", false}, {"spdx", "ci", true}};
        }) == "spdx, signed");
}

TEST_CASE("gate: provenance") {
  const auto failing = [](auto change) {
    return found_when("provenance", Outcome::failed, change);
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances.clear();
        }) == "none");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances[0].trusted = false;
        }) == "signed by ci, whom the trust policy keys does not accept");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances[0].builder = "https://laptop";
        }) == "built by https://laptop, which the policy does not accept");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances.clear();
          candidate.problems = {"a provenance cannot be read"};
        }) == "none; a provenance cannot be read");
  CHECK(found_when(
            "provenance", Outcome::passed, CHANGE {
              UNUSED;
              channel.gates.provenance->builders.clear();
              candidate.provenances[0].builder = "anything";
            }) == "built by anything, signed by ci");
}

TEST_CASE("gate: probe") {
  const auto failing = [](auto change) { return found_when("probe", Outcome::failed, change); };
  const auto passing = [](auto change) { return found_when("probe", Outcome::passed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes.pop_back();
        }) == "no trusted report from a GPU of 9.0");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes[0].trusted = false;
        }) == "no trusted report from a GPU of 8.0");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes[0].when = ago(8 * kDay);
        }) ==
        "passed on NVIDIA Test (8.0), driver 550.54.15, 8 days ago, and may be 7 days old at most");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes[0].when = ago(-kHour);
        }).find("which is in the future") != std::string::npos);
  // Clocks of machines differ by seconds.
  passing(CHANGE {
    UNUSED;
    candidate.probes[0].when = ago(-10);
  });
  // Exactly as old as allowed.
  passing(CHANGE {
    UNUSED;
    candidate.probes[0].when = ago(7 * kDay);
  });
  failing(CHANGE {
    UNUSED;
    candidate.probes[0].when = ago(7 * kDay + 1);
  });
  // A report without a GPU proves nothing.
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.probe->gpus.clear();
          candidate.probes = {report_of("8.0", kDay)};
          candidate.probes[0].gpus.clear();
        }) == "no trusted report from a GPU");
  CHECK(passing(CHANGE {
          UNUSED;
          channel.gates.probe->gpus.clear();
          candidate.probes = {report_of("7.5", kDay)};
        }) == "passed on NVIDIA Test (7.5), driver 550.54.15, 1 day ago");
  // The newest word about the image counts: a failure that is its fault after a pass, and a pass
  // after such a failure.
  const auto failure = [](const std::string& owner, std::int64_t age) {
    ProbeReport report = report_of("8.0", age);
    report.passed = false;
    report.owner = owner;
    report.sentence = "libcudnn.so.9 is missing";
    return report;
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes.push_back(failure("image", kHour));
        }) ==
        "failed on NVIDIA Test (8.0), driver 550.54.15, 1 hour ago: libcudnn.so.9 is missing");
  passing(CHANGE {
    UNUSED;
    candidate.probes.push_back(failure("image", 2 * kDay));
  });
  // A broken host says nothing about the image; a failure that nobody is blamed for does.
  for (const char* owner : {"host", "hardware", "run command"}) {
    passing(CHANGE {
      UNUSED;
      candidate.probes.push_back(failure(owner, kHour));
    });
  }
  failing(CHANGE {
    UNUSED;
    candidate.probes.push_back(failure("nobody", kHour));
  });
  // An image that hides the GPUs from its probe fails on every GPU that is asked for.
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes.push_back(failure("image", kHour));
          candidate.probes.back().gpus.clear();
        }).starts_with("failed on a GPU of 8.0, driver 550.54.15, 1 hour ago"));
  // Nobody blocks a channel with a report of his own.
  passing(CHANGE {
    UNUSED;
    candidate.probes.push_back(failure("image", kHour));
    candidate.probes.back().trusted = false;
  });
}

TEST_CASE("gate: vulnerabilities") {
  const auto failing = [](auto change) {
    return found_when("vulnerabilities", Outcome::failed, change);
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.vulnerabilities.reset();
        }) == "unknown: the registry has no scanner");
  CHECK(found_when(
            "vulnerabilities", Outcome::skipped, CHANGE {
              UNUSED;
              candidate.vulnerabilities.reset();
              channel.gates.vulnerabilities->skip_without_scanner = true;
            }) == "the registry has no scanner, which the policy accepts");
  // That leave is for registries without a scanner, not for images that were not scanned.
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.vulnerabilities->skip_without_scanner = true;
          candidate.vulnerabilities = VulnerabilitySummary{.state = "not scanned"};
        }) == "unknown: the scan is not scanned");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.vulnerabilities->worst = Severity::critical;
          candidate.vulnerabilities->counts[Severity::critical] = 1;
        }) ==
        "1 critical, 2 medium, 5 low (1 fixable), Trivy v0.63, 1 hour ago; the ceiling is medium");
  // Counts above the severity that the summary claims are believed.
  failing(CHANGE {
    UNUSED;
    candidate.vulnerabilities->counts[Severity::high] = 1;
  });
  failing(CHANGE {
    UNUSED;
    candidate.vulnerabilities->scanned = ago(8 * kDay);
  });
  failing(CHANGE {
    UNUSED;
    candidate.vulnerabilities->scanned.reset();
  });
  CHECK(found_when(
            "vulnerabilities", Outcome::passed, CHANGE {
              UNUSED;
              channel.gates.vulnerabilities->max_scan_age.reset();
              candidate.vulnerabilities =
                  VulnerabilitySummary{.complete = true, .state = "Success"};
            }) == "no vulnerabilities");
  for (std::size_t ceiling = 0; ceiling < kSeverityNames.size(); ++ceiling) {
    for (std::size_t worst = 0; worst < kSeverityNames.size(); ++worst) {
      found_when(
          "vulnerabilities", worst <= ceiling ? Outcome::passed : Outcome::failed, CHANGE {
            UNUSED;
            channel.gates.vulnerabilities->at_most = static_cast<Severity>(ceiling);
            candidate.vulnerabilities->counts.clear();
            candidate.vulnerabilities->worst = static_cast<Severity>(worst);
          });
    }
  }
}

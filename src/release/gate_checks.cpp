#include "release/gate_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "release/build_order.h"
#include "release/duration.h"

namespace imgforge::release::gate {
namespace {

GateResult passed(const char* gate, std::string found) {
  return {gate, Outcome::passed, std::move(found), ""};
}
GateResult failed(const char* gate, std::string found, std::string remedy) {
  return {gate, Outcome::failed, std::move(found), std::move(remedy)};
}
GateResult skipped(const char* gate, std::string found = "the policy does not ask for it") {
  return {gate, Outcome::skipped, std::move(found), ""};
}

std::string part_of(const TagParts& parts, std::string_view name) {
  if (name == "pytorch") return parts.pytorch;
  if (name == "cuda") return parts.cuda;
  if (name == "os") return parts.os;
  if (name == "python") return parts.python;
  return parts.arch;
}

std::string joined(const std::set<std::string>& words) {
  return base::join({words.begin(), words.end()}, ", ");
}

std::string ago(base::Seconds when, base::Seconds now) {
  return human_duration(std::max<std::int64_t>(0, now.value - when.value)) + " ago";
}

// "; 1 did not verify: …": what verification could not use belongs to the evidence.
std::string with_problems(std::string found, const std::vector<std::string>& problems) {
  if (problems.empty()) return found;
  return fmt::format("{}; {}", found, base::join(problems, "; "));
}

}  // namespace

GateResult build_tag(const Channel& channel, const Candidate& candidate) {
  constexpr const char* kGate = "build-tag";
  const auto& wanted = channel.gates.build_tag;
  if (!wanted) return skipped(kGate);
  if (!candidate.build_tag) {
    return failed(kGate, "no build tag names this image",
                  "publish it with build --push, which gives it one");
  }
  const std::string tag = candidate.build_tag->to_string();
  for (const std::string& part : wanted->parts) {
    if (!part_of(candidate.build_tag->parts(), part).empty()) continue;
    return failed(kGate, fmt::format("{} does not say its {}", tag, part),
                  fmt::format("build the image with {} in its tag", part));
  }
  for (const auto& [part, value] : wanted->values) {
    const std::string has = part_of(candidate.build_tag->parts(), part);
    if (has == value) continue;
    return failed(kGate,
                  fmt::format("{} has {} {}, and {} is for {}", tag, part,
                              has.empty() ? "nothing" : has, channel.name, value),
                  "promote it to the channel of its own line");
  }
  return passed(kGate, tag);
}

GateResult signature(const Channel& channel, const Candidate& candidate) {
  constexpr const char* kGate = "signature";
  if (!channel.gates.is_signed) return skipped(kGate);
  const Verification& checked = candidate.verification;
  if (checked.satisfied) {
    std::set<std::string> who;
    for (const Signature& one : checked.signatures) {
      if (one.trusted) who.insert(fmt::format("{} ({})", one.signer, one.format));
    }
    // A policy that demands nobody would be "satisfied" by an unsigned image.
    if (!who.empty()) return passed(kGate, "signed by " + joined(who));
  }
  std::string found = "not signed";
  if (!checked.signatures.empty()) {
    std::set<std::string> who;
    for (const Signature& one : checked.signatures) who.insert(one.signer);
    found = fmt::format("signed by {}, which the trust policy {} does not accept", joined(who),
                        channel.trust);
  }
  if (!checked.reason.empty()) found += ": " + checked.reason;
  return failed(kGate, with_problems(std::move(found), checked.problems),
                fmt::format("sign it with a key of the trust policy {}", channel.trust));
}

GateResult sbom(const Channel& channel, const Candidate& candidate) {
  constexpr const char* kGate = "sbom";
  const auto& wanted = channel.gates.sbom;
  if (!wanted) return skipped(kGate);
  std::set<std::string> good, unsigned_ones;
  for (const SbomEvidence& one : candidate.sboms) {
    (one.trusted || !wanted->is_signed ? good : unsigned_ones).insert(one.format);
  }
  std::set<std::string> missing;
  for (const std::string& format : wanted->formats) {
    if (good.count(format) == 0) missing.insert(format);
  }
  if (wanted->formats.empty() && good.empty()) missing.insert("an SBOM");
  if (missing.empty()) {
    return passed(kGate, joined(good) + (wanted->is_signed ? ", signed" : ""));
  }
  std::string found = fmt::format("{} missing", joined(missing));
  if (!unsigned_ones.empty()) {
    found += fmt::format("; {} there, not signed by a trusted key", joined(unsigned_ones));
  }
  return failed(
      kGate, std::move(found),
      "imgforge sbom SPEC --attest IMAGE attaches it, signed with a key that the channel trusts");
}

GateResult provenance(const Channel& channel, const Candidate& candidate) {
  constexpr const char* kGate = "provenance";
  const auto& wanted = channel.gates.provenance;
  if (!wanted) return skipped(kGate);
  std::set<std::string> other, untrusted;
  for (const ProvenanceEvidence& one : candidate.provenances) {
    if (!one.trusted) {
      untrusted.insert(one.signer);
      continue;
    }
    const auto accepts = [&](const Pattern& builder) { return builder.matches(one.builder); };
    if (wanted->builders.empty() ||
        std::any_of(wanted->builders.begin(), wanted->builders.end(), accepts)) {
      return passed(kGate, fmt::format("built by {}, signed by {}", one.builder, one.signer));
    }
    other.insert(one.builder);
  }
  std::string found = "none";
  if (!other.empty()) {
    found = fmt::format("built by {}, which the policy does not accept", joined(other));
  } else if (!untrusted.empty()) {
    found = fmt::format("signed by {}, whom the trust policy {} does not accept", joined(untrusted),
                        channel.trust);
  }
  return failed(kGate, with_problems(std::move(found), candidate.problems),
                "build it in the pipeline that the policy names, with build --push --sign");
}

namespace {

// A failure that is not the image's doing says nothing about the image. Whatever nobody is blamed
// for counts, until a newer report passes.
bool blames_others(const ProbeReport& report) {
  return report.owner == "host" || report.owner == "hardware" || report.owner == "run command";
}

bool is_about(const ProbeReport& report, std::string_view gpu) {
  // An image that hides the GPUs from its probe fails on all of them.
  if (gpu.empty() || report.gpus.empty()) return true;
  return std::any_of(report.gpus.begin(), report.gpus.end(),
                     [&](const ProbeReport::Gpu& one) { return one.compute_capability == gpu; });
}

// The report that decides for one GPU (for any, when `gpu` is empty): the newest trusted one that
// says something about the image.
const ProbeReport* deciding(const std::vector<ProbeReport>& reports, std::string_view gpu) {
  const ProbeReport* newest = nullptr;
  for (const ProbeReport& report : reports) {
    if (!report.trusted || !is_about(report, gpu)) continue;
    if (report.passed ? report.gpus.empty() : blames_others(report)) continue;
    if (newest == nullptr || report.when > newest->when) newest = &report;
  }
  return newest;
}

std::string gpu_name(const ProbeReport& report, std::string_view gpu) {
  for (const ProbeReport::Gpu& one : report.gpus) {
    if (!gpu.empty() && one.compute_capability != gpu) continue;
    return fmt::format("{} ({})", one.name, one.compute_capability);
  }
  return gpu.empty() ? "an unknown GPU" : fmt::format("a GPU of {}", gpu);
}

}  // namespace

GateResult probe(const Channel& channel, const Candidate& candidate, base::Seconds now) {
  constexpr const char* kGate = "probe";
  const auto& wanted = channel.gates.probe;
  if (!wanted) return skipped(kGate);
  const std::vector<std::string> any = {""};
  std::vector<std::string> good, bad;
  for (const std::string& gpu : wanted->gpus.empty() ? any : wanted->gpus) {
    const ProbeReport* report = deciding(candidate.probes, gpu);
    if (report == nullptr) {
      bad.push_back(gpu.empty() ? "no trusted report from a GPU"
                                : fmt::format("no trusted report from a GPU of {}", gpu));
      continue;
    }
    const std::string where =
        fmt::format("{}, driver {}, {}", gpu_name(*report, gpu),
                    report->driver.empty() ? "unknown" : report->driver, ago(report->when, now));
    const std::int64_t age = now.value - report->when.value;
    if (!report->passed) {
      bad.push_back(fmt::format("failed on {}: {}", where, report->sentence));
    } else if (age < -kClockSkew) {
      bad.push_back(fmt::format("the report from {} is dated {}, which is in the future",
                                gpu_name(*report, gpu), base::format_time(report->when)));
    } else if (age > wanted->max_age) {
      bad.push_back(fmt::format("passed on {}, and may be {} old at most", where,
                                human_duration(wanted->max_age)));
    } else {
      good.push_back("passed on " + where);
    }
  }
  if (bad.empty()) return passed(kGate, base::join(good, "; "));
  return failed(kGate, with_problems(base::join(bad, "; "), candidate.problems),
                "run imgforge probe --json in the image on such a GPU and attest the report");
}

GateResult vulnerabilities(const Channel& channel, const Candidate& candidate, base::Seconds now) {
  constexpr const char* kGate = "vulnerabilities";
  const auto& wanted = channel.gates.vulnerabilities;
  if (!wanted) return skipped(kGate);
  if (!candidate.vulnerabilities) {
    if (wanted->skip_without_scanner) {
      return skipped(kGate, "the registry has no scanner, which the policy accepts");
    }
    return failed(kGate, "unknown: the registry has no scanner",
                  "keep the image in a Harbor that scans, or say without_scanner: skip");
  }
  const VulnerabilitySummary& scan = *candidate.vulnerabilities;
  if (!scan.complete) {
    return failed(kGate, fmt::format("unknown: the scan is {}", scan.state),
                  "scan the artifact in Harbor and wait until it is done");
  }
  std::vector<std::string> counts;
  for (auto it = scan.counts.rbegin(); it != scan.counts.rend(); ++it) {
    if (it->second > 0) counts.push_back(fmt::format("{} {}", it->second, to_string(it->first)));
  }
  std::string found = counts.empty() ? "no vulnerabilities" : base::join(counts, ", ");
  if (scan.fixable > 0) found += fmt::format(" ({} fixable)", scan.fixable);
  if (!scan.scanner.empty()) found += ", " + scan.scanner;
  if (scan.scanned) found += ", " + ago(*scan.scanned, now);
  Severity worst = scan.worst;
  for (const auto& [severity, count] : scan.counts) {
    if (count > 0) worst = std::max(worst, severity);
  }
  if (worst > wanted->at_most) {
    return failed(kGate, fmt::format("{}; the ceiling is {}", found, to_string(wanted->at_most)),
                  "build again with updated packages (imgforge outdated), or list what is accepted "
                  "in the project's CVE allowlist");
  }
  if (wanted->max_scan_age &&
      (!scan.scanned || now.value - scan.scanned->value > *wanted->max_scan_age)) {
    return failed(kGate,
                  fmt::format("{}; a scan may be {} old at most", found,
                              human_duration(*wanted->max_scan_age)),
                  "scan the artifact in Harbor again");
  }
  return passed(kGate, std::move(found));
}

GateResult minimum_age(const Channel& channel, const Candidate& candidate, base::Seconds now) {
  constexpr const char* kGate = "minimum-age";
  const auto& wanted = channel.gates.min_age;
  if (!wanted) return skipped(kGate);
  if (!candidate.since) {
    return failed(kGate, "unknown: nothing trusted says how long the image exists",
                  "promote it to the channel below first, or attach a provenance with its times");
  }
  const std::int64_t age = now.value - candidate.since->when.value;
  const std::string found = fmt::format("{}, by {}", human_duration(std::max<std::int64_t>(0, age)),
                                        candidate.since->known_from);
  if (age >= *wanted) return passed(kGate, found);
  return failed(
      kGate, fmt::format("{}; {} are asked for", found, human_duration(*wanted)),
      fmt::format("wait until {}", base::format_time({candidate.since->when.value + *wanted})));
}

GateResult from_below(const Channel& channel, const Candidate& candidate) {
  constexpr const char* kGate = "from-below";
  if (channel.from.empty()) return skipped(kGate, "no channel is below this one");
  const BelowEvidence& below = candidate.below;
  if (below.is_there_now) return passed(kGate, fmt::format("{} names it now", channel.from));
  if (below.was_there) {
    return passed(kGate,
                  fmt::format("{} came to it on {}, by {}", channel.from,
                              base::format_time(below.was_there->when), below.was_there->who));
  }
  return failed(kGate,
                below.now ? fmt::format("{} names {}, and no trusted record says that it was here",
                                        channel.from, below.now->short_hex())
                          : fmt::format("there is no {}", channel.from),
                fmt::format("promote it to {} first", channel.from));
}

GateResult not_older(const Channel& channel, const Candidate& candidate,
                     const ChannelState& state) {
  constexpr const char* kGate = "not-older";
  if (!channel.gates.not_older) return skipped(kGate);
  if (!state.now) return passed(kGate, "the channel is new");
  if (state.now->digest == candidate.image.digest) {
    return passed(kGate, "the channel names it already");
  }
  const std::string remedy = "going back is what rollback is for";
  if (candidate.build_tag && state.build_tag) {
    const std::string &mine = candidate.build_tag->parts().build,
                      &theirs = state.build_tag->parts().build;
    const auto order = compare_build_ids(mine, theirs);
    if (order < 0) {
      return failed(kGate, fmt::format("{} is older than {}, which the channel has", mine, theirs),
                    remedy);
    }
    if (order > 0) return passed(kGate, fmt::format("{} after {}", mine, theirs));
  }
  if (!candidate.created || !state.created) {
    return failed(kGate,
                  fmt::format("unknown: {} says neither build tag nor time of creation",
                              candidate.created ? "what the channel has" : "the image"),
                  "say not_older: false in the policy for images of other origin");
  }
  const std::string times =
      fmt::format("created {}, the channel has {}", base::format_time(*candidate.created),
                  base::format_time(*state.created));
  return *candidate.created < *state.created ? failed(kGate, times, remedy) : passed(kGate, times);
}

}  // namespace imgforge::release::gate

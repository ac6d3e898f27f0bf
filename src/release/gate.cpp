#include "release/gate.h"

#include <fmt/format.h>

#include "base/text.h"
#include "release/duration.h"
#include "release/gate_checks.h"

namespace imgforge::release {
namespace {

GateResult was_there_gate(const Channel& channel, const std::optional<PromotionRecord>& record,
                          base::Seconds now) {
  if (!record) {
    return {"was-there", Outcome::failed,
            fmt::format("no trusted record says that {} ever named this image", channel.name),
            "a new image goes in by promote; history lists what can be gone back to"};
  }
  return {"was-there", Outcome::passed,
          fmt::format("in {} by {}, {} ago", channel.name, record->who,
                      human_duration(std::max<std::int64_t>(0, now.value - record->when.value))),
          ""};
}

}  // namespace

std::vector<GateResult> judge(const Channel& channel, const Candidate& candidate,
                              const ChannelState& state, base::Seconds now) {
  return {gate::build_tag(channel, candidate),
          gate::signature(channel, candidate),
          gate::sbom(channel, candidate),
          gate::provenance(channel, candidate),
          gate::probe(channel, candidate, now),
          gate::vulnerabilities(channel, candidate, now),
          gate::minimum_age(channel, candidate, now),
          gate::from_below(channel, candidate),
          gate::not_older(channel, candidate, state)};
}

std::vector<GateResult> judge_rollback(const Channel& channel, const Candidate& candidate,
                                       const std::optional<PromotionRecord>& was_there,
                                       base::Seconds now) {
  std::vector<GateResult> gates = {was_there_gate(channel, was_there, now),
                                   gate::signature(channel, candidate)};
  for (const char* name : {"build-tag", "sbom", "provenance", "probe", "vulnerabilities",
                           "minimum-age", "from-below", "not-older"}) {
    gates.push_back({name, Outcome::skipped, "a rollback does not ask for it", ""});
  }
  return gates;
}

Result<> require_passed(const std::vector<GateResult>& gates, const std::string& channel) {
  std::vector<std::string> failed;
  for (const GateResult& gate : gates) {
    if (gate.outcome == Outcome::failed) failed.push_back(gate.gate);
  }
  if (failed.empty()) return {};
  Error error(Errc::refused, fmt::format("{} stays as it is: the gate{} {} did not pass", channel,
                                         failed.size() == 1 ? "" : "s", base::join(failed, ", ")));
  for (const GateResult& gate : gates) {
    if (gate.outcome != Outcome::failed) continue;
    (void)std::move(error).with(gate.gate, gate.found);
    if (error.hint().empty()) (void)std::move(error).hint(gate.remedy);
  }
  return fail(std::move(error));
}

}  // namespace imgforge::release

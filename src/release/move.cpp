#include "release/move.h"

#include <fmt/format.h>

#include "base/text.h"
#include "release/gate.h"
#include "release/publish.h"
#include "release/transfer.h"

namespace imgforge::release {
namespace {

std::string shown(const std::optional<oci::Digest>& digest) {
  return digest ? digest->to_string() : "nothing";
}

PromotionRecord record_of(const MovePlan& plan) {
  return {.action = plan.action,
          .channel = plan.channel.name,
          .repository = plan.repository,
          .from = plan.before,
          .to = plan.image.descriptor.digest,
          .build_tag = plan.build_tag ? plan.build_tag->to_string() : "",
          .source = plan.travels() ? plan.source : "",
          .policy = plan.policy,
          .gates = plan.gates,
          .who = plan.who,
          .when = plan.now,
          .reason = plan.reason};
}

/// One execution of a plan: what was done, for the report and for errors.
class Execution {
 public:
  Execution(const MovePlan& plan, oci::Tag tag, Repository& source, Repository& target,
            const Tools& tools, std::stop_token stop)
      : plan_(plan),
        tag_(std::move(tag)),
        source_(source),
        target_(target),
        tools_(tools),
        stop_(stop) {}

  Result<> run() {
    // Before anything is written: a wrong passphrase must not leave half a promotion behind.
    record_ = TRY(sign_record());
    if (TRY(is_there_by_others())) return {};
    if (plan_.travels()) TRY(transfer(plan_, source_, target_, tools_, result_.done, stop_));
    TRY(publish_build_tag());
    TRY(attach_record());
    TRY(move_channel());
    return {};
  }

  MoveResult& result() { return result_; }

  /// Takes back what can be, and says how far it came: the frame of an error.
  std::string undo() {
    if (!put_) withdraw_record();
    const auto now = look();
    const std::string where =
        now ? fmt::format("it names {}", shown(*now)) : "where it is cannot be seen";
    return fmt::format(
        "moving {} ({}{})", plan_.channel.name, where,
        result_.done.empty() ? std::string() : "; done: " + base::join(result_.done, ", "));
  }

 private:
  Result<std::vector<Artifact>> sign_record() {
    if (!tools_.sign) {
      return fail(Error(Errc::usage, "nothing is there to sign the promotion record with")
                      .hint("give the key of the release owner with --key"));
    }
    const oci::Descriptor& image = plan_.image.descriptor;
    auto artifacts = TRY(base::with_context(
        tools_.sign(image, plan_.repository, kPromotionPredicate, to_json(record_of(plan_))),
        "signing the promotion record"));
    const std::string& trust = plan_.channel.trust;
    if (trust.empty()) return artifacts;
    const Verification checked = TRY(tools_.verify(trust, plan_.repository, image, artifacts));
    for (const Attestation& one : checked.attestations) {
      if (one.predicate_type == kPromotionPredicate && one.trusted) return artifacts;
    }
    return fail(Error(Errc::refused,
                      fmt::format("the trust policy {} does not accept the key that signs the "
                                  "promotion record",
                                  trust))
                    .hint("history and rollback would not believe the record: sign with a key of "
                          "the trust policy"));
  }

  Error moved_by_others(const std::optional<oci::Digest>& expected,
                        const std::optional<oci::Digest>& found, const char* when) const {
    return Error(Errc::refused,
                 fmt::format("somebody else moved {} {}: it named {}, and names {}",
                             plan_.channel.name, when, shown(expected), shown(found)))
        .hint("look at history, and plan again from what the channel has now")
        .with("expected", shown(expected))
        .with("found", shown(found));
  }

  Result<std::optional<oci::Digest>> look() {
    const auto descriptor = TRY(target_.resolve(tag_));
    return descriptor ? std::optional(descriptor->digest) : std::nullopt;
  }

  // Whether somebody else brought the channel to this image since the plan was made; any other
  // move is refused.
  Result<bool> is_there_by_others() {
    const auto found = TRY(look());
    if (found == plan_.before) return false;
    if (found != plan_.image.descriptor.digest) {
      return fail(moved_by_others(plan_.before, found, "in the meantime"));
    }
    result_.done.push_back(
        fmt::format("somebody else moved {} there in the meantime", plan_.channel.name));
    return true;
  }

  Result<> publish_build_tag() {
    if (!plan_.build_tag || plan_.build_tag_is_there) return {};
    const std::string name = plan_.build_tag->to_string();
    const oci::Tag tag = TRY(oci::Tag::parse(name));
    const auto named = TRY(target_.resolve(tag));
    const auto decision =
        TRY(decide_publication(*plan_.build_tag, plan_.image.descriptor.digest,
                               named ? std::optional(named->digest) : std::nullopt));
    if (decision == Publication::present) return {};
    TRY(target_.put_manifest(tag, plan_.image));
    result_.done.push_back(fmt::format("tagged it {}", name));
    return {};
  }

  Result<> attach_record() {
    for (const Artifact& artifact : record_) {
      attached_.push_back(&artifact);  // also when it fails: half of it may be there
      TRY(base::with_context(target_.attach(artifact), "attaching the promotion record"));
    }
    result_.done.push_back("attached the signed record");
    return {};
  }

  // A record of what did not happen is taken back where the registry lets us. Where it does not,
  // history finds that the channel never went there.
  void withdraw_record() {
    bool gone = true;
    for (const Artifact* artifact : attached_) {
      const auto detached = target_.detach(*artifact);
      gone &= detached || detached.error().code() == Errc::not_found;
    }
    if (!attached_.empty()) {
      result_.done.push_back(gone ? "took the record back"
                                  : "the record stays, as one that is not in force");
    }
    attached_.clear();
  }

  Result<> move_channel() {
    if (TRY(is_there_by_others())) {
      withdraw_record();
      return {};
    }
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const oci::Digest& image = plan_.image.descriptor.digest;
    const auto put = target_.put_manifest(tag_, plan_.image);
    const auto after = look();
    if (after && *after == image) {  // also when only the answer was lost
      put_ = result_.moved = true;
      result_.done.push_back(fmt::format("moved {} from {} to {}", plan_.channel.name,
                                         shown(plan_.before), image.to_string()));
      return {};
    }
    // Where nobody can tell whether it moved, the record has to stay.
    put_ = put.has_value() || !after;
    if (!put) return fail(put.error());
    if (!after) return fail(Error(after.error()).context("looking whether the channel moved"));
    return fail(moved_by_others(image, *after, "right after it was moved"));
  }

  const MovePlan& plan_;
  oci::Tag tag_;
  Repository& source_;
  Repository& target_;
  const Tools& tools_;
  std::stop_token stop_;
  std::vector<Artifact> record_;
  std::vector<const Artifact*> attached_;
  MoveResult result_;
  bool put_ = false;  // the channel was written, or may have been
};

}  // namespace

std::vector<std::string> steps_of(const MovePlan& plan) {
  if (plan.is_there()) {
    return {fmt::format("nothing: {} names {} already", plan.channel.name,
                        plan.image.descriptor.digest.to_string())};
  }
  std::vector<std::string> steps;
  if (plan.travels()) {
    steps.push_back(fmt::format("copy the image with {} signatures and statements from {}",
                                plan.artifacts.size(), plan.source));
    steps.push_back("verify what arrived");
  }
  if (plan.build_tag && !plan.build_tag_is_there) {
    steps.push_back(fmt::format("tag it {}", plan.build_tag->to_string()));
  }
  steps.push_back("attach the signed record");
  steps.push_back(fmt::format("move {} from {} to {}", plan.channel.name, shown(plan.before),
                              plan.image.descriptor.digest.to_string()));
  return steps;
}

Result<MoveResult> carry_out(const MovePlan& plan, Repository& source, Repository& target,
                             const Tools& tools, std::stop_token stop) {
  if (plan.is_there()) return MoveResult{};
  TRY(require_passed(plan.gates, plan.channel.name));
  Execution execution(plan, TRY(oci::Tag::parse(plan.channel.name)), source, target, tools, stop);
  auto done = execution.run();
  if (!done) return fail(std::move(done.error()).context(execution.undo()));
  return std::move(execution.result());
}

}  // namespace imgforge::release

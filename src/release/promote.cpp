#include "release/promote.h"

#include <fmt/format.h>

#include "release/gate.h"
#include "release/publish.h"

namespace imgforge::release {
namespace {

Result<ChannelState> state_of(Repository& repository, const oci::Tag& channel) {
  ChannelState state;
  state.now = TRY(repository.resolve(channel));
  if (!state.now) return state;
  const RawManifest manifest = TRY(repository.manifest(state.now->digest));
  state.build_tag = TRY(build_tag_of(repository, manifest));
  state.created = created_of(manifest);
  return state;
}

Result<> refuse_immutable(Repository& repository, const oci::Tag& channel) {
  if (repository.harbor() == nullptr) return {};
  const auto rule = TRY(repository.harbor()->immutability_rule(channel));
  if (!rule) return {};
  return fail(Error(Errc::refused, fmt::format("{} makes {} immutable in {}", *rule,
                                               channel.to_string(), repository.name()))
                  .hint("a channel has to move: let the rule leave channels alone "
                        "(imgforge harbor apply writes such rules)"));
}

// The image keeps its name where it goes; without a tag of its own it would be collected there once
// the channel has moved on.
Result<bool> has_build_tag(Repository& repository, const BuildTag& tag, const oci::Digest& image) {
  const auto named = TRY(repository.resolve(TRY(oci::Tag::parse(tag.to_string()))));
  const auto existing = named ? std::optional(named->digest) : std::nullopt;
  const auto decision = decide_publication(tag, image, existing);
  if (decision) return *decision == Publication::present;
  Error error = decision.error();
  return fail(std::move(error).context("the build tag in " + repository.name()));
}

}  // namespace

Result<MovePlan> plan_promotion(const ChannelPolicy& policy, const Request& request,
                                Repository& source, const ImageName& image, Repository& target,
                                const Tools& tools, std::stop_token stop) {
  auto channel = TRY(policy.channel(request.channel));
  auto found = TRY(find_image(source, image));
  MovePlan plan{.action = Action::promote,
                .channel = std::move(channel),
                .repository = target.name(),
                .source = source.name(),
                .image = std::move(found),
                .policy = policy.digest(),
                .who = request.who,
                .reason = request.reason,
                .now = request.now};
  const oci::Tag tag = TRY(oci::Tag::parse(plan.channel.name));
  // First of all: what the channel is compared with before it moves.
  const ChannelState state = TRY(state_of(target, tag));
  if (state.now) plan.before = state.now->digest;
  TRY(refuse_immutable(target, tag));

  Gathered gathered = TRY(gather(source, plan.channel, plan.image, tools, stop));
  plan.gates = judge(plan.channel, gathered.candidate, state, request.now);
  plan.artifacts = std::move(gathered.beside.artifacts);
  plan.build_tag = gathered.candidate.build_tag;
  plan.build_tag_is_there = true;
  if (plan.build_tag && plan.travels()) {
    plan.build_tag_is_there =
        TRY(has_build_tag(target, *plan.build_tag, plan.image.descriptor.digest));
  }
  return plan;
}

}  // namespace imgforge::release

#include <fmt/format.h>

#include "release/gate.h"
#include "release/history.h"
#include "release/promote.h"

namespace imgforge::release {
namespace {

Result<oci::Digest> destination(Repository& repository, const History& history,
                                const std::optional<ImageName>& image) {
  if (image) return TRY(find_image(repository, *image)).descriptor.digest;
  if (const auto digest = previous(history)) return *digest;
  return fail(
      Error(Errc::not_found, fmt::format("no record says what {} had before", history.channel))
          .hint("name the image to go back to; history shows what is recorded"));
}

}  // namespace

Result<MovePlan> plan_rollback(const ChannelPolicy& policy, const Request& request,
                               Repository& repository, const std::optional<ImageName>& image,
                               const Tools& tools, std::stop_token stop) {
  const Channel channel = TRY(policy.channel(request.channel));
  if (request.reason.empty()) {
    return fail(Error(Errc::usage, "a rollback needs its reason")
                    .hint("say it with --reason; it stands in the record for everybody"));
  }
  const History history = TRY(read_history(repository, channel, tools, stop));
  if (!history.now) {
    return fail(Errc::not_found,
                fmt::format("{} has no channel {}", repository.name(), channel.name));
  }
  const oci::Digest to = TRY(destination(repository, history, image));
  auto manifest = repository.manifest(to);
  if (!manifest && manifest.error().code() == Errc::not_found) {
    return fail(Error(Errc::not_found, fmt::format("{}, which {} had before, is gone from {}",
                                                   to.to_string(), channel.name, repository.name()))
                    .hint("name another image that history lists"));
  }
  auto found = TRY(std::move(manifest));
  MovePlan plan{.action = Action::rollback,
                .channel = channel,
                .repository = repository.name(),
                .source = repository.name(),
                .image = std::move(found),
                .build_tag_is_there = true,
                .before = history.now,
                .policy = policy.digest(),
                .who = request.who,
                .reason = request.reason,
                .now = request.now};
  const Gathered gathered = TRY(gather(repository, channel, plan.image, tools, stop));
  plan.build_tag = gathered.candidate.build_tag;
  plan.gates = judge_rollback(channel, gathered.candidate, came_to(history, to), request.now);
  return plan;
}

}  // namespace imgforge::release

#include "cli/branch.h"

#include <fmt/format.h>

#include "release/gate.h"
#include "release/promote.h"
#include "release/render.h"

namespace imgforge::cli {

Result<std::optional<BranchChannel>> BranchChannel::make(App& app, const spec::ImageSpec& spec) {
  const auto branch = app.args().value("branch");
  if (!branch) return std::nullopt;
  if (branch->empty()) {
    return fail(Error(Errc::usage, "--branch names no branch")
                    .hint("is the pipeline's variable set? --branch \"$CI_COMMIT_BRANCH\""));
  }
  BranchChannel made;
  made.branch_ = *branch;
  made.releasing_ = TRY(open_releasing(app));
  release::BranchMap map;
  if (made.releasing_.policy) {
    map = made.releasing_.policy->branches();
  } else {
    std::vector<release::BranchMap::Entry> entries;
    for (const auto& [pattern, channel] : spec.channels) {
      entries.push_back({pattern, channel, {spec.file, 0, 0, {}}});
    }
    map = TRY(release::BranchMap::make(entries));
  }
  if (map.empty()) {
    const std::string where = made.releasing_.policy ? made.releasing_.file : spec.file;
    return fail(Error(Errc::usage, where + " does not say which channel a branch feeds")
                    .hint(made.releasing_.policy ? "branches: {dev: nightly} in the channel policy"
                                                 : "tags: {channels: {dev: nightly}} in the spec"));
  }
  made.channel_ = map.channel_of(*branch).value_or("");
  if (made.channel_.empty() || !made.releasing_.policy) return made;
  TRY(made.releasing_.policy->channel(made.channel_));
  TRY(let_sign(app, made.releasing_));
  return made;
}

Result<std::string> BranchChannel::follow(App& app, release::Repository& repository,
                                          const oci::Digest& image) {
  if (channel_.empty()) return fmt::format("no channel is fed by the branch {}", branch_);
  const std::string now = fmt::format("{} is {} now", channel_, image.to_string());
  const std::string already = fmt::format("{} is {} already", channel_, image.to_string());
  if (!releasing_.policy) {
    const oci::Tag tag = TRY(oci::Tag::parse(channel_));
    const auto before = TRY(repository.resolve(tag));
    if (before && before->digest == image) return already;
    const auto manifest = TRY(release::find_image(repository, image));
    TRY(repository.put_manifest(tag, manifest));
    return now + " (no channel policy: nothing was asked of it)";
  }
  const release::Request request{.channel = channel_,
                                 .who = who_asks(app),
                                 .reason = "built from the branch " + branch_,
                                 .now = base::now()};
  auto plan = TRY(release::plan_promotion(*releasing_.policy, request, repository, image,
                                          repository, releasing_.tools, app.stop()));
  auto passed = release::require_passed(plan.gates, channel_);
  if (!passed) {
    app.progress().note(release::gates_text(plan.gates));
    return fail(std::move(passed.error()).context("the image is published; the channel is not moved"));
  }
  const Moved moved = TRY(
      move_channel(app, std::move(plan), repository, repository, releasing_, /*dry_run=*/false));
  return moved.result->moved ? now : already;
}

}  // namespace imgforge::cli

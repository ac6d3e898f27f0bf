// promote and rollback: what moves a channel.
#include "release/promote.h"

#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/promotion.h"
#include "cli/repositories.h"
#include "cli/trust.h"
#include "release/gate.h"
#include "release/render.h"

namespace imgforge::cli {
namespace {

constexpr Option kPromoteOptions[] = {
    {"to", 0, "HOST/REPOSITORY", "where the channel is, if not where the image is"},
    {"reason", 'm', "TEXT", "why; stands in the record"},
    {"dry-run", 'n', "", "show every gate with what was found, and send nothing"},
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_SIGNING_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr Option kRollbackOptions[] = {
    {"to", 0, "TAG|DIGEST", "this image (default: what the channel had before)"},
    {"reason", 'm', "TEXT", "why; stands in the record (required)"},
    {"dry-run", 'n', "", "show what would be done, and send nothing"},
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_SIGNING_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<oci::RegistryReference> registry_reference(const std::string& text, bool bare) {
  const auto parsed = TRY(oci::Reference::parse(text));
  const auto* image = parsed.registry();
  if (image == nullptr) {
    return fail(Error(Errc::usage, text + " is not in a registry")
                    .hint("name it as HOST/REPOSITORY, with the host"));
  }
  if (bare && (image->tag || image->digest)) {
    return fail(Errc::usage, fmt::format("'{}' names an image where a repository is meant", text));
  }
  return *image;
}

/// Shows plan and outcome. Failed gates are the command's error, after the table.
Result<int> show(App& app, const Result<Moved>& moved, const release::MovePlan& plan) {
  app.close_progress();
  const release::MoveResult* result = moved && moved->result ? &*moved->result : nullptr;
  if (app.json()) {
    TRY(print(release::move_json(plan, result)));
  } else if (!moved || result == nullptr) {
    TRY(print(release::plan_text(plan)));
  } else {
    std::string text = release::gates_text(plan.gates) + "\n";
    for (const std::string& done : result->done) text += done + "\n";
    text += result->moved
                ? fmt::format("{} is {} now", plan.channel.name,
                              plan.image.descriptor.digest.to_string())
                : fmt::format("{} is {} already: nothing sent", plan.channel.name,
                              plan.image.descriptor.digest.to_string());
    TRY(print(text + "\n"));
  }
  const auto passed = moved ? release::require_passed(plan.gates, plan.channel.name)
                            : Result<>(fail(moved.error()));
  if (passed) return 0;
  if (!app.json()) return fail(passed.error());
  // One document on stdout; the error goes where people look.
  const std::string text =
      render_error(passed.error(), colour_wanted(stderr, app.settings().no_color));
  std::fwrite(text.data(), 1, text.size(), stderr);
  return exit_code(passed.error().code());
}

Result<int> run_plan(App& app, Releasing& releasing, release::MovePlan plan,
                     release::Repository& source, release::Repository& target) {
  const bool dry_run = app.args().flag("dry-run");
  const auto moved = move_channel(app, plan, source, target, releasing, dry_run);
  return show(app, moved, moved ? moved->plan : plan);
}

Result<int> run_promote(App& app) {
  const auto& words = app.args().positional();
  TRY(expect_words(app, 2, "promote", "HOST/REPOSITORY:TAG CHANNEL"));
  const oci::RegistryReference image = TRY(registry_reference(words[0], /*bare=*/false));
  if (!image.tag && !image.digest) {
    return fail(Error(Errc::usage, words[0] + " names no image")
                    .hint("promote HOST/REPOSITORY:BUILD-TAG CHANNEL; 'imgforge tags " + words[0] +
                          "' lists them"));
  }
  Releasing releasing = TRY(open_channels(app));
  if (!app.args().flag("dry-run")) TRY(let_sign(app, releasing));
  const auto source = TRY(open_repository(app, image));
  std::unique_ptr<release::Repository> elsewhere;
  if (const auto to = app.args().value("to")) {
    const auto reference = TRY(registry_reference(*to, /*bare=*/true));
    if (reference.host != image.host || reference.repository != image.repository) {
      elsewhere = TRY(open_repository(app, reference));
    }
  }
  release::Repository& target = elsewhere ? *elsewhere : *source;
  const release::ImageName name =
      image.digest ? release::ImageName(*image.digest) : release::ImageName(*image.tag);
  const release::Request request{.channel = words[1],
                                 .who = who_asks(app),
                                 .reason = app.args().value("reason").value_or(""),
                                 .now = base::now()};
  auto plan = TRY(release::plan_promotion(*releasing.policy, request, *source, name, target,
                                          releasing.tools, app.stop()));
  return run_plan(app, releasing, std::move(plan), *source, target);
}

Result<int> run_rollback(App& app) {
  const auto& words = app.args().positional();
  TRY(expect_words(app, 2, "rollback", "HOST/REPOSITORY CHANNEL"));
  const oci::RegistryReference place = TRY(registry_reference(words[0], /*bare=*/true));
  const auto reason = app.args().value("reason");
  if (!reason || reason->empty()) {
    return fail(Error(Errc::usage, "a rollback needs a reason: it stands in the channel's history")
                    .hint("--reason 'loss diverges on A100, see #123'"));
  }
  std::optional<release::ImageName> image;
  if (const auto to = app.args().value("to")) {
    if (to->starts_with("sha256:")) {
      image = TRY(oci::Digest::parse(*to));
    } else {
      image = TRY(oci::Tag::parse(*to));
    }
  }
  Releasing releasing = TRY(open_channels(app));
  if (!app.args().flag("dry-run")) TRY(let_sign(app, releasing));
  const auto repository = TRY(open_repository(app, place));
  const release::Request request{
      .channel = words[1], .who = who_asks(app), .reason = *reason, .now = base::now()};
  auto plan = TRY(release::plan_rollback(*releasing.policy, request, *repository, image,
                                         releasing.tools, app.stop()));
  return run_plan(app, releasing, std::move(plan), *repository, *repository);
}

}  // namespace

Command promote_command() {
  return {.name = "promote",
          .summary = "let a channel name an image that has proved what the channel asks for",
          .synopsis = "HOST/REPOSITORY:TAG|@DIGEST CHANNEL [options]",
          .details =
              "The channel policy says which gates an image passes to enter the channel. All are "
              "judged and shown with their\n"
              "evidence; then a signed record is attached to the image, and the channel moves by "
              "one request: never a\n"
              "rebuild, never another digest. With --to the image travels there first, with all "
              "that stands beside it.\n"
              "Exit code 7: a gate failed, or somebody else moved the channel.\n\n"
              "Examples:\n"
              "  imgforge promote harbor.example/ml/pytorch:pytorch2.6-cuda12.4-debian12-v2.6.1 "
              "v2.6-lts --dry-run\n"
              "  imgforge promote harbor.example/ml/pytorch:nightly v2.6-gpu --key release.key -m "
              "'passed on A100 and H100'\n"
              "  imgforge promote harbor.example/dev/pytorch:nightly v2.6-lts --to "
              "harbor.example/prod/pytorch",
          .options = kPromoteOptions,
          .run = run_promote};
}

Command rollback_command() {
  return {.name = "rollback",
          .summary = "let a channel name again what it had before",
          .synopsis = "HOST/REPOSITORY CHANNEL --reason TEXT [options]",
          .details =
              "Goes to the image before the newest promotion that was not taken back yet; twice in "
              "a row goes two steps.\n"
              "The image must have been in the channel by a trusted record, and be signed as the "
              "channel asks today.\n\n"
              "Examples:\n"
              "  imgforge rollback harbor.example/ml/pytorch v2.6-lts --reason 'loss diverges, "
              "#123'\n"
              "  imgforge rollback harbor.example/ml/pytorch v2.6-lts --to "
              "pytorch2.6-cuda12.4-debian12-v2.6.1 -m '#123'",
          .options = kRollbackOptions,
          .run = run_rollback};
}

}  // namespace imgforge::cli

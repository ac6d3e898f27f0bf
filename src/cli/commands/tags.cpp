// tags and history: what a repository offers, and what happened to a channel.
#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/promotion.h"
#include "cli/repositories.h"
#include "cli/trust.h"
#include "release/render.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<std::unique_ptr<release::Repository>> repository_word(App& app) {
  const std::string& text = app.args().positional()[0];
  const auto parsed = TRY(oci::Reference::parse(text));
  const auto* place = parsed.registry();
  if (place == nullptr || place->tag || place->digest) {
    return fail(Error(Errc::usage, "'" + text + "' is not HOST/REPOSITORY")
                    .hint("without a tag: it is about all of them"));
  }
  return open_repository(app, *place);
}

Result<int> run_tags(App& app) {
  TRY(expect_words(app, 1, "tags", "HOST/REPOSITORY"));
  const Releasing releasing = TRY(open_releasing(app));
  const auto repository = TRY(repository_word(app));
  // Whoever the configured trust policy believes; without one everybody is nobody.
  const std::string trust = has_trust(app) ? "configured" : "";
  const release::ChannelPolicy* policy = releasing.policy ? &*releasing.policy : nullptr;
  const auto list =
      TRY(release::list_tags(*repository, policy, trust, releasing.tools, app.stop()));
  app.close_progress();
  TRY(print(app.json() ? release::tags_json(list) : release::tags_text(list, base::now())));
  return 0;
}

Result<int> run_history(App& app) {
  TRY(expect_words(app, 2, "history", "HOST/REPOSITORY CHANNEL"));
  const Releasing releasing = TRY(open_channels(app));
  const auto repository = TRY(repository_word(app));
  const release::Channel channel =
      TRY(releasing.policy->channel(app.args().positional()[1]));
  const auto history =
      TRY(release::read_history(*repository, channel, releasing.tools, app.stop()));
  app.close_progress();
  TRY(print(app.json() ? release::history_json(history) : release::history_text(history)));
  return 0;
}

}  // namespace

Command tags_command() {
  return {.name = "tags",
          .summary = "list what a repository offers: builds, channels, signers, probe evidence",
          .synopsis = "HOST/REPOSITORY [options]",
          .details =
              "Signers count by the trust policy; without one none is known. Tags that tools keep "
              "for themselves are left out.\n\n"
              "Examples:\n"
              "  imgforge tags harbor.example/ml/pytorch-cuda\n"
              "  imgforge tags harbor.example/ml/pytorch-cuda --policy channels.yaml "
              "--trust-policy trust.yaml --json",
          .options = kOptions,
          .run = run_tags};
}

Command history_command() {
  return {.name = "history",
          .summary = "show what happened to a channel, from its signed records",
          .synopsis = "HOST/REPOSITORY CHANNEL [options]",
          .details =
              "Examples:\n"
              "  imgforge history harbor.example/ml/pytorch-cuda v2.6-lts",
          .options = kOptions,
          .run = run_history};
}

}  // namespace imgforge::cli

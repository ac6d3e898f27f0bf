// env pin: a tag becomes the digest that commits stand for.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/env_images.h"
#include "cli/image_promise.h"
#include "cli/image_view.h"
#include "cli/output.h"
#include "env/pin_edit.h"
#include "release/gather.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    IMGFORGE_TRUST_OPTIONS,
    {"dry-run", 'n', "", "print what would be written, and write nothing"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// The file to write, and which image was asked for.
struct Wanted {
  std::string file, text;
  bool is_new = false;
  env::Contract contract;
  oci::Tag tag;
};

Error which_tag() {
  return Error(Errc::usage, "env pin takes a tag")
      .hint("imgforge env pin v2.6-lts; 'imgforge tags HOST/REPOSITORY' lists what there is");
}

/// "HOST/REPO:TAG" where there is no contract yet.
Result<Wanted> begin_contract(const std::string& file, const std::string& word) {
  const auto parsed = oci::Reference::parse(word);
  const auto* image = parsed ? parsed->registry() : nullptr;
  if (image == nullptr || !image->tag) {
    return fail(Error(Errc::not_found,
                      fmt::format("there is no {} yet, and '{}' does not say in which repository",
                                  env::kContractFile, word))
                    .hint("imgforge env pin HOST/REPOSITORY:TAG"));
  }
  std::string text = env::new_contract(image->host + "/" + image->repository);
  auto contract = TRY(env::Contract::parse(text, env::kContractFile));
  return Wanted{file, std::move(text), true, std::move(contract), *image->tag};
}

Result<oci::Tag> tag_of_word(const env::Contract& contract, const std::string& word) {
  if (word.find('/') == std::string::npos) return oci::Tag::parse(word);
  const auto reference = TRY(oci::Reference::parse(word));
  const auto* image = reference.registry();
  if (image == nullptr || !image->tag) return fail(which_tag());
  if (image->host != contract.repository.host ||
      image->repository != contract.repository.repository) {
    return fail(Error(Errc::refused, fmt::format("{} names the repository {}", env::kContractFile,
                                                 contract.repository_name()))
                    .hint("change `repository` in the file first, if that is what you mean"));
  }
  return *image->tag;
}

Result<Wanted> read_wanted(App& app, const env::Git& git) {
  const auto& words = app.args().positional();
  if (words.size() > 1) return fail(which_tag());
  const std::string file = base::join_path(git.top(), env::kContractFile);
  if (!base::exists(file)) {
    if (words.empty()) return fail(which_tag());
    return begin_contract(file, words[0]);
  }
  std::string text = TRY(base::read_file(file, 1 << 20));
  auto contract = TRY(env::Contract::parse(text, env::kContractFile));
  if (!words.empty()) {
    oci::Tag tag = TRY(tag_of_word(contract, words[0]));
    return Wanted{file, std::move(text), false, std::move(contract), std::move(tag)};
  }
  // What this branch is for, else what was pinned before.
  std::optional<oci::Tag> tag;
  if (const auto branch = TRY(git.branch())) {
    if (const auto channel = contract.branches.channel_of(*branch)) {
      tag = TRY(oci::Tag::parse(*channel));
    }
  }
  if (!tag && contract.pin) tag = contract.pin->tag;
  if (!tag) return fail(which_tag());
  return Wanted{file, std::move(text), false, std::move(contract), *std::move(tag)};
}

/// Resolved, verified, and described by what the image says of itself.
Result<env::Pin> find_pin(App& app, const Wanted& wanted, const std::string& top) {
  const sign::TrustPolicy policy =
      TRY(trust_for(app, wanted.is_new ? nullptr : &wanted.contract, top));
  const std::string name = wanted.contract.repository_name();
  const RegistryImage image = TRY(open_registry_image(app, name + ":" + wanted.tag.to_string()));
  const Judged judged = TRY(judge_image(app, *image.repository, image.descriptor(), policy));
  TRY(base::with_context(require_accepted(judged, *image.repository, image.descriptor().digest),
                         "pinning " + image.name));
  env::Pin pin{.tag = wanted.tag, .digest = image.descriptor().digest, .build = {}};
  const ImageView view = TRY(open_image_anywhere(app, name + "@" + pin.digest.to_string()));
  if (const auto promise = TRY(promise_of(app, view))) {
    const env::Running running = TRY(env::read_running(*promise, "the promise of " + image.name));
    pin.build = running.tag;
    pin.promise = running.promise;
    pin.components = running.components;
  } else if (const auto build = TRY(release::build_tag_of(*image.repository, image.manifest))) {
    pin.build = build->to_string();
  }
  return pin;
}

base::Json to_json(const env::Pin& pin) {
  base::Json json = {{"tag", pin.tag.to_string()},
                     {"digest", pin.digest.to_string()},
                     {"build", pin.build},
                     {"components", pin.components}};
  if (pin.promise) json["promise"] = pin.promise->to_string();
  return json;
}

std::string changes(const env::Pin& before, const env::Pin& after) {
  std::vector<std::string> parts;
  for (const auto& [name, version] : after.components) {
    const auto old = before.components.find(name);
    if (old == before.components.end()) {
      parts.push_back(fmt::format("{} {} is new", name, version));
    } else if (old->second != version) {
      parts.push_back(fmt::format("{} {} -> {}", name, old->second, version));
    }
  }
  for (const auto& [name, version] : before.components) {
    if (!after.components.contains(name)) parts.push_back(fmt::format("{} is gone", name));
  }
  return base::join(parts, ", ");
}

Result<int> run(App& app) {
  const auto git = TRY(env::Git::open(".", app.stop()));
  const Wanted wanted = TRY(read_wanted(app, git));
  const env::Pin pin = TRY(find_pin(app, wanted, git.top()));
  env::Contract after = wanted.contract;
  after.pin = pin;
  if (const auto branch = TRY(git.branch())) {
    if (const auto mixed = env::check_branch(after, *branch)) {
      const std::string channel = *after.branches.channel_of(*branch);
      return fail(
          Error(Errc::refused, fmt::format("the branch {} is for the environment {}, not for {}",
                                           *branch, channel, pin.tag.to_string()))
              .hint(fmt::format("imgforge env pin {}; or change `branches` in {}", channel,
                                env::kContractFile)));
    }
  }
  const std::string text = TRY(env::with_pin(wanted.text, pin, env::kContractFile));
  const bool dry_run = app.args().flag("dry-run");
  const bool same = !wanted.is_new && text == wanted.text;
  if (!dry_run && !same) TRY(base::write_file_atomic(wanted.file, text));
  app.close_progress();
  if (app.json()) {
    base::Json json = {{"file", wanted.file},
                       {"repository", after.repository_name()},
                       {"pin", to_json(pin)},
                       {"annotation", after.annotation()->mark()},
                       {"written", !dry_run && !same}};
    if (wanted.contract.pin) json["before"] = to_json(*wanted.contract.pin);
    TRY(print(base::pretty_json(json)));
    return 0;
  }
  if (dry_run) {
    TRY(print(text));
    return 0;
  }
  std::string said = fmt::format(
      "{} {} {}@{}\n", after.annotation()->to_string(),
      same ? "is pinned already:" : "is pinned:", after.repository_name(), pin.digest.to_string());
  if (wanted.contract.pin && !same) {
    const std::string what = changes(*wanted.contract.pin, pin);
    said += fmt::format("before: {} {}{}\n", wanted.contract.pin->tag.to_string(),
                        wanted.contract.pin->digest.to_string(), what.empty() ? "" : "; " + what);
  }
  if (!same) said += fmt::format("next: git add {} && git commit\n", env::kContractFile);
  TRY(print(said));
  return 0;
}

}  // namespace

Command env_pin_command() {
  return {.name = "env pin",
          .summary = "pin this repository to an image: resolved, verified, by digest",
          .synopsis = "[TAG] [options]",
          .details =
              "Writes `pin` in .imgforge.yaml, where comments and order stay. Without TAG: the "
              "channel of this branch, else\n"
              "the tag that is pinned, as it is now. The signature is judged by the trust policy, "
              "as by 'imgforge verify'.\n"
              "In a repository without .imgforge.yaml: HOST/REPOSITORY:TAG.\n\n"
              "Examples:\n"
              "  imgforge env pin harbor.example/ml/pytorch-cuda:v2.6-lts\n"
              "  imgforge env pin nightly --dry-run\n"
              "  imgforge env pin",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli

// tag: another name for an image, in a registry or in the store.
#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/image_view.h"
#include "cli/output.h"
#include "cli/promotion.h"
#include "release/publish.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"move", 0, "", "also tags that name another image now"},
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

struct Tagged {
  std::string name;
  oci::Digest digest;
  std::vector<std::string> written, there;
};

Error taken(const std::string& tag, const oci::Digest& existing) {
  return Error(Errc::refused,
               fmt::format("the tag {} names another image: {}", tag, existing.to_string()))
      .hint("--move lets it name this one")
      .with("existing", existing.to_string());
}

/// Everything is looked at before anything is written.
Result<Tagged> tag_in_registry(App& app, const std::string& image_text,
                               const std::vector<oci::Tag>& tags) {
  const auto file = app.args().value("policy").value_or(app.settings().channel_policy);
  std::optional<release::ChannelPolicy> policy;
  if (!file.empty()) {
    const std::string text = TRY(base::read_file(file));
    policy = TRY(release::ChannelPolicy::parse(text, file));
  }
  const RegistryImage image = TRY(open_registry_image(app, image_text));
  const oci::Digest digest = image.descriptor().digest;
  Tagged tagged{image.repository->name(), digest, {}, {}};
  for (const oci::Tag& tag : tags) {
    const std::string name = tag.to_string();
    if (policy && policy->is_channel(name)) {
      return fail(Error(Errc::refused, name + " is a channel: it moves by its gates alone")
                      .hint(fmt::format("imgforge promote {} {}", image_text, name)));
    }
    const auto now = TRY(image.repository->resolve(tag));
    if (now && now->digest == digest) {
      tagged.there.push_back(name);
      continue;
    }
    if (const auto build = release::BuildTag::parse(name); build && now) {
      TRY(release::decide_publication(*build, digest, now->digest));
    }
    if (now && !app.args().flag("move")) return fail(taken(name, now->digest));
    tagged.written.push_back(name);
  }
  for (const std::string& name : tagged.written) {
    TRY(image.repository->put_manifest(TRY(oci::Tag::parse(name)), image.manifest));
  }
  return tagged;
}

Result<Tagged> tag_in_store(App& app, const std::string& text, const std::vector<oci::Tag>& tags) {
  const ImageView view = TRY(open_image(app, text));
  store::Store& store = *TRY(app.store());
  if (view.directory != store.directory()) {
    return fail(Error(Errc::usage, text + " is not an image of the store")
                    .hint("imgforge copy " + text + " oci:DIR:TAG writes another name"));
  }
  const std::string image = view.name.substr(0, view.name.rfind(':'));
  Tagged tagged{image, view.descriptor.digest, {}, {}};
  for (const oci::Tag& tag : tags) {
    const auto now = TRY(store.find_image(image + ":" + tag.to_string()));
    if (now && now->digest == tagged.digest) {
      tagged.there.push_back(tag.to_string());
    } else if (now && !app.args().flag("move")) {
      return fail(taken(tag.to_string(), now->digest));
    } else {
      tagged.written.push_back(tag.to_string());
    }
  }
  for (const std::string& name : tagged.written) {
    TRY(store.put_image(image + ":" + name, view.descriptor));
  }
  return tagged;
}

Result<int> run(App& app) {
  const auto& words = app.args().positional();
  if (words.size() < 2) {
    return fail(Error(Errc::usage, "tag needs an image and the tags that it shall get")
                    .hint("imgforge tag HOST/REPOSITORY:TAG NEW-TAG..."));
  }
  std::vector<oci::Tag> tags;
  for (std::size_t i = 1; i < words.size(); ++i) tags.push_back(TRY(oci::Tag::parse(words[i])));
  const auto reference = oci::Reference::parse(words[0]);
  const bool in_registry = reference && reference->registry() != nullptr;
  const Tagged tagged = in_registry ? TRY(tag_in_registry(app, words[0], tags))
                                    : TRY(tag_in_store(app, words[0], tags));
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"image", tagged.name},
                                 {"digest", tagged.digest.to_string()},
                                 {"written", tagged.written},
                                 {"there_already", tagged.there}})));
    return 0;
  }
  std::string text = tagged.digest.to_string() + "\n";
  for (const std::string& name : tagged.written) text += tagged.name + ":" + name + "\n";
  for (const std::string& name : tagged.there) text += tagged.name + ":" + name + " already\n";
  TRY(print(text));
  return 0;
}

}  // namespace

Command tag_command() {
  return {.name = "tag",
          .summary = "give an image another tag, in its registry or in the store",
          .synopsis = "IMAGE TAG... [options]",
          .details =
              "No bytes of layers move. A build tag is written once; a channel of the policy is "
              "moved by 'imgforge promote'\n"
              "alone; another tag that names another image is moved with --move.\n\n"
              "Examples:\n"
              "  imgforge tag harbor.example/ml/app:v1 candidate\n"
              "  imgforge tag pytorch-cuda:pytorch2.6-cuda12.4-debian12-v2.6.1 mine",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli

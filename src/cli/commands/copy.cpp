// push, pull and copy: one algorithm with different ends.
#include "content/copy.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/trust.h"
#include "release/publish.h"
#include "store/export.h"

namespace imgforge::cli {
namespace {

constexpr Option kPushOptions[] = {
    {"tag", 't', "TAG", "the tag there (default: the one that the image has)", true},
    {"referrers", 0, "", "also what points at the image: signatures, attestations, SBOMs"},
    {"mount-from", 0, "REPOSITORY", "a repository of that registry which may have layers", true},
    {"parallel", 'j', "N", "blobs at the same time (default 6)"},
    {"dry-run", 'n', "", "say what would be sent"},
    IMGFORGE_UPLOAD_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr Option kCopyOptions[] = {
    {"platform", 0, "OS/ARCH", "of an index only the image for this platform"},
    {"referrers", 0, "", "also what points at the image: signatures, attestations, SBOMs"},
    {"mount-from", 0, "REPOSITORY", "a repository of the target's registry which may have layers",
     true},
    {"parallel", 'j', "N", "blobs at the same time (default 6)"},
    {"dry-run", 'n', "", "say what would be copied"},
    IMGFORGE_UPLOAD_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr Option kPullOptions[] = {
    {"output", 'o', "REF",
     "write the image here too: oci:DIR[:tag], oci-archive:FILE, "
     "docker-archive:FILE",
     true},
    {"platform", 0, "OS/ARCH", "of an index the image for this platform (default linux/amd64)"},
    {"verify", 0, "", "only an image that the trust policy accepts (exit code 5 otherwise)"},
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<content::CopyOptions> copy_options(const App& app) {
  content::CopyOptions options{.referrers = app.args().flag("referrers"),
                               .dry_run = app.args().flag("dry-run"),
                               .mount_from = app.args().values("mount-from")};
  if (const auto text = app.args().value("parallel")) {
    const auto number = base::parse_uint(*text);
    if (!number || *number == 0 || *number > 64) {
      return fail(Errc::usage,
                  fmt::format("--parallel takes a number from 1 to 64, not '{}'", *text));
    }
    options.parallel = static_cast<std::size_t>(*number);
  }
  return options;
}

/// A build tag is written once: refused before anything is sent.
Result<> check_tags(App& app, OriginEnd& from, TargetEnd& to,
                    const std::vector<std::string>& tags) {
  std::optional<oci::Digest> digest;
  for (const std::string& name : tags) {
    TRY(oci::Tag::parse(name));
    const auto build = release::BuildTag::parse(name);
    if (!build) continue;
    const auto existing = TRY(to.target->find(name, app.stop()));
    if (!existing) continue;
    if (!digest) {
      digest = TRY(from.origin->resolve(from.reference, app.stop())).descriptor.digest;
    }
    TRY(release::decide_publication(*build, *digest, existing->digest));
  }
  return {};
}

Result<int> move(App& app, OriginEnd from, TargetEnd to, content::CopyOptions options,
                 const std::string& where) {
  if (!options.platform) TRY(check_tags(app, from, to, options.tags));
  const auto report = TRY(
      content::copy(*from.origin, from.reference, *to.target, options, app.progress(), app.stop()));
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json(moved_json(report, where))));
    return 0;
  }
  TRY(print((options.dry_run ? "would be: " : "") + moved_text(report, where)));
  return 0;
}

Result<int> run_push(App& app) {
  const auto& words = app.args().positional();
  TRY(expect_words(app, 2, "push", "IMAGE HOST/REPOSITORY[:TAG]"));
  OriginEnd from = TRY(open_origin(app, words[0]));
  TargetEnd to = TRY(open_target(app, words[1]));
  content::CopyOptions options = TRY(copy_options(app));
  options.verb = "push";
  options.tags = app.args().values("tag");
  if (!to.tag.empty()) options.tags.insert(options.tags.begin(), to.tag);
  if (options.tags.empty() && !from.tag.empty()) options.tags.push_back(from.tag);
  if (options.tags.empty()) {
    return fail(Error(Errc::usage, "the image has no tag to be pushed under")
                    .hint("imgforge push IMAGE HOST/REPOSITORY:TAG"));
  }
  const std::string where = to.target->name() + ":" + options.tags.front();
  return move(app, std::move(from), std::move(to), std::move(options), where);
}

Result<int> run_copy(App& app) {
  const auto& words = app.args().positional();
  TRY(expect_words(app, 2, "copy", "FROM TO"));
  OriginEnd from = TRY(open_origin(app, words[0]));
  TargetEnd to = TRY(open_target(app, words[1]));
  content::CopyOptions options = TRY(copy_options(app));
  if (const auto platform = app.args().value("platform")) {
    options.platform = TRY(oci::Platform::parse(*platform));
  }
  const std::string tag = to.tag.empty() ? from.tag : to.tag;
  if (!tag.empty()) options.tags.push_back(tag);
  const std::string where = to.target->name() + (tag.empty() ? "" : ":" + tag);
  return move(app, std::move(from), std::move(to), std::move(options), where);
}

/// The image by its digest, once the trust policy has accepted it: from then on the tag may move.
Result<oci::RegistryReference> verified(App& app, const std::string& text) {
  const sign::TrustPolicy policy = TRY(load_trust(app));
  const RegistryImage image = TRY(open_registry_image(app, text));
  const Judged judged = TRY(judge_image(app, *image.repository, image.descriptor(), policy));
  TRY(require_accepted(judged, *image.repository, image.descriptor().digest));
  oci::RegistryReference reference = image.reference;
  reference.digest = image.descriptor().digest;
  return reference;
}

Result<int> run_pull(App& app) {
  const auto& words = app.args().positional();
  TRY(expect_words(app, 1, "pull", "HOST/REPOSITORY[:TAG][@DIGEST]"));
  const auto reference = TRY(oci::Reference::parse(words[0]));
  const auto* image = reference.registry();
  if (image == nullptr) {
    return fail(
        Error(Errc::usage, words[0] + " is not in a registry").hint("imgforge copy FROM TO"));
  }
  std::vector<oci::Reference> outputs;
  for (const std::string& output : app.args().values("output")) {
    outputs.push_back(TRY(oci::Reference::parse(output)));
    if (outputs.back().registry() != nullptr) {
      return fail(Error(Errc::usage, "'" + output + "' is not a place on this machine")
                      .hint("imgforge copy FROM TO copies between registries"));
    }
  }
  const auto platform =
      TRY(oci::Platform::parse(app.args().value("platform").value_or("linux/amd64")));
  const bool verify = app.args().flag("verify");
  if (!verify && app.args().flag("trust-policy")) {
    return fail(Error(Errc::usage, "--trust-policy decides nothing here without --verify")
                    .hint("add --verify"));
  }
  const oci::RegistryReference wanted = verify ? TRY(verified(app, words[0])) : *image;
  store::Store& store = *TRY(app.store());
  const auto held = TRY(store.hold());
  const oci::Descriptor manifest =
      TRY(app.images().pull(wanted, platform, store, app.progress(), app.stop()));
  TRY(store.put_image(reference.to_string(), manifest));
  const std::string tag = image->tag ? image->tag->to_string() : "";
  for (const oci::Reference& output : outputs) {
    TRY(base::with_context(
        store::write_output(store, manifest, output, image->repository + ":" + tag, app.progress(),
                            app.stop()),
        "writing " + output.to_string()));
  }
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"image", reference.to_string()},
                                 {"digest", manifest.digest.to_string()},
                                 {"verified", verify},
                                 {"store", store.directory()}})));
    return 0;
  }
  std::string text = reference.to_string() + "\n" + manifest.digest.to_string() + "\n";
  for (const oci::Reference& output : outputs) text += "wrote " + output.to_string() + "\n";
  TRY(print(text));
  return 0;
}

}  // namespace

Command push_command() {
  return {.name = "push",
          .summary = "bring an image into a registry",
          .synopsis = "IMAGE HOST/REPOSITORY[:TAG] [options]",
          .details =
              "IMAGE is one of the store (as 'imgforge build' printed it), oci:DIR[:tag], "
              "oci-archive:FILE or docker-archive:FILE.\n"
              "What the registry has is neither read nor sent. A build tag is written once: with "
              "this digest again it is\n"
              "success, with another it is refused before anything is sent.\n\n"
              "Examples:\n"
              "  imgforge push pytorch-cuda harbor.example/ml/pytorch-cuda\n"
              "  imgforge push oci:out/app:v1 harbor.example/ml/app:v1 --referrers",
          .options = kPushOptions,
          .run = run_push};
}

Command pull_command() {
  return {
      .name = "pull",
      .summary = "bring an image from a registry into the store",
      .synopsis = "HOST/REPOSITORY[:TAG][@DIGEST] [options]",
      .details =
          "With --verify the tag is resolved to a digest, what stands beside it is judged by the "
          "trust policy, and only then\n"
          "that digest is fetched.\n\n"
          "Examples:\n"
          "  imgforge pull harbor.example/ml/pytorch-cuda:v2.6-lts --verify\n"
          "  imgforge pull harbor.example/ml/app:v1 -o oci:out/app -o "
          "docker-archive:app.tar",
      .options = kPullOptions,
      .run = run_pull};
}

Command copy_command() {
  return {.name = "copy",
          .summary = "copy an image between registries, layouts and archives",
          .synopsis = "FROM TO [options]",
          .details =
              "FROM: HOST/REPOSITORY:TAG or @DIGEST, oci:DIR[:tag], oci-archive:FILE, "
              "docker-archive:FILE, or an image of the store.\n"
              "TO: HOST/REPOSITORY[:TAG] or oci:DIR[:tag]. Digests stay what they are; within a "
              "registry layers are mounted.\n\n"
              "Examples:\n"
              "  imgforge copy harbor.example/ml/app:v1 harbor.example/prod/app:v1 --referrers\n"
              "  imgforge copy harbor.example/ml/app:v1 oci:out/app:v1",
          .options = kCopyOptions,
          .run = run_copy};
}

}  // namespace imgforge::cli

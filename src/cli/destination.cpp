#include "cli/destination.h"

#include <fmt/format.h>

#include "cli/evidence_documents.h"
#include "cli/repositories.h"
#include "cli/trust.h"

namespace imgforge::cli {

bool push_wanted(const App& app) {
  return app.args().flag("push") || app.args().value("to").has_value();
}

Result<> expect_push(const App& app, const char* command) {
  if (push_wanted(app)) return {};
  for (const char* option : {"bump", "sign", "attest", "keep-inputs", "branch"}) {
    if (!app.args().flag(option)) continue;
    return fail(Error(Errc::usage, fmt::format("--{} needs a registry to push to", option))
                    .hint(fmt::format("imgforge {} --push --{}, or --to HOST/REPOSITORY", command,
                                      option)));
  }
  return {};
}

Result<std::unique_ptr<BuildDestination>> BuildDestination::make(App& app,
                                                                 const spec::ImageSpec& spec) {
  if (!push_wanted(app)) return nullptr;
  const std::string text = app.args().value("to").value_or(spec.registry);
  if (text.empty()) {
    return fail(Error(Errc::usage, spec.file + " does not say where its image is pushed to")
                    .hint("registry: HOST/REPOSITORY in the spec, or --to HOST/REPOSITORY"));
  }
  const auto parsed = TRY(oci::Reference::parse(text));
  const auto* image = parsed.registry();
  if (image == nullptr || image->tag || image->digest) {
    return fail(Error(Errc::usage, "'" + text + "' is not HOST/REPOSITORY")
                    .hint("the build tag is computed; --output writes layouts and archives"));
  }
  std::unique_ptr<BuildDestination> made(new BuildDestination());
  made->reference_ = *image;
  made->end_ = TRY(open_target(app, text));
  registry::Client& client = *TRY(app.images().client(image->host));
  build::Destination& destination = made->destination_;
  destination.target = made->end_.target.get();
  destination.tags = [&client, repository = image->repository](
                         std::stop_token stop) -> Result<std::vector<std::string>> {
    auto tags = client.list_tags(repository, stop);
    if (!tags && tags.error().code() == Errc::not_found) return std::vector<std::string>();
    return tags;
  };
  const std::string cache = app.args().value("layer-cache").value_or(image->repository);
  if (cache != "none") {
    // HOST/ may stand before it, as people copy it.
    const std::string own = image->host + "/";
    const std::string repository = cache.starts_with(own) ? cache.substr(own.size()) : cache;
    TRY(oci::Reference::parse(own + repository));
    made->cache_.emplace(client, repository);
    destination.cache = &*made->cache_;
    if (repository != image->repository) {
      made->cache_repository_ = std::make_unique<registry::Repository>(client, repository);
      destination.cache_target = made->cache_repository_.get();
    }
  }
  made->repository_ = TRY(open_repository(app, *image));
  TRY(made->arrange_evidence(app, spec.file));
  return made;
}

Result<> BuildDestination::arrange_evidence(App& app, const std::string& spec_file) {
  const bool sign = app.args().flag("sign");
  const bool attest = app.args().flag("attest");
  const bool inputs = app.args().flag("keep-inputs");
  if (!sign && !attest && !inputs) return {};
  if (sign || attest) TRY(app.signer());
  destination_.needs_layers = attest;
  const base::Seconds started = base::now();
  destination_.before_tags = [=, this, &app](const build::BuiltImage& image,
                                             bool present) -> Result<> {
    const auto note = [&](std::vector<std::string> sentences) {
      for (std::string& one : sentences) evidence_.push_back(std::move(one));
    };
    if (sign) note(TRY(sign_image(app, *repository_, image.manifest, {})));
    // Evidence says where an image comes from: that includes what it can be built from again.
    if (attest || inputs) {
      kept_ = TRY(keep_beside(
          app, image, *repository_, *destination_.target,
          {.spec_file = spec_file, .mount_from = destination_.mount_from, .inputs = inputs}));
    }
    if (!attest) return {};
    if (present && !image.in_store) {
      note({"evidence was left to who built the image: its layers are not on this machine"});
      return {};
    }
    note(TRY(publish_evidence(app, image, spec_file, *repository_,
                              {.attest = true, .started = started, .finished = base::now()})));
    return {};
  };
  return {};
}

}  // namespace imgforge::cli

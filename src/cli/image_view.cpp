#include "cli/image_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/task_group.h"
#include "base/text.h"
#include "cli/registry_images.h"
#include "content/platform_choice.h"
#include "http/retry.h"
#include "oci/graph.h"
#include "store/export.h"

namespace imgforge::cli {
namespace {

Result<std::string> read_blob(const ImageView& view, const oci::Descriptor& descriptor) {
  std::string content = TRY(base::read_file(view.blob_path(descriptor.digest)));
  if (oci::Digest::of(content) != descriptor.digest) {
    return fail(Errc::mismatch, fmt::format("the blob {} has other content than its name says",
                                            descriptor.digest.to_string()));
  }
  return content;
}

Result<ImageView> load(std::string name, std::string directory, oci::Descriptor descriptor,
                       const oci::Platform& platform) {
  ImageView view{
      .name = std::move(name), .directory = std::move(directory), .descriptor = descriptor};
  view.manifest_json = TRY(read_blob(view, descriptor));
  if (descriptor.media_type == oci::media_type::kIndex ||
      descriptor.media_type == oci::media_type::kDockerManifestList) {
    const oci::Index index = TRY(oci::parse_index(view.manifest_json));
    for (const oci::Descriptor& child : index.manifests) {
      if (child.platform && *child.platform == platform) {
        return load(view.name, view.directory, child, platform);
      }
    }
    return fail(Errc::not_found, view.name + " has no image for " + platform.to_string());
  }
  view.manifest = TRY(oci::parse_manifest(view.manifest_json));
  if (!view.manifest.config) {
    return fail(Errc::invalid, view.name + " is not an image: its manifest has no config");
  }
  view.config_json = TRY(read_blob(view, *view.manifest.config));
  view.config = TRY(oci::parse_image_config(view.config_json));
  return view;
}

using Named = std::vector<std::pair<std::string, oci::Descriptor>>;

Result<std::pair<std::string, oci::Descriptor>> choose(const Named& images,
                                                       const std::string& wanted,
                                                       const std::string& where) {
  Named found;
  for (const auto& [name, descriptor] : images) {
    if (name == wanted) return std::pair(name, descriptor);
    const std::string digest = descriptor.digest.to_string();
    const bool by_digest = wanted.size() >= 6 && (digest.starts_with(wanted) ||
                                                  descriptor.digest.hex().starts_with(wanted));
    if (wanted.empty() || by_digest || name.starts_with(wanted + ":"))
      found.emplace_back(name, descriptor);
  }
  if (found.size() == 1) return found[0];
  std::vector<std::string> names;
  for (const auto& [name, descriptor] : found.empty() ? images : found) names.push_back(name);
  const std::string there =
      names.empty() ? "it holds no image" : "there are " + base::join(names, ", ");
  if (found.empty()) {
    return fail(Error(Errc::not_found, fmt::format("there is no image '{}' in {}", wanted, where))
                    .hint(there));
  }
  return fail(Error(Errc::usage, fmt::format("'{}' means more than one image in {}", wanted, where))
                  .hint(there));
}

Result<Named> images_of_layout(const std::string& directory) {
  const oci::Index index = TRY(oci::parse_index(TRY(base::read_file(directory + "/index.json"))));
  Named images;
  for (const oci::Descriptor& descriptor : index.manifests) {
    const auto name = descriptor.annotations.find("org.opencontainers.image.ref.name");
    images.emplace_back(name == descriptor.annotations.end() ? "" : name->second, descriptor);
  }
  return images;
}

}  // namespace

Result<ImageView> open_image(App& app, const std::string& text) {
  const oci::Platform platform;
  if (text.starts_with("oci:") || text.starts_with("oci-archive:") ||
      text.starts_with("docker-archive:")) {
    const oci::Reference reference = TRY(oci::Reference::parse(text));
    if (const auto* layout = reference.layout()) {
      const Named images = TRY(images_of_layout(layout->directory));
      auto [name, descriptor] =
          TRY(choose(images, layout->tag ? layout->tag->to_string() : "", layout->directory));
      return load(name.empty() ? text : name, layout->directory, descriptor, platform);
    }
    const auto* archive = reference.archive();
    if (archive == nullptr || archive->format != oci::ArchiveReference::Format::oci) {
      return fail(Error(Errc::unsupported, "cannot look into " + text)
                      .hint("skopeo copy " + text + " oci:DIR:tag, then look at oci:DIR:tag"));
    }
    store::Store& store = *TRY(app.store());
    const auto descriptor = TRY(store::import_oci_archive(store, archive->file, archive->name,
                                                          platform, app.progress(), app.stop()));
    return load(text, store.directory(), descriptor, platform);
  }
  store::Store& store = *TRY(app.store());
  auto [name, descriptor] = TRY(choose(TRY(store.images()), text, "the store"));
  return load(name, store.directory(), descriptor, platform);
}

namespace {

constexpr std::size_t kTransfers = 4;
constexpr int kDeepestIndex = 4;

/// Manifest and config, by way of the store.
Result<ImageView> open_in_registry(App& app, const std::string& text,
                                   oci::RegistryReference image) {
  const oci::Platform platform;
  store::Store& store = *TRY(app.store());
  registry::Client& client = *TRY(app.images().client(image.host));
  auto document = TRY(client.get_manifest(image, app.stop()));
  for (int depth = 0; oci::is_index(document.descriptor.media_type); ++depth) {
    if (depth == kDeepestIndex) {
      return fail(Errc::unsupported, text + " is an index of indexes, too deep to follow");
    }
    const auto index = TRY(base::with_context(oci::parse_index(document.bytes), "reading " + text));
    image.digest = TRY(content::choose_platform(index, platform, text)).digest;
    document = TRY(client.get_manifest(image, app.stop()));
  }
  const auto kept = TRY(store.put_document(document.bytes, document.descriptor.media_type));
  const auto manifest =
      TRY(base::with_context(oci::parse_manifest(document.bytes), "reading " + text));
  if (manifest.config) {
    auto task = base::silent_progress().start("", "", std::nullopt);
    TRY(app.images().pull_blob(image, *manifest.config, store, *task, app.stop()));
  }
  ImageView view = TRY(load(text, store.directory(), kept, platform));
  view.registry = std::move(image);
  return view;
}

}  // namespace

Result<ImageView> open_image_anywhere(App& app, const std::string& text) {
  // As for pushes and copies: a name with a host is a registry's.
  const auto reference = oci::Reference::parse(text);
  if (reference && reference->registry()) {
    auto there = open_in_registry(app, text, *reference->registry());
    if (there || !http::is_transient(there.error())) return there;
    // What was pulled under that name will do where the registry cannot be asked.
    auto here = open_image(app, text);
    if (!here) return there;
    app.progress().warn(there.error().message() + "; this is what was pulled before");
    return here;
  }
  return open_image(app, text);
}

Result<> bring_layers(App& app, const ImageView& image,
                      const std::vector<oci::Descriptor>& layers) {
  if (!image.registry) return {};
  store::Store& store = *TRY(app.store());
  return base::parallel_for(
      layers.size(), kTransfers, app.stop(), [&](std::size_t i, std::stop_token stop) -> Result<> {
        const oci::Descriptor& layer = layers[i];
        if (store.has_blob(layer.digest)) return {};
        auto task = app.progress().start("pull", layer.digest.short_hex(), layer.size);
        TRY(app.images().pull_blob(*image.registry, layer, store, *task, stop));
        task->finish("pulled");
        return {};
      });
}

}  // namespace imgforge::cli

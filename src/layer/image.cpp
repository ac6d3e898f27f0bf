#include "layer/image.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "layer/image_scan.h"
#include "layer/layer_fields.h"
#include "oci/reference.h"
#include "store/export.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

struct Settings {
  oci::Reference ref;
  oci::Platform platform;
  std::string id, title;
  document::Node place;  // of `ref`
};

struct BaseLayer {
  store::BuiltLayer built;
  std::string created_by;  // from the base image's history
};

struct Part {
  oci::Descriptor manifest;
  std::vector<BaseLayer> layers;
  std::vector<std::string> env;
  Facts facts;
};

Error no_registries(const oci::Reference& ref) {
  return Error(Errc::unsupported,
               fmt::format("nothing here reads from registries, and {} is in one", ref.to_string()))
      .hint(fmt::format("copy it to a folder first: skopeo copy docker://{} oci:base:latest, and "
                        "write ref: oci:base:latest",
                        ref.to_string()));
}

/// Takes the base image into the store. The one place that knows where base images come from.
Result<oci::Descriptor> bring(const oci::Reference& ref, const oci::Platform& platform,
                              ImageSource* images, store::Store& store,
                              const std::string& project_directory, base::Progress& progress,
                              std::stop_token stop) {
  if (const auto* image = ref.registry()) {
    if (images == nullptr) return fail(no_registries(ref));
    return images->pull(*image, platform, store, progress, stop);
  }
  if (const auto* layout = ref.layout()) {
    return store::import_layout(store, base::join_path(project_directory, layout->directory),
                                layout->tag ? layout->tag->to_string() : "", platform, progress,
                                stop);
  }
  if (const auto* file = ref.archive();
      file != nullptr && file->format == oci::ArchiveReference::Format::oci) {
    return store::import_oci_archive(store, base::join_path(project_directory, file->file),
                                     file->name, platform, progress, stop);
  }
  return fail(
      Error(Errc::unsupported,
            fmt::format("a base image cannot be read from {} directly", ref.to_string()))
          .hint(fmt::format("copy it to a folder first: skopeo copy {} oci:base:latest, and "
                            "write ref: oci:base:latest",
                            ref.to_string())));
}

/// The OCI name of a layer's form; Docker's names mean the same bytes.
Result<std::string> layer_type(const std::string& media_type) {
  namespace type = oci::media_type;
  if (media_type == type::kDockerLayerGzip) return std::string(type::kLayerGzip);
  for (const char* known : {type::kLayer, type::kLayerGzip, type::kLayerZstd}) {
    if (media_type == known) return media_type;
  }
  return fail(Errc::unsupported,
              fmt::format("the base image has a layer of the type {}", media_type));
}

base::Json python_json(const PythonFacts& python) {
  return {{"version", python.version}, {"executable", python.executable}};
}

std::string format_part(const Settings& settings, const Part& part) {
  base::Json layers = base::Json::array();
  for (const BaseLayer& layer : part.layers) {
    layers.push_back({{"digest", layer.built.blob.digest.to_string()},
                      {"media_type", layer.built.blob.media_type},
                      {"size", layer.built.blob.size},
                      {"diff_id", layer.built.diff_id.to_string()},
                      {"tar_size", layer.built.tar_size},
                      {"entries", layer.built.entries},
                      {"created_by", layer.created_by}});
  }
  base::Json json = {{"kind", "image"},
                     {"ref", settings.ref.to_string()},
                     {"platform", settings.platform.to_string()},
                     {"manifest",
                      {{"digest", part.manifest.digest.to_string()},
                       {"media_type", part.manifest.media_type},
                       {"size", part.manifest.size}}},
                     {"layers", std::move(layers)},
                     {"env", part.env},
                     {"os", {{"id", part.facts.os_id}, {"version", part.facts.os_version}}},
                     {"glibc", part.facts.glibc},
                     {"dpkg_status", part.facts.dpkg_status}};
  if (part.facts.python) json["python"] = python_json(*part.facts.python);
  return base::canonical_json(json);
}

Result<oci::Descriptor> read_descriptor(base::JsonReader& row) {
  const auto digest = row.text("digest");
  const auto media_type = row.text("media_type");
  const auto size = row.number("size");
  auto parsed = TRY(oci::Digest::parse(digest));
  return oci::Descriptor{.media_type = media_type, .digest = std::move(parsed), .size = size};
}

Result<BaseLayer> read_layer(base::JsonReader row) {
  const auto diff_id = row.text("diff_id");
  const auto tar_size = row.number("tar_size");
  const auto entries = row.number("entries");
  const auto created_by = row.text("created_by");
  auto blob = TRY(read_descriptor(row));
  TRY(row.finish());
  auto parsed = TRY(oci::Digest::parse(diff_id));
  return BaseLayer{.built = {.blob = std::move(blob),
                             .diff_id = std::move(parsed),
                             .tar_size = tar_size,
                             .entries = entries},
                   .created_by = created_by};
}

Result<Part> parse_part(const std::string& text, const Settings& settings) {
  const auto json = TRY(base::parse_json(text, "the lock's part of an image layer"));
  base::JsonReader reader(json, "image");
  const auto kind = reader.text("kind");
  const auto ref = reader.text("ref");
  const auto platform = reader.text("platform");
  auto manifest = reader.object("manifest");
  auto os = reader.object("os");
  auto python = reader.object("python", /*required=*/false);
  auto rows = reader.objects("layers");
  const auto env = reader.texts("env");
  Facts facts;
  facts.glibc = reader.text("glibc");
  facts.dpkg_status = reader.text("dpkg_status");
  TRY(reader.finish());
  facts.os_id = os->text("id");
  facts.os_version = os->text("version");
  TRY(os->finish());
  if (python) {
    facts.python = PythonFacts{};
    facts.python->version = python->text("version");
    facts.python->executable = python->text("executable");
    TRY(python->finish());
  }
  Part part{.manifest = TRY(read_descriptor(*manifest)), .env = env, .facts = std::move(facts)};
  TRY(manifest->finish());
  for (base::JsonReader& row : rows) part.layers.push_back(TRY(read_layer(std::move(row))));
  if (kind != "image" || ref != settings.ref.to_string() ||
      platform != settings.platform.to_string()) {
    return fail(Error(Errc::refused, "the lock's image layer was made for another base image")
                    .hint("run imgforge lock"));
  }
  return part;
}

class ImageLayerRecipe final : public Recipe {
 public:
  ImageLayerRecipe(Settings settings, oci::Digest manifest, BaseLayer layer)
      : settings_(std::move(settings)), manifest_(std::move(manifest)), layer_(std::move(layer)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "image"},
                                 {"revision", kRevision},
                                 {"digest", layer_.built.blob.digest.to_string()},
                                 {"media_type", layer_.built.blob.media_type},
                                 {"diff_id", layer_.built.diff_id.to_string()}});
  }
  std::string title() const override {
    return fmt::format("{} {}",
                       settings_.title.empty() ? settings_.ref.to_string() : settings_.title,
                       layer_.built.blob.digest.short_hex());
  }
  /// The blob comes from the store, where locking put it, or from the reference again.
  std::vector<sources::Input> inputs() const override { return {}; }
  std::uint64_t estimated_bytes() const override { return layer_.built.blob.size; }
  std::optional<oci::Descriptor> base_blob() const override { return layer_.built.blob; }
  bool affects_loader_cache() const override { return false; }

  Result<store::BuiltLayer> produce(const BuildContext& context) const override {
    const auto& blob = layer_.built.blob;
    if (!context.store.has_blob(blob.digest)) TRY(fetch(context));
    const auto size = TRY(context.store.blob_size(blob.digest));
    if (size != blob.size) {
      return fail(Errc::mismatch,
                  fmt::format("the base layer {} has {} bytes, and the lock says {}",
                              blob.digest.to_string(), size, blob.size));
    }
    return layer_.built;
  }

 private:
  /// A registry gives the layer by its digest, wherever the tag points now; layouts and archives
  /// are taken whole, and must still be the locked image.
  Result<> fetch(const BuildContext& context) const {
    if (const auto* image = settings_.ref.registry()) {
      if (context.images == nullptr) return fail(no_registries(settings_.ref));
      context.task.set_phase("pulling");
      return context.images->pull_blob(*image, layer_.built.blob, context.store, context.task,
                                       context.stop);
    }
    context.task.set_phase("importing");
    const auto found = TRY(bring(settings_.ref, settings_.platform, context.images, context.store,
                                 context.project_directory, base::silent_progress(), context.stop));
    if (found.digest == manifest_) return {};
    return fail(Error(Errc::mismatch,
                      fmt::format("{} is now {}, and the lock has {}", settings_.ref.to_string(),
                                  found.digest.to_string(), manifest_.to_string()))
                    .hint("bring the locked image back, or lock again"));
  }

  Settings settings_;
  oci::Digest manifest_;
  BaseLayer layer_;
};

class ImageDefinition final : public Definition {
 public:
  explicit ImageDefinition(Settings settings) : settings_(std::move(settings)) {}

  std::vector<std::string> project_paths() const override {
    if (const auto* layout = settings_.ref.layout()) return {layout->directory};
    if (const auto* file = settings_.ref.archive()) return {file->file};
    return {};
  }

  Result<std::string> resolve(const ResolveContext& context) const override {
    const auto manifest = bring(settings_.ref, settings_.platform, context.images, context.store,
                                context.project_directory, context.progress, context.stop);
    if (!manifest) {
      return fail(Error(manifest.error())
                      .at(settings_.place.where())
                      .context("taking the base image " + settings_.ref.to_string()));
    }
    auto part = TRY(describe(context, *manifest));
    return format_part(settings_, part);
  }

  Result<> contribute(const std::string& part, Facts& facts) const override {
    auto locked = TRY(parse_part(part, settings_));
    facts.architecture = settings_.platform.architecture;
    facts.os_id = locked.facts.os_id;
    facts.os_version = locked.facts.os_version;
    facts.glibc = locked.facts.glibc;
    facts.dpkg_status = std::move(locked.facts.dpkg_status);
    facts.base_env = std::move(locked.env);
    if (!facts.os_id.empty()) {
      facts.set({.name = facts.os_id, .version = facts.os_version, .source = settings_.id});
    }
    if (!facts.glibc.empty()) {
      facts.set({.name = "glibc", .version = facts.glibc, .source = settings_.id});
    }
    if (locked.facts.python) {
      facts.python = locked.facts.python;
      facts.set({.name = "python", .version = facts.python->version, .source = settings_.id});
    }
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext&) const override {
    auto locked = TRY(parse_part(part, settings_));
    std::vector<std::unique_ptr<Recipe>> made;
    for (BaseLayer& layer : locked.layers) {
      made.push_back(
          std::make_unique<ImageLayerRecipe>(settings_, locked.manifest.digest, std::move(layer)));
    }
    return made;
  }

 private:
  Result<Part> describe(const ResolveContext& context, const oci::Descriptor& descriptor) const {
    const std::string name = settings_.ref.to_string();
    const auto manifest = TRY(oci::parse_manifest(TRY(context.store.read_blob(descriptor.digest))));
    if (!manifest.config) return fail(Errc::invalid, name + " has no configuration");
    const auto config =
        TRY(oci::parse_image_config(TRY(context.store.read_blob(manifest.config->digest))));
    if (config.diff_ids.size() != manifest.layers.size()) {
      return fail(Errc::invalid, fmt::format("{} has {} layers, and its configuration names {}",
                                             name, manifest.layers.size(), config.diff_ids.size()));
    }
    if (config.platform.architecture != settings_.platform.architecture ||
        config.platform.os != settings_.platform.os) {
      return fail(Error(Errc::mismatch,
                        fmt::format("{} is for {}, and the image is for {}", name,
                                    config.platform.to_string(), settings_.platform.to_string()))
                      .at(settings_.place.where()));
    }
    std::vector<std::string> created_by;
    for (const oci::HistoryEntry& entry : config.history) {
      if (!entry.empty_layer) created_by.push_back(entry.created_by);
    }
    created_by.resize(manifest.layers.size());

    Part part{.manifest = descriptor, .env = config.config.env};
    ImageScan scan;
    for (std::size_t i = 0; i < manifest.layers.size(); ++i) {
      if (context.stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
      const oci::Descriptor& layer = manifest.layers[i];
      auto blob = TRY(context.store.open_blob(layer.digest));
      TRY(scan.add_layer(blob, layer.digest.short_hex()));
      part.layers.push_back({.built = {.blob = {.media_type = TRY(layer_type(layer.media_type)),
                                                .digest = layer.digest,
                                                .size = layer.size},
                                       .diff_id = config.diff_ids[i],
                                       .tar_size = scan.layers().back().bytes,
                                       .entries = scan.layers().back().entries},
                             .created_by = created_by[i]});
    }
    part.facts = scan.facts();
    return part;
  }

  Settings settings_;
};

}  // namespace

Result<std::unique_ptr<Definition>> decode_image(const document::Node& entry) {
  LayerFields fields(entry);
  const auto text = fields.text("ref");
  const auto wanted = fields.text_or("platform", "linux/amd64");
  const auto place = fields.optional_node("ref").value_or(entry);
  TRY(fields.finish());
  auto ref = oci::Reference::parse(text);
  if (!ref) {
    return fail(Error(place.error(ref.error().message())).hint(ref.error().hint()));
  }
  auto platform = oci::Platform::parse(wanted);
  if (!platform) return fail(Error(platform.error()).at(fields.where("platform")));
  return std::make_unique<ImageDefinition>(Settings{.ref = *std::move(ref),
                                                    .platform = *std::move(platform),
                                                    .id = fields.id(),
                                                    .title = fields.title(),
                                                    .place = place});
}

}  // namespace imgforge::layer

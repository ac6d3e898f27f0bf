#include "layer/redist.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/task_group.h"
#include "base/text.h"
#include "layer/redist_manifest.h"
#include "layer/unpack.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

/// An archive of this size (compressed) gets a layer of its own; smaller ones share one.
constexpr std::uint64_t kOwnLayerFrom = 32'000'000;

/// The largest manifest seen has 60 kB.
constexpr std::size_t kManifestLimit = 4 << 20;

struct Settings {
  std::string product;   // "cuda"
  std::string manifest;  // "redistrib_11.8.0.json"
  std::string release;   // "11.8.0"
  std::vector<std::string> components;
  std::string prefix;  // "usr/local/cuda-11.8"
  std::string id, title;
  document::Node place;  // of `components`
};

struct LockedComponent {
  std::string name, version, license;
  sources::Input input;
};

struct Part {
  std::string manifest_sha256;
  std::vector<LockedComponent> components;
};

std::string format_part(const Settings& settings, const Part& part) {
  base::Json components = base::Json::array();
  for (const auto& one : part.components) {
    components.push_back({{"name", one.name},
                          {"version", one.version},
                          {"license", one.license},
                          {"input", sources::to_json(one.input)}});
  }
  return base::canonical_json({{"kind", "redist"},
                               {"product", settings.product},
                               {"manifest", settings.manifest},
                               {"manifest_sha256", part.manifest_sha256},
                               {"components", std::move(components)}});
}

Result<Part> parse_part(const std::string& text, const Settings& settings) {
  const auto json = TRY(base::parse_json(text, "the lock's part of a redist layer"));
  base::JsonReader reader(json, "redist");
  Part part;
  const auto kind = reader.text("kind");
  const auto product = reader.text("product");
  const auto manifest = reader.text("manifest");
  part.manifest_sha256 = reader.text("manifest_sha256");
  for (base::JsonReader& row : reader.objects("components")) {
    const auto name = row.text("name");
    const auto version = row.text("version");
    const auto license = row.text("license");
    const auto input = row.object("input");
    TRY(row.finish());
    if (!input) return fail(Errc::invalid, row.path() + " has no input");
    auto locked = TRY(sources::input_from_json(*input));
    part.components.push_back({name, version, license, std::move(locked)});
  }
  TRY(reader.finish());
  std::vector<std::string> names;
  for (const auto& one : part.components) names.push_back(one.name);
  if (kind != "redist" || product != settings.product || manifest != settings.manifest ||
      names != settings.components) {
    return fail(Error(Errc::refused, "the lock's redist layer was made for other components")
                    .hint("run imgforge lock"));
  }
  return part;
}

/// Static libraries, and what stands in for the driver's libraries when linking.
bool is_for_linking(std::string_view path) {
  return path.ends_with(".a") || path.find("/stubs/") != std::string_view::npos ||
         path.ends_with("/stubs");
}

bool is_license(std::string_view path) {
  return path.find('/') == std::string_view::npos &&
         (path.starts_with("LICENSE") || path.starts_with("NOTICE") || path.starts_with("EULA"));
}

class RedistRecipe final : public WrittenRecipe {
 public:
  RedistRecipe(Settings settings, std::vector<LockedComponent> components, bool with_links)
      : settings_(std::move(settings)),
        components_(std::move(components)),
        with_links_(with_links) {}

  std::string key_material() const override {
    base::Json archives = base::Json::array();
    for (const auto& one : components_) archives.push_back({one.name, one.input.digest.hex()});
    return base::canonical_json({{"kind", "redist"},
                                 {"revision", kRevision},
                                 {"product", settings_.product},
                                 {"prefix", settings_.prefix},
                                 {"links", with_links_},
                                 {"archives", std::move(archives)}});
  }

  std::string title() const override {
    if (components_.size() == 1 && !with_links_) {
      return fmt::format("{} {}", components_[0].name, components_[0].version);
    }
    if (!settings_.title.empty()) return settings_.title;
    return fmt::format("{} {} ({} components)", settings_.product, settings_.release,
                       components_.size());
  }

  std::vector<sources::Input> inputs() const override {
    std::vector<sources::Input> inputs;
    for (const auto& one : components_) inputs.push_back(one.input);
    return inputs;
  }

  std::uint64_t estimated_bytes() const override {
    std::uint64_t sum = 0;
    for (const auto& one : components_) sum += one.input.size;
    return sum * 2;  // half of an archive is static libraries
  }

  bool affects_loader_cache() const override { return true; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    ReadingPlace place(context.held, context.scratch);
    context.task.set_phase("looking into the archives");
    auto unpacked =
        TRY(base::parallel_map<TreeEntries>(components_.size(), context.workers + 1, context.stop,
                                            [&](std::size_t i, std::stop_token stop) {
                                              return unpack(components_[i], context, place, stop);
                                            }));
    TreeEntries all(context.epoch);
    for (TreeEntries& entries : unpacked) TRY(all.merge(std::move(entries)));
    if (with_links_) TRY(add_links(all));
    context.task.set_phase("");
    return all.emit(out, &context.task, context.stop);
  }

 private:
  Result<TreeEntries> unpack(const LockedComponent& component, const BuildContext& context,
                             ReadingPlace& place, std::stop_token stop) const {
    auto file = std::make_shared<base::File>(TRY(context.store.open_input(component.input.digest)));
    TreeEntries entries(context.epoch);
    UnpackRules rules{.strip = 1, .dest = settings_.prefix};
    // The licences of all components have the same name at the top.
    rules.rename = [&](std::string_view path) -> std::optional<std::string> {
      if (is_for_linking(path)) return std::nullopt;
      if (!is_license(path)) return std::string(path);
      return fmt::format("licenses/{}/{}", component.name, path);
    };
    TRY(unpack_tar(place, std::move(file), component.input.name, rules, entries, stop));
    return entries;
  }

  Result<> add_links(TreeEntries& entries) const {
    const std::string& origin = settings_.product;
    TRY(entries.add_link(inside(settings_.prefix, "lib64"), "lib", origin));
    std::string conf = settings_.product;
    if (settings_.product == "cuda") {
      conf = base::replace_all(base::base_name(settings_.prefix), ".", "-");  // cuda-11-8
      if (settings_.prefix != "usr/local/cuda") {
        TRY(entries.add_link("usr/local/cuda", fmt::format("/{}", settings_.prefix), origin));
      }
    }
    return entries.add_text(fmt::format("etc/ld.so.conf.d/{}.conf", conf),
                            fmt::format("/{}/lib64\n", settings_.prefix), origin);
  }

  Settings settings_;
  std::vector<LockedComponent> components_;
  bool with_links_;
};

class RedistDefinition final : public Definition {
 public:
  explicit RedistDefinition(Settings settings) : settings_(std::move(settings)) {}

  Result<std::string> resolve(const ResolveContext& context) const override {
    const sources::Origin origin{.kind = sources::Origin::Kind::redist,
                                 .role = settings_.product,
                                 .path = settings_.manifest};
    auto text = TRY(context.sources.fetch_document(origin, kManifestLimit, context.stop));
    const auto manifest = TRY(RedistManifest::parse(std::move(text), settings_.manifest));
    const std::string platform =
        context.below.architecture == "arm64" ? "linux-sbsa" : "linux-x86_64";
    Part part{.manifest_sha256 = base::sha256_hex(manifest.text())};
    for (const std::string& name : settings_.components) {
      const auto found = manifest.find(name, platform, cuda_major(context.below));
      if (!found) return fail(Error(found.error()).at(settings_.place.where()));
      auto digest = TRY(oci::Digest::from_sha256_hex(found->sha256));
      const sources::Input input{
          base::base_name(found->path),
          std::move(digest),
          found->size,
          {.kind = sources::Origin::Kind::redist, .role = settings_.product, .path = found->path}};
      part.components.push_back({name, found->version, found->license, input});
    }
    return format_part(settings_, part);
  }

  Result<> contribute(const std::string& part, Facts& facts) const override {
    const auto locked = TRY(parse_part(part, settings_));
    for (const auto& one : locked.components) {
      std::string component;
      if (one.name == "cuda_cudart") component = "cuda";
      if (one.name == "cudnn") component = "cudnn";
      if (one.name == "libcutensor") component = "cutensor";
      if (component.empty()) continue;
      facts.set({.name = component,
                 .version = one.version,
                 .detail = {{"prefix", "/" + settings_.prefix}},
                 .source = settings_.id});
    }
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext&) const override {
    auto locked = TRY(parse_part(part, settings_));
    std::vector<LockedComponent> small;
    std::vector<std::unique_ptr<Recipe>> large;
    for (auto& one : locked.components) {
      if (one.input.size < kOwnLayerFrom) {
        small.push_back(std::move(one));
        continue;
      }
      std::vector<LockedComponent> alone;
      alone.push_back(std::move(one));
      large.push_back(std::make_unique<RedistRecipe>(settings_, std::move(alone), false));
    }
    std::vector<std::unique_ptr<Recipe>> made;
    made.push_back(std::make_unique<RedistRecipe>(settings_, std::move(small), true));
    for (auto& recipe : large) made.push_back(std::move(recipe));
    return made;
  }

 private:
  /// Which variant of cuDNN and its like: as the prefix says, else as the CUDA below.
  std::string cuda_major(const Facts& below) const {
    const std::string folder = base::base_name(settings_.prefix);
    std::string_view version;
    if (folder.starts_with("cuda-")) {
      version = std::string_view(folder).substr(5);
    } else if (const Component* cuda = below.find("cuda")) {
      version = cuda->version;
    }
    return std::string(version.substr(0, version.find('.')));
  }

  Settings settings_;
};

void read_release(LayerFields& fields, Settings& settings) {
  settings.product = fields.text_or("product", "cuda");
  settings.release = fields.text_or("release", "");
  const auto manifest = fields.optional_node("manifest");
  if (manifest && manifest->is_map()) {
    document::Fields inner(*manifest, "manifest");
    settings.product = inner.text_or("product", settings.product);
    settings.release = inner.text("release");
    if (auto done = inner.finish(); !done) return fields.fail_with(std::move(done).error());
  } else if (manifest) {
    settings.manifest = fields.text("manifest");
    constexpr std::string_view kStart = "redistrib_", kEnd = ".json";
    if (!settings.manifest.starts_with(kStart) || !settings.manifest.ends_with(kEnd) ||
        settings.manifest.find('/') != std::string::npos) {
      return fields.reject("manifest",
                           fmt::format("\"{}\" is no manifest's name", settings.manifest),
                           "it is like \"redistrib_11.8.0.json\"");
    }
    std::string_view middle = settings.manifest;
    middle.remove_prefix(kStart.size());
    middle.remove_suffix(kEnd.size());
    if (settings.release.empty()) settings.release = middle;
  }
  if (settings.release.empty()) {
    return fields.reject("release", "a redist layer needs `release` (as \"11.8.0\")");
  }
  if (settings.manifest.empty()) {
    settings.manifest = fmt::format("redistrib_{}.json", settings.release);
  }
  if (settings.manifest.find('/') != std::string::npos ||
      settings.product.find('/') != std::string::npos) {
    fields.reject("release", "the product and the release are names, not paths");
  }
}

}  // namespace

Result<std::unique_ptr<Definition>> decode_redist(const document::Node& entry) {
  LayerFields fields(entry);
  Settings settings;
  read_release(fields, settings);
  settings.components = fields.texts("components");
  settings.place = fields.optional_node("components").value_or(entry);
  std::string prefix;
  if (settings.product == "cuda") {
    const std::string& release = settings.release;
    const std::size_t dot = release.find('.');
    prefix =
        fmt::format("/usr/local/cuda-{}",
                    release.substr(0, dot == std::string::npos ? dot : release.find('.', dot + 1)));
  } else {
    prefix = "/usr/local/cuda";
  }
  settings.prefix = folder_field(fields, "prefix", prefix);
  settings.id = fields.id();
  settings.title = fields.title();
  if (settings.product != "cuda" && !fields.has("prefix")) {
    fields.reject("prefix", fmt::format("a redist layer of {} needs `prefix`", settings.product),
                  "that of the CUDA layer, as /usr/local/cuda-11.8");
  }
  TRY(fields.finish());
  if (settings.components.empty()) {
    return fail(settings.place.error("\"components\" names no component"));
  }
  if (settings.prefix.empty()) return fail(entry.error("\"prefix\" cannot be the root folder"));
  std::vector<std::string> sorted = settings.components;
  std::sort(sorted.begin(), sorted.end());
  if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end()) {
    return fail(settings.place.error(fmt::format("the component {} is listed twice", *twice)));
  }
  return std::make_unique<RedistDefinition>(std::move(settings));
}

}  // namespace imgforge::layer

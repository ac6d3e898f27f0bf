#include "layer/deb.h"

#include <fmt/format.h>

#include <array>
#include <map>

#include "base/file.h"
#include "base/json.h"
#include "base/task_group.h"
#include "base/text.h"
#include "layer/apt_request.h"
#include "layer/deb_lock.h"
#include "layer/deb_unpack.h"
#include "layer/layer_fields.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

/// A package of this size (compressed) gets a layer of its own; smaller ones share one.
constexpr std::uint64_t kOwnLayerFrom = 32'000'000;

constexpr std::size_t kParallelFetches = 4;

struct Settings {
  std::vector<sources::AptSource> sources;
  std::vector<std::string> packages;
  bool ldconfig = true;
  std::string id, title;
  document::Node place;
};

/// Which package says the version of which component.
struct Origin {
  std::string_view package_prefix;
  std::string_view component;
};
constexpr std::array kComponents = {
    Origin{"libcudart", "cuda"},
    Origin{"cuda-cudart-1", "cuda"},  // NVIDIA's own: cuda-cudart-11-8, not cuda-cudart-dev-11-8
    Origin{"libcudnn", "cudnn"},
    Origin{"libnccl", "nccl"},
};

/// "11.8.89~11.8.0-5~deb12u1" -> "11.8.89", "1:2.15.5-1+cuda11.8" -> "2.15.5".
std::string upstream_version(std::string_view version) {
  if (const auto colon = version.find(':'); colon != std::string_view::npos) {
    version.remove_prefix(colon + 1);
  }
  return std::string(version.substr(0, version.find_first_of("~-+")));
}

class DebRecipe final : public WrittenRecipe {
 public:
  DebRecipe(Settings settings, std::vector<sources::LockedDeb> debs)
      : settings_(std::move(settings)), debs_(std::move(debs)) {}

  std::string key_material() const override {
    base::Json packages = base::Json::array();
    for (const auto& deb : debs_) packages.push_back({deb.name, deb.input.digest.hex()});
    return base::canonical_json(
        {{"kind", "deb"}, {"revision", kRevision}, {"packages", std::move(packages)}});
  }

  std::string title() const override {
    if (debs_.size() == 1) return fmt::format("{} {}", debs_[0].name, debs_[0].version);
    const std::string count = fmt::format("{} Debian packages", debs_.size());
    return settings_.title.empty() ? count : fmt::format("{} ({})", settings_.title, count);
  }

  std::vector<sources::Input> inputs() const override {
    std::vector<sources::Input> inputs;
    for (const auto& deb : debs_) inputs.push_back(deb.input);
    return inputs;
  }

  std::uint64_t estimated_bytes() const override {
    std::uint64_t sum = 0;
    for (const auto& deb : debs_) sum += deb.input.size;
    return sum * 3;  // xz halves libraries, and more
  }

  bool affects_loader_cache() const override { return settings_.ldconfig; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    ReadingPlace place(context.held, context.scratch);
    context.task.set_phase("looking into the packages");
    auto packages = TRY(base::parallel_map<TreeEntries>(
        debs_.size(), context.workers + 1, context.stop,
        [&](std::size_t i, std::stop_token stop) -> Result<TreeEntries> {
          const auto& deb = debs_[i];
          auto file = std::make_shared<base::File>(TRY(context.store.open_input(deb.input.digest)));
          TreeEntries entries(context.epoch);
          TRY(unpack_deb(place, std::move(file), deb.name, entries, stop));
          return entries;
        }));
    TreeEntries all(context.epoch);
    for (TreeEntries& entries : packages) TRY(all.merge(std::move(entries)));
    context.task.set_phase("");
    return all.emit(out, &context.task, context.stop);
  }

 private:
  Settings settings_;
  std::vector<sources::LockedDeb> debs_;
};

class DebDefinition final : public Definition {
 public:
  explicit DebDefinition(Settings settings) : settings_(std::move(settings)) {}

  std::vector<std::string> project_paths() const override { return keyrings(settings_.sources); }

  Result<std::string> resolve(const ResolveContext& context) const override {
    sources::AptRequest request{.sources = settings_.sources,
                                .packages = settings_.packages,
                                .architecture = context.below.architecture,
                                .with_essential = false,
                                .installed_status = context.below.dpkg_status};
    request.sources = TRY(with_keyrings(std::move(request.sources), context.project_directory));
    request.pins = TRY(pins_of(context));
    auto found = TRY(context.sources.resolve_apt(request, context.stop));
    if (found.debs.empty()) {
      return fail(Error(Errc::invalid, "every package of this layer is installed below already")
                      .at(settings_.place.where())
                      .hint("leave the layer out"));
    }
    TRY(check_packages(context, found.debs));
    return format_deb_part({.releases = std::move(found.releases),
                            .debs = std::move(found.debs),
                            .apt_version = std::move(found.apt_version)},
                           "deb");
  }

  Result<> contribute(const std::string& part, Facts& facts) const override {
    const auto locked = TRY(parse_deb_part(part));
    for (const auto& deb : locked.debs) {
      for (const Origin& origin : kComponents) {
        if (!deb.name.starts_with(origin.package_prefix) || deb.name.ends_with("-dev")) continue;
        facts.set({.name = std::string(origin.component),
                   .version = upstream_version(deb.version),
                   .detail = {{"package", deb.name}},
                   .source = settings_.id});
      }
    }
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext&) const override {
    auto locked = TRY(parse_deb_part(part));
    std::vector<sources::LockedDeb> small;
    std::vector<std::unique_ptr<Recipe>> large;
    for (auto& deb : locked.debs) {
      if (deb.input.size < kOwnLayerFrom) {
        small.push_back(std::move(deb));
        continue;
      }
      std::vector<sources::LockedDeb> alone;
      alone.push_back(std::move(deb));
      large.push_back(std::make_unique<DebRecipe>(settings_, std::move(alone)));
    }
    std::vector<std::unique_ptr<Recipe>> made;
    if (!small.empty()) made.push_back(std::make_unique<DebRecipe>(settings_, std::move(small)));
    for (auto& recipe : large) made.push_back(std::move(recipe));
    return made;
  }

 private:
  /// Every package must be one that unpacking installs, and no two may have the same file.
  Result<> check_packages(const ResolveContext& context,
                          const std::vector<sources::LockedDeb>& debs) const {
    std::vector<sources::Input> inputs;
    for (const auto& deb : debs) inputs.push_back(deb.input);
    TRY(context.sources.fetch(inputs, kParallelFetches, context.stop));
    std::map<std::string, std::string> owners;  // path -> package
    for (const auto& deb : debs) {
      const auto file = TRY(context.store.open_input(deb.input.digest));
      const auto control = TRY(archive::read_deb_control(file, deb.name));
      if (auto possible = check_unpackable(deb.name, control); !possible) {
        return fail(std::move(possible).error().at(settings_.place.where()));
      }
      const std::string placed = placed_md5sums(control.md5sums);
      for (const std::string_view line : base::lines(placed)) {
        const auto [found, fresh] = owners.emplace(std::string(line.substr(34)), deb.name);
        if (fresh) continue;
        return fail(Error(Errc::refused, fmt::format("the packages {} and {} both have /{}",
                                                     found->second, deb.name, found->first))
                        .at(settings_.place.where())
                        .hint("install them with `kind: apt`, where dpkg decides"));
      }
    }
    return {};
  }

  Settings settings_;
};

}  // namespace

Result<std::unique_ptr<Definition>> decode_deb(const document::Node& entry) {
  LayerFields fields(entry);
  Settings settings;
  for (const document::Node& node : fields.maps_or_empty("sources")) {
    document::Fields source(node, "a source");
    settings.sources.push_back({.archive = source.text("archive"),
                                .suites = source.texts("suites"),
                                .components = source.texts("components"),
                                .keyring = source.text_or("keyring", ""),
                                .snapshot = source.text_or("snapshot", "")});
    TRY(source.finish());
  }
  settings.packages = fields.texts("packages");
  settings.ldconfig = fields.flag_or("ldconfig", true);
  settings.id = fields.id();
  settings.title = fields.title();
  if (!fields.has("sources") || settings.sources.empty()) {
    fields.reject("sources", "a deb layer needs at least one source of packages",
                  "write sources: [{archive: debian, suites: [bookworm], components: [main]}]");
  }
  settings.place = fields.optional_node("packages").value_or(entry);
  TRY(fields.finish());
  if (settings.packages.empty()) {
    return fail(settings.place.error("\"packages\" names no package"));
  }
  return std::make_unique<DebDefinition>(std::move(settings));
}

}  // namespace imgforge::layer

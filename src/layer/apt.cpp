#include "layer/apt.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "layer/apt_request.h"
#include "layer/deb_lock.h"
#include "layer/dpkg_status.h"
#include "layer/executed.h"
#include "layer/layer_fields.h"
#include "layer/offline_repository.h"
#include "layer/scrub.h"

namespace imgforge::layer {
namespace {

// 1 first version.
constexpr int kRevision = 1;

constexpr const char* kStatusPath = "var/lib/dpkg/status";
constexpr const char* kRepository = "/run/imgforge/repository";  // inside the step

// Reads nothing but the offline repository; the packages come as arguments.
// policy-rc.d: no maintainer script may start a service (invoke-rc.d(8)).
constexpr const char* kInstall = R"(
apt="apt-get -q -y
  -o Dir::Etc::sourcelist=/run/imgforge/repository/sources.list
  -o Dir::Etc::sourceparts=/dev/null
  -o Acquire::Languages=none
  -o APT::Sandbox::User=root
  -o APT::Install-Recommends=false
  -o APT::Get::Allow-Downgrades=true
  -o DPkg::Use-Pty=false
  -o Dpkg::Options::=--force-confdef
  -o Dpkg::Options::=--force-confold"
$apt update
$apt install "$@"
)";

struct AptSpec {
  std::string id, title;
  std::vector<sources::AptSource> sources;
  std::vector<std::string> packages;
  document::Node place;
};

class AptRecipe final : public WrittenRecipe {
 public:
  AptRecipe(AptSpec spec, DebPart part, std::string promised_status)
      : spec_(std::move(spec)),
        part_(std::move(part)),
        promised_status_(std::move(promised_status)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "apt"},
                                 {"revision", kRevision},
                                 {"scrub", kScrubRevision},
                                 {"packages", spec_.packages},
                                 {"script", base::sha256_hex(kInstall)},
                                 {"debs", debs_key(part_.debs)}});
  }
  bool executed() const override { return true; }
  std::string title() const override {
    const std::string count = fmt::format("{} Debian packages", part_.debs.size());
    return spec_.title.empty() ? count : fmt::format("{} ({})", spec_.title, count);
  }
  std::vector<sources::Input> inputs() const override {
    std::vector<sources::Input> out;
    for (const auto& deb : part_.debs) out.push_back(deb.input);
    return out;
  }
  std::uint64_t estimated_bytes() const override { return unpacked_bytes(part_.debs); }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    sandbox::Sandbox* sandbox = TRY(sandbox_of(context));
    const auto trees = TRY(parent_trees(context));
    const std::string repository = context.scratch + "/repository";
    TRY(write_offline_repository(repository, part_.debs, context.store));
    TRY(base::write_file_atomic(repository + "/sources.list",
                                offline_source_line(kRepository) + "\n"));
    const std::string policy = context.scratch + "/policy-rc.d";
    TRY(base::write_file_atomic(policy, "#!/bin/sh\nexit 101\n", 0755));

    sandbox::Step step;
    step.argv = {"/bin/sh", "-eu", "-c", kInstall, "install"};
    step.argv.insert(step.argv.end(), spec_.packages.begin(), spec_.packages.end());
    step.env = {{"DEBIAN_FRONTEND", "noninteractive"}};
    step.read_only_binds = {{repository, kRepository}, {policy, "/usr/sbin/policy-rc.d"}};
    step.tmpfs = {"/var/lib/apt/lists", "/var/cache/apt", "/var/log"};
    step.epoch = context.epoch;
    step.rules = scrub_rules(ScrubWhere::everywhere);
    TarFilter filter;
    filter.wanted = kStatusPath;
    filter.keep = [](const archive::TarEntry& entry) -> Result<bool> {
      TRY(check_reproducible(entry.path));
      return true;
    };
    context.task.set_phase("installing packages");
    TRY(write_tar_entries(
        [&](base::Sink& sink) { return sandbox->run(trees, step, sink, {}, context.stop); }, filter,
        out));
    return check_installed(promised_status_, filter.wanted_content);
  }

 private:
  AptSpec spec_;
  DebPart part_;
  std::string promised_status_;
};

class AptDefinition final : public Definition {
 public:
  explicit AptDefinition(AptSpec spec) : spec_(std::move(spec)) {}

  std::vector<std::string> project_paths() const override { return keyrings(spec_.sources); }

  Result<std::string> resolve(const ResolveContext& context) const override {
    if (context.below.dpkg_status.empty()) {
      return fail(Error(Errc::invalid, "there is no Debian system below this layer of kind apt")
                      .at(spec_.place.where())
                      .hint("put a layer of kind bootstrap (use: os/debian12) below it"));
    }
    return resolve_debs(context,
                        {.sources = spec_.sources,
                         .packages = spec_.packages,
                         .with_essential = false,
                         .installed_status = context.below.dpkg_status},
                        "apt");
  }

  Result<> contribute(const std::string& text, Facts& facts) const override {
    return contribute_debs(TRY(parse_deb_part(text)), spec_.id, facts);
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& text,
                                                       const PlanContext& context) const override {
    DebPart part = TRY(parse_deb_part(text));
    std::string promised = installed_status(context.below.dpkg_status, part.debs);
    std::vector<std::unique_ptr<Recipe>> out;
    // Everything may be installed below already.
    if (!part.debs.empty()) {
      out.push_back(std::make_unique<AptRecipe>(spec_, std::move(part), std::move(promised)));
    }
    return out;
  }

 private:
  AptSpec spec_;
};

}  // namespace

Result<std::unique_ptr<Definition>> decode_apt(const document::Node& entry) {
  LayerFields fields(entry);
  AptSpec spec;
  spec.id = fields.id();
  spec.title = fields.title();
  spec.sources = read_apt_sources(fields, "");
  spec.packages = read_package_names(fields);
  if (spec.packages.empty()) fields.reject("packages", "the layer names no package");
  spec.place = fields.optional_node("packages").value_or(entry);
  TRY(fields.finish());
  return std::make_unique<AptDefinition>(std::move(spec));
}

}  // namespace imgforge::layer

#include "layer/bootstrap.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
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
// Moves /bin, /sbin and /lib into /usr; Debian since 12 does so by itself.
// What debootstrap does for amd64 (setup_merged_usr), before any package is unpacked. Not
// mmdebstrap's own hook: that one installs a package usr-is-merged afterwards, which older releases
// do not have; newer ones name it among their packages.
constexpr const char* kMergeUsr =
    "for d in bin sbin lib lib32 lib64 libx32; do ln -s usr/$d \"$1/$d\"; mkdir -p \"$1/usr/$d\"; "
    "done";

struct BootstrapSpec {
  std::string id;
  std::string variant;
  std::vector<sources::AptSource> sources;
  std::vector<std::string> packages;
  bool merged_usr = false;
  std::vector<std::string> exclude;
};

class BootstrapRecipe final : public WrittenRecipe {
 public:
  BootstrapRecipe(BootstrapSpec spec, DebPart part)
      : spec_(std::move(spec)), part_(std::move(part)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "bootstrap"},
                                 {"revision", kRevision},
                                 {"scrub", kScrubRevision},
                                 {"variant", spec_.variant},
                                 {"packages", spec_.packages},
                                 {"merged_usr", spec_.merged_usr},
                                 {"exclude", spec_.exclude},
                                 {"debs", debs_key(part_.debs)}});
  }
  bool executed() const override { return true; }
  std::string title() const override {
    const std::string system =
        part_.os ? part_.os->id + " " + part_.os->version : std::string("Debian");
    return fmt::format("{}, {} packages", system, part_.debs.size());
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
    const std::string repository = context.scratch + "/repository";
    TRY(write_offline_repository(repository, part_.debs, context.store));
    const sandbox::Construction construction =
        TRY(construction_for(repository, context.scratch + "/root", context.epoch));
    TarFilter filter;
    filter.wanted = kStatusPath;
    filter.keep = [](const archive::TarEntry& entry) -> Result<bool> {
      TRY(check_reproducible(entry.path));
      return true;
    };
    context.task.set_phase("bootstrapping");
    TRY(write_tar_entries(
        [&](base::Sink& sink) {
          return sandbox->construct(
              construction, sink, [&](std::string_view line) { show(line, context.task); },
              context.stop);
        },
        filter, out));
    return check_installed(installed_status({}, part_.debs), filter.wanted_content);
  }

 private:
  // mmdebstrap marks what it is doing with "I: ".
  static void show(std::string_view line, base::ProgressTask& task) {
    if (line.starts_with("I: ")) task.set_phase(line.substr(3));
  }

  std::string architecture() const {
    for (const auto& deb : part_.debs) {
      if (deb.architecture != "all") return deb.architecture;
    }
    return "all";
  }

  Result<sandbox::Construction> construction_for(const std::string& repository,
                                                 const std::string& target,
                                                 base::Seconds epoch) const {
    if (!base::find_program("mmdebstrap")) {
      return fail(Error(Errc::unsupported, "the program 'mmdebstrap' is not installed")
                      .hint("as root: apt-get install mmdebstrap"));
    }
    sandbox::Construction out;
    // Root of the namespace, which is what mmdebstrap's mode "root" wants: ours has the user's
    // subordinate ids and no network.
    out.argv = {"mmdebstrap", "--mode=root", "--format=directory", "--variant=" + spec_.variant,
                "--architectures=" + architecture(),
                // The repository's files belong to the user who builds: apt's own user may not be
                // able to reach them.
                "--aptopt=APT::Sandbox::User \"root\"",
                // The folder becomes a tar and goes: waiting for the disk would gain nothing.
                "--dpkgopt=force-unsafe-io"};
    if (!spec_.packages.empty()) out.argv.push_back("--include=" + base::join(spec_.packages, ","));
    if (spec_.merged_usr) out.argv.push_back(std::string("--setup-hook=") + kMergeUsr);
    out.argv.insert(out.argv.end(), {"", target, offline_source_line(repository)});
    out.env = {{"DEBIAN_FRONTEND", "noninteractive"}};
    out.target = target;
    out.epoch = epoch;
    out.rules = scrub_rules(ScrubWhere::bootstrap);
    for (const std::string& pattern : spec_.exclude) out.rules.push_back({pattern});
    return out;
  }

  BootstrapSpec spec_;
  DebPart part_;
};

class BootstrapDefinition final : public Definition {
 public:
  explicit BootstrapDefinition(BootstrapSpec spec) : spec_(std::move(spec)) {}

  std::vector<std::string> project_paths() const override { return keyrings(spec_.sources); }

  Result<std::string> resolve(const ResolveContext& context) const override {
    if (!context.below.dpkg_status.empty()) {
      return fail(Error(Errc::invalid,
                        "a bootstrap must be the lowest layer: there is a system "
                        "below it already")
                      .hint("kind apt adds packages to a system"));
    }
    return resolve_debs(context,
                        {.sources = spec_.sources,
                         .packages = spec_.packages,
                         .with_essential = true,
                         .variant = spec_.variant},
                        "bootstrap");
  }

  Result<> contribute(const std::string& text, Facts& facts) const override {
    return contribute_debs(TRY(parse_deb_part(text)), spec_.id, facts);
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& text,
                                                       const PlanContext&) const override {
    std::vector<std::unique_ptr<Recipe>> out;
    out.push_back(std::make_unique<BootstrapRecipe>(spec_, TRY(parse_deb_part(text))));
    return out;
  }

 private:
  BootstrapSpec spec_;
};

}  // namespace

Result<std::unique_ptr<Definition>> decode_bootstrap(const document::Node& entry) {
  LayerFields fields(entry);
  BootstrapSpec spec;
  spec.id = fields.id();
  spec.variant = fields.choice_or("variant", {"minbase", "apt", "essential"}, "minbase");
  spec.sources = read_apt_sources(fields, fields.text_or("suite", ""));
  spec.packages = read_package_names(fields);
  spec.merged_usr = fields.flag_or("merged_usr", false);
  spec.exclude = fields.texts_or_empty("exclude");
  TRY(fields.finish());
  return std::make_unique<BootstrapDefinition>(std::move(spec));
}

}  // namespace imgforge::layer

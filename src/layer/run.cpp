#include "layer/run.h"

#include <fmt/format.h>

#include <map>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "document/secrets.h"
#include "layer/executed.h"
#include "layer/layer_fields.h"
#include "layer/scrub.h"

namespace imgforge::layer {
namespace {

// 1 first version.
constexpr int kRevision = 1;

// Inside the step; directly under /run, since folders that bubblewrap makes on the way are closed
// to other users.
constexpr const char* kScript = "/run/imgforge-script";

struct RunSpec {
  std::string script;
  std::map<std::string, std::string> env;
  bool emit = true;
  std::string user;  // "name", "uid" or "uid:gid"; empty: root
};

std::string part_of(const RunSpec& spec) {
  return base::canonical_json({{"kind", "run"}, {"script_sha256", base::sha256_hex(spec.script)}});
}

class RunRecipe final : public WrittenRecipe {
 public:
  explicit RunRecipe(RunSpec spec) : spec_(std::move(spec)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "run"},
                                 {"revision", kRevision},
                                 {"scrub", kScrubRevision},
                                 {"script", spec_.script},
                                 {"env", spec_.env},
                                 {"emit", spec_.emit},
                                 {"user", spec_.user}});
  }
  bool executed() const override { return true; }
  bool emits() const override { return spec_.emit; }
  std::string title() const override {
    constexpr std::size_t kShown = 60;
    const std::string_view script = base::trim(spec_.script);
    const std::string_view line = script.substr(0, script.find('\n'));
    const bool cut = line.size() > kShown || line.size() < script.size();
    return fmt::format("{} {}{}", spec_.emit ? "run" : "test", line.substr(0, kShown),
                       cut ? "…" : "");
  }
  std::vector<sources::Input> inputs() const override { return {}; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    sandbox::Sandbox* sandbox = TRY(sandbox_of(context));
    const auto trees = TRY(parent_trees(context));
    const std::string script = context.scratch + "/script";
    TRY(base::write_file_atomic(script, spec_.script));

    sandbox::Step step;
    step.argv = shell();
    step.env = spec_.env;
    step.read_only_binds = {{script, kScript}};
    step.epoch = context.epoch;
    step.rules = scrub_rules(ScrubWhere::everywhere);
    TarFilter filter;
    filter.keep = [&](const archive::TarEntry& entry) -> Result<bool> {
      if (spec_.emit) TRY(check_reproducible(entry.path));
      return spec_.emit;
    };
    context.task.set_phase("running");
    return write_tar_entries(
        [&](base::Sink& sink) { return sandbox->run(trees, step, sink, {}, context.stop); }, filter,
        out);
  }

 private:
  std::vector<std::string> shell() const {
    std::vector<std::string> out;
    if (!spec_.user.empty()) {
      // util-linux's setpriv is part of every Debian system, and unlike su it needs no PAM.
      const std::size_t colon = spec_.user.find(':');
      const std::string user = spec_.user.substr(0, colon);
      out = {"/usr/bin/setpriv", "--reuid=" + user};
      if (colon != std::string::npos) {
        out.insert(out.end(), {"--regid=" + spec_.user.substr(colon + 1), "--clear-groups"});
      } else if (base::parse_uint(user)) {
        out.insert(out.end(), {"--regid=" + user, "--clear-groups"});
      } else {
        out.insert(out.end(), {"--regid=" + user, "--init-groups"});
      }
      out.push_back("--");
    }
    out.insert(out.end(), {"/bin/sh", "-eu", kScript});
    return out;
  }

  RunSpec spec_;
};

class RunDefinition final : public Definition {
 public:
  explicit RunDefinition(RunSpec spec) : spec_(std::move(spec)) {}

  // Nothing outside is asked; the script's digest shows in a lock's history that it changed.
  Result<std::string> resolve(const ResolveContext&) const override { return part_of(spec_); }
  Result<> contribute(const std::string&, Facts&) const override { return {}; }
  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext&) const override {
    if (part != part_of(spec_)) {
      return fail(Error(Errc::refused, "the lock was made for another script of this run layer")
                      .hint("imgforge lock"));
    }
    std::vector<std::unique_ptr<Recipe>> out;
    out.push_back(std::make_unique<RunRecipe>(spec_));
    return out;
  }

 private:
  RunSpec spec_;
};

bool is_user(std::string_view user) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:";
  return user.find_first_not_of(kAllowed) == std::string_view::npos && !user.starts_with('-') &&
         !user.starts_with(':') && !user.ends_with(':');
}

}  // namespace

Result<std::unique_ptr<Definition>> decode_run(const document::Node& entry) {
  LayerFields fields(entry);
  RunSpec spec;
  spec.script = fields.text("script");
  spec.env = fields.text_map_or_empty("env");
  spec.emit = fields.flag_or("emit", true);
  spec.user = fields.text_or("user", "");
  // Says to readers and to the provenance that `build --check` may find differences; the layer is
  // the same with and without it.
  (void)fields.flag_or("allow_nondeterminism", false);
  if (fields.has("script") && base::trim(spec.script).empty()) {
    fields.reject("script", "the script is empty");
  }
  if (!is_user(spec.user)) {
    fields.reject("user", fmt::format("\"{}\" is not a user", spec.user),
                  "write a name, a number, or uid:gid");
  }
  for (const auto& [name, value] : spec.env) {
    if (name.empty() || name.find('=') != std::string::npos) {
      fields.reject("env", fmt::format("\"{}\" is not a name for a variable", name));
    }
    if (const auto secret = document::looks_like_secret(name, value)) {
      fields.reject("env", fmt::format("the variable {} looks like a secret ({})", name, *secret),
                    "a spec is kept in git and its layers are public to whoever pulls them");
    }
  }
  TRY(fields.finish());
  return std::make_unique<RunDefinition>(std::move(spec));
}

}  // namespace imgforge::layer

// rebuild: lock anew, build, push under the next free build id, and say what changed; or that
// nothing did. What a nightly pipeline runs.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "build/build.h"
#include "build/define.h"
#include "build/lock_changes.h"
#include "cli/branch.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/destination.h"
#include "cli/output.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"update", 'u', "NAME", "change only this layer or package; may be given again", true},
    {"dry-run", 'n', "", "resolve and show what would change; write, build and push nothing"},
    IMGFORGE_PUSH_OPTIONS,
    IMGFORGE_SIGNING_OPTIONS,
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_UPLOAD_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

/// The lock that the image is built from, and how it differs from the one that was there.
struct Relocked {
  std::string file;
  std::optional<std::string> before;  // the file's text
  bool changed = false;               // other layers than before: the file is to be written
  std::string text;
  std::vector<build::LockChange> changes;
};

Result<Relocked> relock(App& app, const spec::ImageSpec& spec) {
  Relocked lock{.file = spec::lock_path(spec.file),
                .before = {},
                .changed = false,
                .text = {},
                .changes = {}};
  build::ResolveOptions options{
      .previous = {}, .update = {}, .probe_file = app.settings().probe_file};
  for (const std::string& name : app.args().values("update")) options.update.insert(name);
  if (base::exists(lock.file)) {
    lock.before = TRY(base::read_file(lock.file));
    options.previous = TRY(spec::parse_lock(*lock.before, lock.file));
  } else if (!options.update.empty()) {
    return fail(Error(Errc::usage, "--update needs a lock to start from")
                    .hint("imgforge lock " + base::shell_quote(spec.file)));
  }
  const bool comparable = options.previous && spec::check_lock(*options.previous, spec, lock.file);
  const build::Workplace place{*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                               &app.images()};
  const spec::Lock now = TRY(build::resolve(spec, options, place));
  const build::Plan plan = TRY(build::make_plan(spec, now));
  lock.text = spec::format_lock(now);
  lock.changed = true;
  if (!comparable) return lock;
  const build::Plan old_plan = TRY(build::make_plan(spec, *options.previous));
  // An archive that was merely signed anew would give every night another image.
  lock.changed = !build::same_layers(old_plan, plan);
  lock.changes = build::compare_inputs(old_plan, plan);
  return lock;
}

// Puts the lock there, and the old one back unless the build went well.
class LockOnTrial {
 public:
  static Result<LockOnTrial> write(const Relocked& lock) {
    if (lock.changed) TRY(base::write_file_atomic(lock.file, lock.text));
    return LockOnTrial(lock);
  }
  LockOnTrial(LockOnTrial&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
  LockOnTrial& operator=(LockOnTrial&&) = delete;
  ~LockOnTrial() {
    if (lock_ == nullptr || !lock_->changed) return;
    if (lock_->before) {
      (void)base::write_file_atomic(lock_->file, *lock_->before);
    } else {
      (void)base::remove_all(lock_->file);
    }
  }
  void keep() { lock_ = nullptr; }

 private:
  explicit LockOnTrial(const Relocked& lock) : lock_(&lock) {}
  const Relocked* lock_;
};

base::Json changes_json(const Relocked& lock) {
  base::Json rows = base::Json::array();
  for (const build::LockChange& change : lock.changes) {
    rows.push_back({{"layer", change.layer},
                    {"name", change.name},
                    {"before", change.before},
                    {"after", change.after},
                    {"security", change.security}});
  }
  return rows;
}

std::string changes_text(const Relocked& lock) {
  std::string out;
  for (const build::LockChange& change : lock.changes) out += "  " + to_string(change) + "\n";
  return out;
}

Result<int> show_only(App& app, const Relocked& lock) {
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json(
        {{"lock", lock.file}, {"lock_changed", lock.changed}, {"changes", changes_json(lock)}})));
  } else {
    TRY(print(fmt::format(
        "{}{}\n", changes_text(lock),
        lock.changed ? "would write " + lock.file + ", build and push" : "no input has changed")));
  }
  return 0;
}

Result<int> run(App& app) {
  const std::string file = TRY(spec_argument(app));
  TRY(expect_push(app, "rebuild SPEC"));
  const spec::ImageSpec spec = TRY(build::load_image(file, app.settings().layer_paths));
  const auto destination = TRY(BuildDestination::make(app, spec));
  auto branch = TRY(BranchChannel::make(app, spec));
  const Relocked lock = TRY(relock(app, spec));
  if (app.args().flag("dry-run")) return show_only(app, lock);

  build::BuildRequest request;
  request.spec_file = file;
  request.layer_paths = app.settings().layer_paths;
  request.run.workers = app.workers();
  request.run.probe_file = app.settings().probe_file;
  request.run.sandbox_program = app.self();
  if (destination) request.destination = &destination->destination();
  request.bump = destination != nullptr;  // a build tag is written once
  LockOnTrial trial = TRY(LockOnTrial::write(lock));
  const build::BuiltImage image =
      TRY(build::build(request, {*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                                 &app.images()}));
  trial.keep();
  std::string channel;
  if (branch) channel = TRY(branch->follow(app, destination->repository(), image.manifest.digest));
  app.close_progress();
  const bool pushed = image.published && !image.published->present;
  const std::string name =
      (destination ? destination->reference().host + "/" + destination->reference().repository
                   : image.image) +
      ":" + image.tag;
  if (app.json()) {
    base::Json json = {{"image", image.image},
                       {"tag", image.tag},
                       {"digest", image.manifest.digest.to_string()},
                       {"lock", lock.file},
                       {"lock_changed", lock.changed},
                       {"changes", changes_json(lock)},
                       {"pushed", pushed}};
    if (destination)
      json["repository"] =
          destination->reference().host + "/" + destination->reference().repository;
    if (branch) json["channel"] = {{"name", branch->channel()}, {"what", channel}};
    TRY(print(base::pretty_json(json)));
    return 0;
  }
  std::string text = changes_text(lock);
  if (lock.changed) text += fmt::format("locked {}\n", lock.file);
  if (image.published && !pushed) {
    text += fmt::format("nothing changed, nothing pushed: {} is this image\n", name);
  } else {
    text += fmt::format("{} {}\n{}\n", pushed ? "pushed" : "built", name,
                        image.manifest.digest.to_string());
  }
  TRY(print(text + (channel.empty() ? "" : channel + "\n")));
  return 0;
}

}  // namespace

Command rebuild_command() {
  return {
      .name = "rebuild",
      .summary = "lock anew, build, push the next build id if anything changed, and say what did",
      .synopsis = "SPEC [options]",
      .details =
          "For nightly pipelines. Ends with 'nothing changed, nothing pushed' when the newest "
          "image is this one\n"
          "already; --bump is implied. The lock stays as it was when only the archives' dates are "
          "new, and when the\n"
          "build fails.\n\n"
          "Examples:\n"
          "  imgforge rebuild specs/app.yaml --push --sign --attest --branch dev\n"
          "  imgforge rebuild specs/app.yaml --push --update numpy     only numpy may change\n"
          "  imgforge rebuild specs/app.yaml --dry-run                 what would change?",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

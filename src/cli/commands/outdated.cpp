// outdated: what of a lock or of a repository's images has something newer, has reached its end, is
// gone at its source, or is known to be vulnerable.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "build/lock_changes.h"
#include "build/resolve.h"
#include "cli/catalogue_gather.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/image_notes.h"
#include "cli/output.h"
#include "cli/promotion.h"
#include "cli/trust.h"
#include "sources/look_for.h"
#include "spec/matrix.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"only", 0, "CHECK",
     "newer, lost, end-of-life or vulnerabilities; may be given again (default: all)", true},
    {"exit-code", 0, "", "exit with 7 when something is outdated"},
    {"date", 0, "DAY", "the day by which ends of life are judged, as 2026-01-31 (default: today)"},
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr std::string_view kChecks[] = {"newer", "lost", "end-of-life", "vulnerabilities"};
constexpr std::size_t kParallel = 8;

struct Subject {
  std::string name;    // the spec, or HOST/REPOSITORY:TAG
  std::string digest;  // of an image
  std::vector<release::CatalogueNote> notes;
};

using Checks = std::set<std::string>;

Result<Checks> checks_of(const App& app) {
  Checks checks;
  for (const std::string& word : app.args().values("only")) {
    if (std::find(std::begin(kChecks), std::end(kChecks), word) == std::end(kChecks)) {
      const auto near = base::nearest(word, kChecks);
      return fail(Error(Errc::usage, "--only knows no check '" + word + "'")
                      .hint(near ? "did you mean " + *near + "?"
                                 : "the checks are newer, lost, end-of-life and vulnerabilities"));
    }
    checks.insert(word);
  }
  if (checks.empty()) checks.insert(std::begin(kChecks), std::end(kChecks));
  return checks;
}

// What 'imgforge lock' would choose now.
Result<> look_for_newer(App& app, const spec::ImageSpec& spec, const build::Plan& plan,
                        Subject& subject) {
  const build::Workplace place{*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                               &app.images()};
  const spec::Lock now = TRY(build::resolve(
      spec, {.previous = {}, .update = {}, .probe_file = app.settings().probe_file}, place));
  const build::Plan fresh = TRY(build::make_plan(spec, now));
  for (const build::LockChange& change : build::compare_inputs(plan, fresh)) {
    subject.notes.push_back({change.security ? "error" : "warning",
                             change.security ? "security-update" : "newer-input", to_string(change),
                             "imgforge rebuild " + base::shell_quote(spec.file)});
  }
  return {};
}

Result<> look_for_lost(App& app, const build::Plan& plan, Subject& subject) {
  const auto inputs = all_inputs(plan);
  sources::Sources& sources = *TRY(app.sources());
  const auto lost =
      TRY(sources::look_for(inputs, sources.addresses(), app.progress(), kParallel, app.stop()));
  store::Store& store = *TRY(app.store());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!lost[i]) continue;
    const Errc code = lost[i]->code();
    if (code != Errc::not_found && code != Errc::mismatch) {
      app.progress().warn(inputs[i].name + " could not be asked for: " + lost[i]->summary());
      continue;
    }
    const bool here = store.has_input(inputs[i].digest);
    subject.notes.push_back(
        {here ? "warning" : "error", "lost-input", lost[i]->summary(),
         here ? "this store still has it: imgforge fetch --vendor DIR keeps it"
              : "imgforge lock chooses another; or bring it back from a vendored folder"});
  }
  return {};
}

std::map<std::string, std::string> components_of(const layer::Facts& facts) {
  std::map<std::string, std::string> components;
  for (const layer::Component& one : facts.components) components[one.name] = one.version;
  if (!facts.os_id.empty()) components[facts.os_id] = facts.os_version;
  if (facts.python) components["python"] = facts.python->version;
  return components;
}

Result<Subject> look_at_spec(App& app, const std::string& file, const Checks& checks,
                             const std::string& date) {
  Subject subject{.name = file, .digest = {}, .notes = {}};
  const spec::ImageSpec spec = TRY(build::load_image(file, app.settings().layer_paths));
  const std::string lock_file = spec::lock_path(file);
  const auto loaded = spec::load_lock(lock_file);
  if (!loaded && loaded.error().code() == Errc::not_found) {
    subject.notes.push_back({"error", "no-lock", loaded.error().message(), loaded.error().hint()});
    return subject;
  }
  const spec::Lock lock = TRY(loaded);
  if (const auto current = spec::check_lock(lock, spec, lock_file); !current) {
    subject.notes.push_back(
        {"error", "stale-lock", current.error().message(), current.error().hint()});
    return subject;
  }
  const build::Plan plan = TRY(build::make_plan(spec, lock));
  if (checks.contains("newer")) TRY(look_for_newer(app, spec, plan, subject));
  if (checks.contains("lost")) TRY(look_for_lost(app, plan, subject));
  if (checks.contains("end-of-life")) {
    for (auto& note : end_of_life_notes(components_of(plan.facts), date)) {
      subject.notes.push_back(std::move(note));
    }
  }
  return subject;
}

bool is_wanted(const release::CatalogueNote& note, const Checks& checks) {
  if (note.code.ends_with("-end-of-life")) return checks.contains("end-of-life");
  return checks.contains("vulnerabilities");
}

Result<> look_at_repository(App& app, const oci::RegistryReference& place, const Checks& checks,
                            const std::string& date, std::vector<Subject>& subjects) {
  const Releasing releasing = TRY(open_releasing(app));
  release::Catalogue catalogue;
  TRY(add_repository(app, place, releasing, date, catalogue));
  for (release::CatalogueImage& image : catalogue.images) {
    Subject subject{image.repository + ":" + image.tag, image.digest, {}};
    for (auto& note : image.notes) {
      if (is_wanted(note, checks)) subject.notes.push_back(std::move(note));
    }
    subjects.push_back(std::move(subject));
  }
  return {};
}

std::string text_of(const std::vector<Subject>& subjects, std::size_t outdated) {
  std::string out;
  for (const Subject& subject : subjects) {
    if (subject.notes.empty()) continue;
    out += subject.name + "\n";
    for (const release::CatalogueNote& note : subject.notes) {
      out += fmt::format("  {:<8} {:<18} {}\n", note.severity, note.code, note.sentence);
      if (!note.remedy.empty()) out += fmt::format("  {:<8} {:<18}   {}\n", "", "", note.remedy);
    }
  }
  return out + fmt::format("{}{} looked at, {} outdated\n", out.empty() ? "" : "\n",
                           subjects.size(), outdated);
}

base::Json json_of(const std::vector<Subject>& subjects, std::size_t outdated) {
  base::Json rows = base::Json::array();
  for (const Subject& subject : subjects) {
    base::Json notes = base::Json::array();
    for (const auto& note : subject.notes) {
      notes.push_back({{"severity", note.severity},
                       {"code", note.code},
                       {"sentence", note.sentence},
                       {"remedy", note.remedy}});
    }
    base::Json row = {{"name", subject.name}, {"notes", std::move(notes)}};
    if (!subject.digest.empty()) row["digest"] = subject.digest;
    rows.push_back(std::move(row));
  }
  return {{"looked_at", std::move(rows)}, {"outdated", outdated}};
}

// The cells of a matrix file that are not excluded; else the word itself.
Result<std::vector<std::string>> specs_of(const std::string& word) {
  if (!word.ends_with(".matrix.yaml")) return std::vector<std::string>{word};
  std::vector<std::string> cells;
  for (const spec::MatrixCell& cell : TRY(spec::load_matrix(word)).cells) {
    if (cell.excluded.empty()) cells.push_back(word + "#" + cell.name);
  }
  return cells;
}

Result<int> run(App& app) {
  const auto& words = app.args().positional();
  if (words.empty()) {
    return fail(Error(Errc::usage, "which specs or repositories?")
                    .hint("imgforge outdated SPEC|HOST/REPOSITORY…"));
  }
  const Checks checks = TRY(checks_of(app));
  const std::string date = TRY(date_word(app.args().value("date")));
  std::vector<Subject> subjects;
  for (const std::string& word : words) {
    const std::string file = spec::parse_address(word).file;
    if (file.ends_with(".yaml") || file.ends_with(".yml") || base::exists(file)) {
      for (const std::string& one : TRY(specs_of(word))) {
        subjects.push_back(TRY(base::with_context(look_at_spec(app, one, checks, date), one)));
      }
      continue;
    }
    const auto parsed = TRY(oci::Reference::parse(word));
    const auto* place = parsed.registry();
    if (place == nullptr || place->tag || place->digest) {
      return fail(Error(Errc::usage, "'" + word + "' is neither a spec nor HOST/REPOSITORY")
                      .hint("repositories are named without a tag: it is about all their images"));
    }
    TRY(base::with_context(look_at_repository(app, *place, checks, date, subjects), word));
  }
  app.close_progress();
  const auto outdated = static_cast<std::size_t>(
      std::count_if(subjects.begin(), subjects.end(), [](const Subject& subject) {
        return std::any_of(subject.notes.begin(), subject.notes.end(),
                           [](const auto& note) { return note.severity != "info"; });
      }));
  TRY(print(app.json() ? base::pretty_json(json_of(subjects, outdated))
                       : text_of(subjects, outdated)));
  return app.args().flag("exit-code") && outdated > 0 ? 7 : 0;
}

}  // namespace

Command outdated_command() {
  return {.name = "outdated",
          .summary =
              "what has something newer, reached its end, is gone at its source, or is vulnerable",
          .synopsis = "SPEC|HOST/REPOSITORY... [options]",
          .details =
              "Of a spec: what 'imgforge lock' would choose now against its lock, whether every "
              "locked input is still\n"
              "served, and ends of life. Of a repository: ends of life of its images, and Harbor's "
              "scan. Writes nothing.\n\n"
              "Examples:\n"
              "  imgforge outdated specs/app.yaml\n"
              "  imgforge outdated specs/*.yaml --exit-code               7 when something is "
              "outdated (for pipelines)\n"
              "  imgforge outdated specs/app.yaml --only lost             do the mirrors still "
              "have everything?\n"
              "  imgforge outdated harbor.example/ml/pytorch-cuda --json",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli

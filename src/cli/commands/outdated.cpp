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
#include "cli/catalogue_gather.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/image_inputs.h"
#include "cli/image_notes.h"
#include "cli/output.h"
#include "cli/promotion.h"
#include "cli/repositories.h"
#include "cli/trust.h"
#include "release/in_use.h"
#include "spec/matrix.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"only", 0, "CHECK",
     "newer, lost, end-of-life or vulnerabilities; may be given again (default: all)", true},
    {"all", 'a', "",
     "of a repository, look for newer and lost inputs of old builds, too, not only of what is in "
     "use"},
    {"exit-code", 0, "", "exit with 7 when something is outdated"},
    {"date", 0, "DAY", "the day by which ends of life are judged, as 2026-01-31 (default: today)"},
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr std::string_view kChecks[] = {"newer", "lost", "end-of-life", "vulnerabilities"};

struct Subject {
  std::string name;    // the spec, or HOST/REPOSITORY:TAG
  std::string digest;  // of an image
  std::vector<std::string> channels = {};
  std::vector<release::CatalogueNote> notes;
  std::set<std::string> checked = {};  // of newer and lost: those that were looked at to the end
  bool history = false;                // an old build, of which inputs were not looked for
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

std::map<std::string, std::string> components_of(const layer::Facts& facts) {
  std::map<std::string, std::string> components;
  for (const layer::Component& one : facts.components) components[one.name] = one.version;
  if (!facts.os_id.empty()) components[facts.os_id] = facts.os_version;
  if (facts.python) components["python"] = facts.python->version;
  return components;
}

void add(Subject& subject, std::vector<release::CatalogueNote> notes) {
  for (auto& note : notes) subject.notes.push_back(std::move(note));
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
  if (checks.contains("newer")) {
    add(subject,
        TRY(newer_notes(app, spec, lock, {}, "imgforge rebuild " + base::shell_quote(spec.file))));
    subject.checked.insert("newer");
  }
  if (checks.contains("lost")) {
    const LostInputs found = TRY(look_for_lost(app, plan));
    for (const auto& [input, error] : found.unasked) {
      app.progress().warn(input.name + " could not be asked for: " + error.summary());
    }
    add(subject, lost_notes(found, {*TRY(app.store()), {}, {}}));
    if (found.unasked.empty()) subject.checked.insert("lost");
  }
  if (checks.contains("end-of-life")) {
    add(subject, end_of_life_notes(components_of(plan.facts), date));
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
  Checks of_inputs;
  for (const char* check : {"newer", "lost"}) {
    if (checks.contains(check)) of_inputs.insert(check);
  }
  if (!of_inputs.empty()) TRY(app.sources());  // a mistake in the configuration is no image's
  const auto repository = TRY(open_repository(app, place));
  const base::TempDir scratch = TRY(TRY(app.store())->scratch("outdated"));
  ImageInputs inputs(app, *repository, of_inputs, scratch.path());
  const std::vector<bool> used = release::in_use(catalogue.images);
  for (std::size_t i = 0; i < catalogue.images.size(); ++i) {
    release::CatalogueImage& image = catalogue.images[i];
    Subject subject{.name = image.repository + ":" + image.tag,
                    .digest = image.digest,
                    .channels = image.channels,
                    .notes = {}};
    subject.history = !of_inputs.empty() && !used[i] && !app.args().flag("all");
    if (!of_inputs.empty() && !subject.history) {
      auto found = TRY(inputs.look_at(TRY(oci::Digest::parse(image.digest)), subject.name));
      add(subject, std::move(found.notes));
      subject.checked = std::move(found.checked);
    }
    for (auto& note : image.notes) {
      if (is_wanted(note, checks)) subject.notes.push_back(std::move(note));
    }
    subjects.push_back(std::move(subject));
  }
  return {};
}

std::string title_of(const Subject& subject) {
  std::vector<std::string> others = subject.channels;
  std::erase_if(others, [&](const auto& one) { return subject.name.ends_with(":" + one); });
  return subject.name + (others.empty() ? "" : " (" + base::join(others, ", ") + ")");
}

std::string text_of(const std::vector<Subject>& subjects, std::size_t outdated) {
  std::string out;
  for (const Subject& subject : subjects) {
    if (subject.notes.empty()) continue;
    out += title_of(subject) + "\n";
    for (const release::CatalogueNote& note : subject.notes) {
      out += fmt::format("  {:<8} {:<18} {}\n", note.severity, note.code, note.sentence);
      if (!note.remedy.empty()) out += fmt::format("  {:<8} {:<18}   {}\n", "", "", note.remedy);
    }
  }
  out += fmt::format("{}{} looked at, {} outdated\n", out.empty() ? "" : "\n", subjects.size(),
                     outdated);
  const auto history = std::count_if(subjects.begin(), subjects.end(),
                                     [](const Subject& subject) { return subject.history; });
  if (history > 0) {
    out += fmt::format("of {} old {} newer and lost inputs were not looked for (--all)\n", history,
                       history == 1 ? "build" : "builds");
  }
  return out;
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
    base::Json row = {
        {"name", subject.name}, {"checked", subject.checked}, {"notes", std::move(notes)}};
    if (!subject.digest.empty()) {
      row["digest"] = subject.digest;
      row["channels"] = subject.channels;
    }
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
  return {
      .name = "outdated",
      .summary =
          "what has something newer, reached its end, is gone at its source, or is vulnerable",
      .synopsis = "SPEC|HOST/REPOSITORY... [options]",
      .details =
          "Of a spec: what 'imgforge lock' would choose now against its lock, whether every "
          "locked input is still\n"
          "served, and ends of life. Of a repository: ends of life of its images, Harbor's "
          "scan, and by the spec and\n"
          "lock that 'build --push --attest' or '--keep-inputs' put beside an image the same as "
          "of a spec: of images\n"
          "that a channel names, and of each series of builds that none names the newest; of "
          "the others with --all.\n"
          "Writes nothing.\n\n"
          "Examples:\n"
          "  imgforge outdated specs/app.yaml\n"
          "  imgforge outdated specs/*.yaml --exit-code               7 when something is "
          "outdated (for pipelines)\n"
          "  imgforge outdated specs/app.yaml --only lost             do the mirrors still "
          "have everything?\n"
          "  imgforge outdated harbor.example/ml/pytorch-cuda --json\n"
          "  imgforge outdated harbor.example/ml/pytorch-cuda --all   old builds, too",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

#include "cli/input_notes.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "build/lock_changes.h"
#include "build/resolve.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/rebuilding.h"
#include "sources/look_for.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kParallel = 8;

Result<Notes> newer_notes(App& app, const spec::ImageSpec& spec, const build::Plan& plan,
                          const std::string& file) {
  const build::Workplace place{*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                               &app.images()};
  const spec::Lock now = TRY(build::resolve(
      spec, {.previous = {}, .update = {}, .probe_file = app.settings().probe_file}, place));
  const build::Plan fresh = TRY(build::make_plan(spec, now));
  Notes notes;
  for (const build::LockChange& change : build::compare_inputs(plan, fresh)) {
    notes.push_back({change.security ? "error" : "warning",
                     change.security ? "security-update" : "newer-input", to_string(change),
                     "imgforge rebuild " + base::shell_quote(file)});
  }
  return notes;
}

struct Place {
  bool had = false;
  const char* remedy = "";
};
Place another_place(const oci::Digest& input, const store::Store& store,
                    const std::set<oci::Digest>& kept) {
  if (kept.contains(input)) {
    return {true, "it is kept beside the image: imgforge fetch SPEC --kept IMAGE brings it"};
  }
  if (store.has_input(input)) {
    return {true, "this store still has it: imgforge fetch --vendor DIR keeps it"};
  }
  return {false, "imgforge lock chooses another; or bring it back from a vendored folder"};
}

Result<Notes> lost_notes(App& app, const build::Plan& plan, const std::set<oci::Digest>& kept) {
  const auto inputs = all_inputs(plan);
  const sources::Sources& sources = *TRY(app.sources());
  const auto lost =
      TRY(sources::look_for(inputs, sources.addresses(), app.progress(), kParallel, app.stop()));
  const store::Store& store = *TRY(app.store());
  Notes notes;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!lost[i]) continue;
    const Errc code = lost[i]->code();
    if (code != Errc::not_found && code != Errc::mismatch) {
      app.progress().warn(inputs[i].name + " could not be asked for: " + lost[i]->summary());
      continue;
    }
    const Place place = another_place(inputs[i].digest, store, kept);
    notes.push_back(
        {place.had ? "warning" : "error", "lost-input", lost[i]->summary(), place.remedy});
  }
  return notes;
}

void append(Notes& notes, const Notes& more) {
  notes.insert(notes.end(), more.begin(), more.end());
}

/// Without the layers that are made of the project's files.
void leave_out_files(KeptProject& project) {
  std::erase_if(project.spec.layers, [](const auto& layer) { return layer.kind == "files"; });
  std::erase_if(project.lock.layers, [](const auto& layer) { return layer.kind == "files"; });
}

}  // namespace

Result<Notes> input_notes(App& app, const InputChecks& checks, const spec::ImageSpec& spec,
                          const build::Plan& plan, const std::string& file) {
  Notes notes;
  if (checks.newer) append(notes, TRY(newer_notes(app, spec, plan, file)));
  if (checks.lost) append(notes, TRY(lost_notes(app, plan, {})));
  return notes;
}

Result<Notes> KeptInputNotes::look(const oci::RegistryReference& place, const std::string& digest) {
  const store::Store& store = *TRY(app_.store());
  const base::TempDir scratch = TRY(store.scratch("outdated"));
  const RegistryImage image =
      TRY(open_registry_image(app_, place.host + "/" + place.repository + "@" + digest));
  if (image.descriptor().media_type == oci::media_type::kIndex) {
    return Notes{{"info", "not-checked", "newer inputs are not looked for: it is an index", ""}};
  }
  auto project = TRY(open_kept_project(image, scratch.path()));
  if (!project) {
    return Notes{{"info", "no-documents",
                  "newer inputs are not looked for: no spec and lock are beside the image",
                  "push with --attest or --keep-inputs"}};
  }
  leave_out_files(*project);
  const build::Plan plan = TRY(build::make_plan(project->spec, project->lock));
  Notes notes;
  if (checks_.newer) {
    const std::string key = project->documents.spec.content + project->documents.lock.content;
    auto known = newer_.find(key);
    if (known == newer_.end()) {
      Notes newer = TRY(newer_notes(app_, project->spec, plan, project->documents.spec.path));
      known = newer_.emplace(key, std::move(newer)).first;
    }
    append(notes, known->second);
  }
  if (checks_.lost) {
    std::set<oci::Digest> kept;
    for (const auto& [input, where] : project->inputs) kept.insert(input);
    append(notes, TRY(lost_notes(app_, plan, kept)));
  }
  return notes;
}

Result<Notes> KeptInputNotes::of(const oci::RegistryReference& place, const std::string& digest) {
  auto notes = look(place, digest);
  if (notes || notes.error().code() == Errc::cancelled) return notes;
  const std::string reason = notes.error().summary();
  app_.progress().warn(place.repository + "@" + digest + ": " + reason);
  return Notes{{"info", "not-checked", "newer inputs could not be looked for: " + reason,
                notes.error().hint()}};
}

}  // namespace imgforge::cli

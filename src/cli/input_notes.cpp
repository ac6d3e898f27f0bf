#include "cli/input_notes.h"

#include <fmt/format.h>

#include "base/text.h"
#include "build/lock_changes.h"
#include "build/resolve.h"
#include "cli/commands/shared.h"
#include "sources/look_for.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kParallel = 8;

}  // namespace

release::CatalogueNote not_checked(const Error& error, std::string sentence) {
  const bool is_line = error.hint().find('\n') == std::string::npos;
  return {"info", kNotChecked, std::move(sentence), is_line ? error.hint() : ""};
}

Result<std::vector<release::CatalogueNote>> newer_notes(App& app, const spec::ImageSpec& spec,
                                                        const spec::Lock& lock,
                                                        const std::set<std::string>& keep,
                                                        const std::string& remedy) {
  const build::Plan plan = TRY(build::make_plan(spec, lock));
  const build::Workplace place{*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                               &app.images()};
  const spec::Lock now = TRY(build::resolve(
      spec, {.previous = lock, .update = {}, .keep = keep, .probe_file = app.settings().probe_file},
      place));
  const build::Plan fresh = TRY(build::make_plan(spec, now));
  std::vector<release::CatalogueNote> notes;
  for (const build::LockChange& change : build::compare_inputs(plan, fresh)) {
    notes.push_back({change.security ? "error" : "warning",
                     change.security ? "security-update" : "newer-input", to_string(change),
                     remedy});
  }
  return notes;
}

Result<LostInputs> look_for_lost(App& app, const build::Plan& plan) {
  const auto inputs = all_inputs(plan);
  sources::Sources& sources = *TRY(app.sources());
  const auto lost =
      TRY(sources::look_for(inputs, sources.addresses(), app.progress(), kParallel, app.stop()));
  LostInputs found{.asked = inputs.size(), .lost = {}, .unasked = {}};
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!lost[i]) continue;
    const Errc code = lost[i]->code();
    const bool gone = code == Errc::not_found || code == Errc::mismatch;
    (gone ? found.lost : found.unasked).push_back({inputs[i], *lost[i]});
  }
  return found;
}

std::vector<release::CatalogueNote> lost_notes(const LostInputs& found, const OtherPlaces& places) {
  std::vector<release::CatalogueNote> notes;
  for (const auto& [input, error] : found.lost) {
    if (places.kept.contains(input.digest)) {
      notes.push_back({"warning", "lost-input", error.summary(),
                       fmt::format("kept beside the image: imgforge fetch SPEC --kept {} brings it",
                                   base::shell_quote(places.image))});
    } else if (places.store.has_input(input.digest)) {
      notes.push_back({"warning", "lost-input", error.summary(),
                       "this store still has it: imgforge fetch --vendor DIR keeps it"});
    } else {
      notes.push_back({"error", "lost-input", error.summary(),
                       "imgforge lock chooses another; or bring it back from a vendored folder"});
    }
  }
  if (!found.unasked.empty()) {
    const auto& [input, error] = found.unasked.front();
    notes.push_back(not_checked(
        error, fmt::format("{} of {} inputs could not be asked for: {}: {}", found.unasked.size(),
                           found.asked, input.name, error.summary())));
  }
  return notes;
}

}  // namespace imgforge::cli

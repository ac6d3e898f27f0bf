// What can be said of the inputs that a lock names: which have something newer, and which are no
// longer served. Of a spec of this machine, and of one that is kept beside an image.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "build/kept_inputs.h"
#include "build/plan.h"
#include "cli/app.h"
#include "release/catalogue.h"

namespace imgforge::cli {

inline constexpr const char* kNotChecked = "not-checked";

/// Something could not be looked at: an info. The error's hint is the remedy where it is one line.
release::CatalogueNote not_checked(const Error& error, std::string sentence);

/// Compares `lock` with what 'imgforge lock' would choose now. `keep`: layers that cannot be
/// resolved here. `remedy` is what to do about a change.
Result<std::vector<release::CatalogueNote>> newer_notes(App& app, const spec::ImageSpec& spec,
                                                        const spec::Lock& lock,
                                                        const std::set<std::string>& keep,
                                                        const std::string& remedy);

struct InputTrouble {
  sources::Input input;
  Error error;
};
struct LostInputs {
  std::size_t asked = 0;              // inputs that were looked for
  std::vector<InputTrouble> lost;     // gone, or another file now
  std::vector<InputTrouble> unasked;  // their servers did not say
};
/// Asks the sources for every input of the plan.
Result<LostInputs> look_for_lost(App& app, const build::Plan& plan);

/// Where inputs may be although their sources have lost them.
struct OtherPlaces {
  const store::Store& store;
  std::map<oci::Digest, build::KeptInput> kept;  // beside the image
  std::string image;                             // HOST/REPOSITORY:TAG, or empty
};
/// Inputs that are lost everywhere are errors, others warnings; those that could not be asked for
/// make one note of kNotChecked.
std::vector<release::CatalogueNote> lost_notes(const LostInputs& found, const OtherPlaces& places);

}  // namespace imgforge::cli

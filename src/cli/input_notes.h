// What of a lock's inputs has something newer, and what is gone where it was served: of a project's
// lock, or of one that is kept beside an image. Nothing is written.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/plan.h"
#include "cli/app.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "release/catalogue.h"
#include "spec/image_spec.h"

namespace imgforge::cli {

struct InputChecks {
  bool newer = false;  // what `imgforge lock` would choose now
  bool lost = false;   // whether every input is still served
  bool any() const { return newer || lost; }
};

using Notes = std::vector<release::CatalogueNote>;

/// `file`: the spec's name in remedies. Errors are of the sources, which could not be asked.
Result<Notes> input_notes(App& app, const InputChecks& checks, const spec::ImageSpec& spec,
                          const build::Plan& plan, const std::string& file);

/// Images of registries, by the spec and lock beside them. Files of the project are no inputs: the
/// layers that are made of them are left out. What is asked once about a lock is remembered.
class KeptInputNotes {
 public:
  /// Borrows `app`.
  KeptInputNotes(App& app, InputChecks checks) : app_(app), checks_(checks) {}

  /// Also notes that it could not be looked at; an error is an interruption.
  Result<Notes> of(const oci::RegistryReference& place, const std::string& digest);

 private:
  Result<Notes> look(const oci::RegistryReference& place, const std::string& digest);

  App& app_;
  InputChecks checks_;
  std::map<std::string, Notes> newer_;  // by the documents' content
};

}  // namespace imgforge::cli

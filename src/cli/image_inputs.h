// Newer and lost inputs of images in a registry, by the spec and lock that are kept beside them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "build/without_project.h"
#include "cli/input_notes.h"
#include "cli/kept_documents.h"

namespace imgforge::cli {

struct InputFindings {
  std::vector<release::CatalogueNote> notes;
  std::set<std::string> checked;  // of "newer" and "lost": those that were looked at to the end
};

/// Images of one repository. Those that have the same spec and lock are resolved once.
class ImageInputs {
 public:
  /// `checks`: "newer", "lost". `scratch` is a folder that outlives this.
  ImageInputs(App& app, release::Repository& repository, std::set<std::string> checks,
              std::string scratch)
      : app_(app),
        repository_(repository),
        checks_(std::move(checks)),
        scratch_(std::move(scratch)) {}

  /// `name` is for people. What cannot be looked at is a note, and a warning where it should be
  /// possible; only Errc::cancelled is an Error.
  Result<InputFindings> look_at(const oci::Digest& image, const std::string& name);

 private:
  /// What a pair of spec and lock came to. It failed: an Error, the same for every image.
  struct Looked {
    Result<std::vector<release::CatalogueNote>> newer;
    Result<LostInputs> lost;
  };

  Result<InputFindings> open_and_look(const oci::Digest& image, const std::string& name);
  Result<> check_trust(const oci::Descriptor& image);
  const Looked& looked(const build::WithoutProject& rest, const std::string& remedy);
  void add(const Error& error, std::string_view what, const std::string& name,
           InputFindings& findings);

  App& app_;
  release::Repository& repository_;
  std::set<std::string> checks_;
  std::string scratch_;
  std::map<std::string, Looked> looked_;
};

}  // namespace imgforge::cli

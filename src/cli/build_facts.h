// What the pipeline that runs imgforge says of itself, for provenance: GitLab's and GitHub's
// variables. Whoever signs vouches for it.
#pragma once

#include <string>

#include "cli/settings.h"
#include "evidence/provenance.h"

namespace imgforge::cli {

/// The `builder` of the configuration, else the pipeline's runner or workflow, else a name for
/// nobody in particular. Without a pipeline there is no source: a working copy may hold anything.
evidence::BuildFacts build_facts(const Settings& settings, const std::string& spec_file);

inline constexpr const char* kUnnamedBuilder = "https://imgforge.io/builder/unnamed";

}  // namespace imgforge::cli

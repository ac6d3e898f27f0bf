// "Which wheels would be installed on the target?", asked of uv; exactly one wheel per project,
// with the index that serves it.
#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "sources/project_index.h"
#include "sources/sources.h"

namespace imgforge::sources {

/// Pages of projects by role, from whoever keeps them for this run.
using ProjectPages = std::function<Result<std::vector<IndexFile>>(
    const std::string& role, const std::string& project, std::stop_token stop)>;
/// The size of a file that no page tells, by asking its server.
using FileSize = std::function<Result<std::uint64_t>(const std::string& url, std::stop_token stop)>;

/// `scratch` is an empty folder that only this user can read and that the caller removes.
Result<PythonResolution> resolve_python(const PythonRequest& request, const Addresses& addresses,
                                        const std::string& scratch, const ProjectPages& pages,
                                        const FileSize& file_size, std::stop_token stop);

}  // namespace imgforge::sources

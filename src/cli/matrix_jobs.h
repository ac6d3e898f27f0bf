// The cells of a matrix as jobs of what a team already runs: a GitLab child pipeline, a GitHub
// matrix, Indexed Jobs of Kubernetes, a PipelineRun of Tekton. Every job is one `imgforge build
// FILE#CELL`; shared layers go from job to job through the layer cache of the registry.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"
#include "build/matrix.h"

namespace imgforge::cli {

enum class JobFormat { gitlab, github, kubernetes, tekton };
std::optional<JobFormat> parse_job_format(std::string_view text);

/// The document, with a final newline. `parallel`: jobs of a stage at the same time where the
/// format says so; 0: all. Errc::refused when a wanted cell is not ready; Errc::usage when the
/// matrix lacks what the format needs, or options of jobs are none of `imgforge build`.
Result<std::string> render_jobs(const spec::Matrix& matrix, const build::MatrixPlan& plan,
                                JobFormat format, std::size_t parallel);

}  // namespace imgforge::cli

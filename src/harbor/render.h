// Plans and what became of them, for people and for programs.
#pragma once

#include <string>

#include "harbor/apply.h"
#include "harbor/plan.h"

namespace imgforge::harbor {

/// Aligned columns: what is done, to what, from what to what; then one line that counts. `all`:
/// also what is as wanted.
std::string plan_table(const Plan& plan, bool all);
/// {"project", "changes": [{"action","kind","name","before","after","note"}], "summary": {...}}
std::string plan_json(const Plan& plan);

/// What was done, where it stopped, what is left. Empty when nothing was to be done.
std::string applied_table(const Applied& applied);
/// {"complete", "done": [...], "refused": {...} | null, "left": [...]}; the error is the caller's.
std::string applied_json(const Applied& applied);

}  // namespace imgforge::harbor

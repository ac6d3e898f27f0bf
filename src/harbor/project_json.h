// The JSON of system information, projects, quotas, labels and scanners (Harbor 2.12 to 2.15).
#pragma once

#include <string>
#include <vector>

#include "harbor/types.h"

namespace imgforge::harbor {

Result<SystemInfo> read_system_info(std::string_view json);
/// Components that are not "healthy".
Result<std::vector<std::string>> read_unhealthy(std::string_view json);

Result<Project> read_project(std::string_view json);
std::string new_project_json(const std::string& name, bool is_public);
/// `metadata` goes beside the project's own "public", which a PUT has to repeat.
std::string project_update_json(const Project& project,
                                const std::map<std::string, std::string>& metadata);

/// Of a project's summary; nullopt when it has none, or not for who asks.
Result<std::optional<Quota>> read_quota_summary(std::string_view json);
/// The id of the first quota in a list; nullopt when it is empty.
Result<std::optional<std::int64_t>> read_quota_id(const std::vector<std::string>& pages);
std::string quota_json(std::int64_t limit);

Result<std::vector<Label>> read_labels(const std::vector<std::string>& pages);
std::string label_json(const Label& label, std::int64_t project_id);

Result<std::vector<Scanner>> read_scanners(const std::vector<std::string>& pages);
/// A project's scanner; nullopt when it has none.
Result<std::optional<Scanner>> read_scanner(std::string_view json);
std::string scanner_json(const Scanner& scanner);

}  // namespace imgforge::harbor

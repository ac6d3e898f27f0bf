// The JSON of artifacts, their scans and accessories (Harbor 2.12 to 2.15).
#pragma once

#include <string>
#include <vector>

#include "harbor/types.h"

namespace imgforge::harbor {

Result<Artifact> read_artifact(std::string_view json);
Result<std::vector<Artifact>> read_artifacts(const std::vector<std::string>& pages);
Result<std::vector<Accessory>> read_accessories(const std::vector<std::string>& pages);
std::string tag_json(const std::string& name);
std::string label_reference_json(std::int64_t id);
std::string scan_json();

}  // namespace imgforge::harbor

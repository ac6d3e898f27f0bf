// The metadata in a wheel, as it will lie in the layer: without reading the layer. Private to the
// room.
#pragma once

#include <map>
#include <string>

#include "base/bytes.h"
#include "evidence/python_metadata.h"

namespace imgforge::evidence {

/// Folder in the image -> its METADATA: the wheel's own dist-info and those of packages that it
/// brings inside.
Result<std::map<std::string, PythonMetadata>> read_wheel_documents(
    const base::RandomAccess& wheel, const std::string& file_name,
    const std::string& site_packages);

}  // namespace imgforge::evidence

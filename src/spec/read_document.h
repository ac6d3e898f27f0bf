// What specs and layer definitions have in common as files.
#pragma once

#include <string>

#include "document/fields.h"
#include "document/node.h"

namespace imgforge::spec {

/// Reads and parses the file; `file` is the name in errors. Errc::refused when a value in it looks
/// like a secret.
Result<document::Node> read_document(const std::string& file);

/// Reads `imgforge: 1`.
void check_format_version(document::Fields& fields);

}  // namespace imgforge::spec

// JSON values as YAML text for files that other programs read: block style, keys sorted, every text
// that YAML could take for something else in double quotes.
#pragma once

#include <string>

#include "base/json.h"

namespace imgforge::cli {

std::string to_yaml(const base::Json& value);

}  // namespace imgforge::cli

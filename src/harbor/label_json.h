// One label inside another document; see project_json.h.
#pragma once

#include "base/json.h"
#include "harbor/types.h"

namespace imgforge::harbor {

Result<Label> read_label(base::JsonReader reader);

}  // namespace imgforge::harbor

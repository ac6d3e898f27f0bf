#include "evidence/image.h"

#include <algorithm>

#include "layer/definition.h"

namespace imgforge::evidence {

bool is_executed(std::string_view kind) {
  const auto kinds = layer::kinds();
  return kind == "finalize" || std::any_of(kinds.begin(), kinds.end(), [&](const auto& known) {
           return known.name == kind && known.executed;
         });
}

}  // namespace imgforge::evidence

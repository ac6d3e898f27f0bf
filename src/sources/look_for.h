// Whether what a lock names is still served, without fetching it.
#pragma once

#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "base/progress.h"
#include "sources/addresses.h"
#include "sources/input.h"

namespace imgforge::sources {

/// By index: nullopt where one place has the input with its size; not_found where none has it any
/// more, mismatch where it is another file now; other errors where it could not be asked. What no
/// network brings (project, registry, builtin) is not asked about. At most `parallel` requests at
/// once.
Result<std::vector<std::optional<Error>>> look_for(std::span<const Input> inputs,
                                                   const Addresses& addresses,
                                                   base::Progress& progress, std::size_t parallel,
                                                   std::stop_token stop);

}  // namespace imgforge::sources

// index.json of a layout, changed in one place: every other entry, and every field that this
// program does not know, stays as it is. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/image.h"

namespace imgforge::store {

inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";

/// The name of an entry, empty when it has none.
std::string ref_name(const oci::Descriptor& entry);

/// An index without images.
std::string empty_index();

/// `manifest` under `name` (empty: without a name), in place of what had that name; entries sorted
/// by name, then digest. An image without a name takes the place of nothing but itself. nullopt
/// when it stands there already.
Result<std::optional<std::string>> index_with(std::string_view index, const std::string& name,
                                              const oci::Descriptor& manifest);
/// Without the image `name`; nullopt when there is none.
Result<std::optional<std::string>> index_without(std::string_view index, const std::string& name);

}  // namespace imgforge::store

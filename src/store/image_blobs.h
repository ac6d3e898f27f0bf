// Every blob of one image, once: what exports walk over. Private to the room.
#pragma once

#include <vector>

#include "store/store.h"

namespace imgforge::store {

/// The manifest (or index) first, then what it names, depth first; each digest once.
Result<std::vector<oci::Descriptor>> blobs_of(const Store& store, const oci::Descriptor& root);

/// index.json of a layout that holds this one image.
std::string single_index(const oci::Descriptor& manifest, const std::string& name);

inline constexpr const char* kRefName = "org.opencontainers.image.ref.name";
inline constexpr const char* kOciLayout = "{\"imageLayoutVersion\":\"1.0.0\"}";

}  // namespace imgforge::store

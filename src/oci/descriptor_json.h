// The JSON form of descriptors and platforms, shared by this room's codecs.
#pragma once

#include "base/json.h"
#include "oci/descriptor.h"

namespace imgforge::oci {

base::Json descriptor_to_json(const Descriptor& descriptor);
/// Tolerant: unknown keys are fine.
Result<Descriptor> read_descriptor(base::JsonReader& reader);

/// A required digest under `key`; keeps the kind of what is wrong with it (Errc::unsupported for
/// SHA-512).
Result<Digest> read_digest(base::JsonReader& reader, const char* key);

}  // namespace imgforge::oci

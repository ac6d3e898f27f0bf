// The JSON form of DSSE envelopes, shared by the codecs of this room.
#pragma once

#include "base/json.h"
#include "sign/dsse.h"

namespace imgforge::sign {

base::Json envelope_to_json(const Envelope& envelope);
/// Tolerant of unknown keys. At least one signature.
Result<Envelope> read_envelope(base::JsonReader& reader);

/// A required base64 text under `key`, decoded.
std::string read_base64(base::JsonReader& reader, const char* key);

}  // namespace imgforge::sign

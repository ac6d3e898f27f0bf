// How a layer's tar stream becomes a blob. An encoder is named by an id that stands in layer keys
// and in the lock: the same id and the same tar always give the same bytes, on any machine and with
// any number of cores.
#pragma once

#include <string>

#include "base/error.h"

namespace imgforge::archive {

enum class Compression { none, gzip, zstd };

struct Encoder {
  Compression compression = Compression::gzip;
  int level = 6;  // gzip: libdeflate 1..12; zstd: 1..19
};

/// "gzip:libdeflate-1.14:6:1MiB:r1", "zstd:1.5.4:3:r1", "none:r1": implementation, its version as
/// linked, level, block size, revision of our framing (incremented whenever the bytes change).
std::string encoder_id(const Encoder& encoder);

/// "gzip", "gzip:9", "zstd", "zstd:3", "none".
Result<Encoder> parse_encoder(std::string_view text);

/// "application/vnd.oci.image.layer.v1.tar+gzip" and so on (image-spec v1.1.1, layer.md).
std::string layer_media_type(Compression compression);

}  // namespace imgforge::archive

// A layer blob as its tar stream. Gzip of any number of members (spliced layers have many), zstd of
// any number of frames, or plain. zlib and libzstd are used here rather than libarchive's filters,
// which stop at some concatenations.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace imgforge::store {

/// By the blob's first bytes, not by its media type. Errc::mismatch when the stream is damaged or
/// ends early.
Result<std::unique_ptr<base::Source>> open_layer_tar(const std::string& blob_path);

}  // namespace imgforge::store

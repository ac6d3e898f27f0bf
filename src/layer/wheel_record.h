// RECORD: the list of a wheel's files with their hashes, as CSV.
// Source: packaging.python.org "Recording installed projects", section "The RECORD file".
//
//   row  = path "," [ algorithm "=" base64url-without-padding ] "," [ decimal-size ]
//   path = relative to the folder that dist-info is in, "/" between parts; quoted as CSV demands
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/sha256.h"

namespace imgforge::layer {

struct RecordRow {
  std::string path;
  std::string algorithm;  // "sha256"; empty where the row has no hash
  std::string hash;       // base64url without padding, as written
  std::optional<std::uint64_t> size;
};

/// Rows in the order of the file; empty lines do not count. `name` is for errors, which name the
/// line. Two rows for one path are an error.
Result<std::vector<RecordRow>> parse_record(std::string_view text, const std::string& name);

/// One row with "\n", quoted where CSV demands it.
std::string format_record_row(const RecordRow& row);

/// "sha256" and the hash of the value.
RecordRow record_row(std::string path, const base::Sha256Value& sha256, std::uint64_t size);

/// The value of a sha256 row; nullopt when the hash is not 32 bytes of base64.
std::optional<base::Sha256Value> sha256_of(const RecordRow& row);

}  // namespace imgforge::layer

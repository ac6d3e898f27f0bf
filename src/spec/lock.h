// The lock: every input of one image by name, version, size and sha256, resolved once and used by
// every build. NAME.lock.json beside NAME.yaml; JSON with sorted keys, two spaces, LF. Format:
// docs/formats/lock.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "spec/image_spec.h"

namespace imgforge::spec {

// Format history: 1 first version.
inline constexpr int kLockVersion = 1;

struct LockedLayer {
  std::string id;
  std::string kind;
  std::string part;  // canonical JSON, owned by the kind
  bool operator==(const LockedLayer&) const = default;
};

/// What a layer became in an earlier build: lets a build be a verified copy, and proves that it is
/// the same again.
struct BuiltRecord {
  std::string key;     // layer key, hex
  std::string digest;  // of the blob, hex
  std::uint64_t size = 0;
  std::string diff_id;  // hex
  std::uint64_t tar_size = 0;
  bool operator==(const BuiltRecord&) const = default;
};

struct Lock {
  std::string spec_digest;
  base::Seconds epoch;
  std::map<std::string, std::string> tools;       // "apt": "2.6.1", "resolver": "uv 0.9.3", …
  std::map<std::string, std::string> components;  // for people and diffs: "torch": "2.6.0"
  std::vector<LockedLayer> layers;                // in the spec's order
  std::vector<BuiltRecord> records;               // in layer order
  std::string manifest;  // digest of the image that the records make; may be empty
  bool operator==(const Lock&) const = default;
};

/// "specs/x.yaml" -> "specs/x.lock.json"; "specs/x.matrix.yaml#CELL" -> "specs/x.matrix.CELL.lock.json".
std::string lock_path(const std::string& spec_file);
std::string format_lock(const Lock& lock);
Result<Lock> parse_lock(std::string_view json, const std::string& file);
/// not_found carries the hint to run `imgforge lock`.
Result<Lock> load_lock(const std::string& file);

/// Errc::refused when the lock was made for other content than the spec has now, saying what
/// differs where it can.
Result<> check_lock(const Lock& lock, const ImageSpec& spec, const std::string& lock_file);

}  // namespace imgforge::spec

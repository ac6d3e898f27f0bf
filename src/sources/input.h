// One file that a build needs from outside, as the lock names it: content by sha256 and size, and
// the place by role, never by address (DESIGN section 4). Who serves a role is the business of
// Addresses.
#pragma once

#include <string>

#include "base/json.h"
#include "oci/digest.h"

namespace imgforge::sources {

struct Origin {
  enum class Kind {
    archive,   // role = "debian"; path = "pool/main/…" relative to the archive's root
    index,     // role = "default" | "pytorch/cu118"; project = PEP 503 name; path = file name
    redist,    // role = "cuda" | "cudnn"…; path relative to the product's redist folder
    url,       // path = an address that the spec's author wrote (kind archive)
    project,   // path relative to the project's folder
    registry,  // role = host/repository; path = a blob digest
    builtin,   // part of imgforge itself (the probe)
  };
  Kind kind = Kind::url;
  std::string role;
  std::string project;
  std::string path;
  std::string snapshot;  // archive: the timestamp that the spec asked for, else empty
  bool operator==(const Origin&) const = default;
};

struct Input {
  std::string name;  // a file name for people
  oci::Digest digest;
  std::uint64_t size = 0;
  Origin origin;
};

/// Codec for lock parts: {"name","sha256","size","origin":{"kind","role",…}}.
base::Json to_json(const Input& input);
Result<Input> input_from_json(base::JsonReader reader);

/// "the Debian archive 'debian', pool/main/g/glibc/…": for messages.
std::string describe(const Origin& origin);

}  // namespace imgforge::sources

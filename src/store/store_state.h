// What the parts of the store share: where things are. Private to the room.
#pragma once

#include "base/file.h"
#include "store/store.h"

namespace imgforge::store {

struct Store::State {
  std::string directory;

  std::string path(const std::string& relative) const { return directory + "/" + relative; }
  std::string blob(const oci::Digest& digest) const { return path("blobs/sha256/" + digest.hex()); }
  std::string input(const oci::Digest& digest) const {
    return path("inputs/sha256/" + digest.hex());
  }
};

}  // namespace imgforge::store

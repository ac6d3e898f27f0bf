// A small image of every kind of layer, made by hand: its blobs in a store, its lock, its layers.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "catch.h"
#include "evidence/image.h"
#include "evidence/inventory.h"
#include "spec/lock.h"
#include "store/store.h"

namespace imgforge::evidence {

using Files = std::map<std::string, std::string>;  // path -> content; "-> target" is a link

class ImageFixture {
 public:
  ImageFixture();

  store::Store store;
  spec::Lock lock;
  Image image;

  /// Adds a layer to the image, with its blob.
  void add_layer(const std::string& id, const std::string& kind, const Files& files,
                 const std::string& title = "", bool executed = false);
  /// Adds a layer to the lock.
  void lock_layer(const std::string& id, const std::string& kind, const std::string& part);

  Result<Inventory> inventory() const {
    return take_inventory(image, lock, store, {.workers = 2}, base::silent_progress(), {});
  }

 private:
  explicit ImageFixture(base::TempDir folder);
  base::TempDir folder_;
};

/// A Debian, wheels, NVIDIA archives, a git commit's files, and a command's doings.
ImageFixture whole_image();

/// {"name","sha256","size","origin"}: an input of a lock's part.
std::string input_json(const std::string& name, const std::string& origin);
/// A METADATA file.
std::string metadata(const std::string& name, const std::string& version,
                     const std::string& more = "");

/// Compares with tests/unit/evidence/golden/NAME; writes it anew when IMGFORGE_WRITE_GOLDENS is
/// set.
void check_golden(const std::string& text, const std::string& name);

}  // namespace imgforge::evidence

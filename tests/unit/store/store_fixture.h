// Stores in a temporary folder, and small real images in them: layers are tars that any client
// unpacks, so that every export can go through the validator and the field's own programs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "catch.h"
#include "store/export.h"
#include "store/store.h"

namespace imgforge::store {

enum class Compression { plain, gzip, many_members, zstd };

/// A tar of these files (path -> content), folders in front of what is in them.
std::string make_tar(const std::map<std::string, std::string>& files);
std::string compress(std::string_view data, Compression how);
/// Bytes that do not compress; the same for the same seed.
std::string noise(std::size_t size, unsigned seed = 1);

/// A store in a folder of its own; the folder goes with it.
struct TestStore {
  base::TempDir folder;
  Store store;
  static TestStore make();
  std::string path(const std::string& relative) const { return store.directory() + "/" + relative; }
};

BuiltLayer put_layer_blob(Store& store, const std::map<std::string, std::string>& files,
                          Compression how = Compression::gzip);
/// Puts config and manifest; the image has no name yet.
oci::Descriptor put_image_of(Store& store, const std::vector<BuiltLayer>& layers,
                             const std::string& comment = "test",
                             const oci::Platform& platform = {});
/// Two layers, two compressions.
oci::Descriptor small_image(Store& store, const std::string& content = "hello\n");

oci::Digest put_blob(Store& store, std::string_view content);

/// tests/tools/validate_layout.py --strict; fails the test with what it found.
void require_valid(const std::string& layout_or_archive);
/// What the validator says of it; empty when it is whole.
std::string findings(const std::string& layout_or_archive);

/// Runs in a child process; its exit status is 0 when `work` returned true.
pid_t fork_child(const std::function<bool()>& work);
int wait_for(pid_t child);

/// One file, damaged: a bit of its middle flipped.
void damage(const std::string& path);
std::string status_of(const base::Command& command);

}  // namespace imgforge::store

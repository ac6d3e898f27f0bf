// Wheels from tests/tools/make_wheels.py, opened and planned.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "catch.h"
#include "layer/wheels_layer.h"

namespace imgforge::layer {

/// The folder that make_wheels.py filled, once per test program; empty when python3 is not there.
inline const std::string& made_wheels() {
  struct Made {
    std::optional<base::TempDir> folder;
    std::string path;
    Made() {
      auto created = base::TempDir::create("/tmp", "imgforge-wheels");
      if (!created || !base::find_program("python3")) return;
      const std::string script = std::string(IMGFORGE_SOURCE_DIR) + "/tests/tools/make_wheels.py";
      if (!base::run_checked({.argv = {"python3", script, created->path()}})) return;
      path = created->path();
      folder = std::move(*created);
    }
  };
  static const Made made;
  return made.path;
}

/// Paths of the wheels in a folder of made_wheels(), sorted.
inline std::vector<std::string> wheels_in(const std::string& folder) {
  std::vector<std::string> paths;
  const std::string directory = made_wheels() + "/" + folder;
  for (const auto& name : REQUIRE_OK(base::list_directory(directory))) {
    paths.push_back(directory + "/" + name);
  }
  return paths;
}

/// Open wheels, planned together.
struct OpenWheels {
  std::vector<std::unique_ptr<base::File>> files;
  std::vector<std::unique_ptr<archive::ZipArchive>> zips;
  std::vector<PlannedWheel> planned;

  Result<> open(const std::string& path, const InstallOptions& options = {},
                RecordUse record = RecordUse::verify) {
    const std::string name = base::base_name(path);
    files.push_back(std::make_unique<base::File>(TRY(base::File::open_read(path))));
    zips.push_back(std::make_unique<archive::ZipArchive>(
        TRY(archive::ZipArchive::open(*files.back(), "wheel " + name))));
    PlannedWheel one{.zip = zips.back().get(),
                     .contents = TRY(read_wheel(*zips.back(), name, record))};
    one.plan = TRY(plan_wheel(one.contents, options));
    planned.push_back(std::move(one));
    return {};
  }
};

/// What comes of installing these wheels into one layer.
struct Installed {
  std::string blob;
  archive::LayerDigests digests;
};
inline Result<Installed> install(const std::vector<std::string>& paths,
                                 const InstallOptions& options = {},
                                 RecordUse record = RecordUse::verify,
                                 archive::LayerWriterOptions writer_options = {}) {
  OpenWheels wheels;
  for (const auto& path : paths) TRY(wheels.open(path, options, record));
  Installed installed;
  base::StringSink sink(installed.blob);
  archive::LayerWriter writer(sink, writer_options);
  TRY(write_wheels_layer(wheels.planned, {1'700'000'000}, writer, {}));
  installed.digests = TRY(writer.finish());
  return installed;
}

}  // namespace imgforge::layer

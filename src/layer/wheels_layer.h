// Several planned wheels as one layer: merged, checked against each other, written in one pass in
// which every member of every wheel is verified against its RECORD.
#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "archive/layer_writer.h"
#include "base/time.h"
#include "layer/wheel_plan.h"

namespace imgforge::layer {

struct PlannedWheel {
  const archive::ZipArchive* zip = nullptr;  // borrowed; not needed for merging
  WheelContents contents;
  WheelPlan plan;
};

/// One path of the layer and the file that goes there.
struct MergedFile {
  std::string_view path;  // lives in the plan
  std::uint32_t wheel = 0;
  std::uint32_t entry = 0;  // index into that wheel's plan
  bool executable = false;
};

struct Merged {
  std::vector<MergedFile> files;         // sorted by path
  std::vector<std::string> directories;  // all parents of the files, sorted
  /// Files that another wheel brings too, byte for byte: verified, not written twice.
  std::vector<MergedFile> duplicates;
};

/// Fails with Errc::invalid, naming both wheels, where two of them have different files for one
/// path or one has a file where the other has a folder. The result borrows `wheels`.
Result<Merged> merge_wheels(std::span<const PlannedWheel> wheels);

/// Writes the layer. A member whose bytes are not those of its RECORD is Errc::mismatch, naming the
/// wheel and the file.
Result<> write_wheels_layer(std::span<const PlannedWheel> wheels, base::Seconds epoch,
                            archive::LayerWriter& out, std::stop_token stop);

}  // namespace imgforge::layer

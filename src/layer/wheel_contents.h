// What has to be read from a wheel before its files can be placed: its documents, the hash of every
// member by its RECORD, and the scripts that ask for an interpreter. Reads the zip's directory and
// a few small members, and nothing else, so that it also serves for a look into a wheel over HTTP.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "archive/zip.h"
#include "base/sha256.h"
#include "layer/wheel_metadata.h"
#include "layer/wheel_name.h"

namespace imgforge::layer {

/// What RECORD is good for.
enum class RecordUse {
  verify,  // its hashes are promises: the layer fails when a file breaks one
  rehash,  // it is not believed: every member is read once to be hashed
  ignore,  // neither is needed: the hashes stay unknown
};

struct WheelContents {
  WheelName name;
  std::string dist_info;  // "torch-2.6.0.dist-info"
  WheelInfo info;
  WheelMetadata metadata;
  std::vector<EntryPoint> entry_points;
  /// The zip's members in its order; the vectors below and the plan refer to them by index.
  std::span<const archive::ZipEntry> members;
  /// The content's hash that RECORD promises; nullopt for directories and for RECORD itself and its
  /// signatures.
  std::vector<std::optional<base::Sha256Value>> hashes;
  /// Whole texts of the members under *.data/scripts that begin with "#!python".
  std::map<std::size_t, std::string> python_scripts;
  std::vector<std::string> warnings;
};

/// Reads and checks (the rules are in docs/formats/wheels.md): exactly one dist-info, which
/// agrees with the file name and with METADATA; Wheel-Version 1.x; no symbolic links; RECORD and
/// the zip list the same files, each with a sha256 (Errc::mismatch, naming wheel and file). The
/// contents themselves are verified against the hashes while they are written.
///
/// The result borrows `zip`.
Result<WheelContents> read_wheel(const archive::ZipArchive& zip, std::string_view file_name,
                                 RecordUse record = RecordUse::verify);

/// sha256 of a member's content.
Result<base::Sha256Value> hash_member(const archive::ZipArchive& zip,
                                      const archive::ZipEntry& member);

}  // namespace imgforge::layer

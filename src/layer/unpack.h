// Unpacks a foreign archive (tar in any compression, or zip) into a layer's entries, with one set
// of rules for all kinds that do so:
// - paths lose `strip` leading parts and go under `dest`; nothing leaves it: "..", and symbolic and
//   hard links that lead out of `dest`, are refused;
// - permission bits stay (or become `mode` for files), setuid, setgid, sticky bits, extended
//   attributes and owners of the archive do not;
// - devices, pipes and driver libraries are refused, naming the member.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "layer/archive_members.h"
#include "layer/file_rules.h"
#include "layer/glob.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

struct UnpackRules {
  std::uint64_t strip = 0;
  std::string dest;  // as layers name it: "", "opt/tool"
  /// Patterns on the path after strip, before dest. `include` empty: everything.
  GlobSet include;
  GlobSet exclude;
  Owner owner;
  std::optional<std::uint32_t> mode;  // of files; "x" is added where the archive has it
  /// A second look at the path after strip: false leaves the member out.
  std::function<bool(std::string_view)> keep;
  /// Another name for a path after strip; nullopt leaves the member out.
  std::function<std::optional<std::string>(std::string_view)> rename;
};

/// "PK\3\4", or an empty zip.
Result<bool> is_zip(const base::RandomAccess& data);

/// The entries' contents are read out of the archive when they are written. `entries` of several
/// archives may be merged.
Result<> unpack_tar(ReadingPlace& place, std::shared_ptr<const base::RandomAccess> data,
                    const std::string& name, const UnpackRules& rules, TreeEntries& entries,
                    std::stop_token stop);

/// Nothing is copied: the entries refer to `zip`, which must live until they are written. Members
/// without a unix mode get 0644; links are honoured under the same rules as in a tar.
Result<> unpack_zip(const archive::ZipArchive& zip, const UnpackRules& rules, TreeEntries& entries,
                    std::stop_token stop);

}  // namespace imgforge::layer

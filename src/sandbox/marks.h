// Names with a meaning: OCI's whiteouts (image-spec v1.1.1, layer.md "Whiteouts") and the extended
// attributes that layers carry.
#pragma once

#include <string>
#include <string_view>

namespace imgforge::sandbox {

inline constexpr std::string_view kWhiteoutPrefix = ".wh.";
inline constexpr std::string_view kOpaqueName = ".wh..wh..opq";

/// On the top folder of a tree: the boot in which it was unpacked. A tree is not synced to disk, so
/// one from before a crash may have holes; it is valid within its boot only.
inline constexpr const char* kBootAttribute = "user.imgforge.boot";

/// File capabilities and user attributes. Not overlay's marks, which a layer from elsewhere could
/// use to lie about the trees below, not ours, and not labels of the host's security modules.
inline bool is_layer_xattr(std::string_view name) {
  if (name == "security.capability") return true;
  return name.starts_with("user.") && !name.starts_with("user.overlay.") &&
         !name.starts_with("user.imgforge.");
}

}  // namespace imgforge::sandbox

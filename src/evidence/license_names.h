// What licences are called outside SPDX: Debian's short names (copyright-format 1.0, section 7.1),
// Python's classifiers, and what people write into a License field. Private to the room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imgforge::evidence {

/// The SPDX expression that the name stands for, without doubt; nullopt for anything else ("BSD
/// License" does not say which).
std::optional<std::string> usual_name(std::string_view name);

}  // namespace imgforge::evidence

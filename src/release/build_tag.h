// The immutable name of one build, computed from what the image holds and parsed back to it:
//
//   tag      = [ "pytorch" minor "-" ] [ "cuda" minor "-" ] [ os "-" ] [ "py" minor "-" ] [ arch
//   "-" ] build minor    = digits "." digits            os = letters digits { "." digits }
//   ("ubuntu20.04", "debian12") arch     = "amd64" | "arm64" | …        build = "v" digit { letter
//   | digit | "." | "_" }
//
// Example: pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1 (DESIGN section 6). parse(to_string()) is the
// identity.
#pragma once

#include <compare>
#include <optional>
#include <string>

#include "base/error.h"

namespace imgforge::release {

/// What a tag says; parts that the image does not have are empty.
struct TagParts {
  std::string pytorch;  // "2.6"
  std::string cuda;     // "11.8"
  std::string os;       // "ubuntu20.04"
  std::string python;   // "3.11": only where a policy asks for it
  std::string arch;     // "amd64": only where a policy asks for it
  std::string build;    // "v2.6.1"
  auto operator<=>(const TagParts&) const = default;
};

class BuildTag {
 public:
  /// Versions are cut to major.minor ("2.6.0+cu118" -> "2.6"); Errc::invalid when a part cannot
  /// stand in a tag.
  static Result<BuildTag> make(TagParts parts);
  static Result<BuildTag> parse(std::string_view text);

  std::string to_string() const;
  const TagParts& parts() const { return parts_; }
  auto operator<=>(const BuildTag&) const = default;

 private:
  explicit BuildTag(TagParts parts) : parts_(std::move(parts)) {}
  TagParts parts_;
};

/// "2.6.0+cu118" -> "2.6", "12.4.127" -> "12.4", "12" -> "12".
std::string minor_version(std::string_view version);

/// Checks a build id as a spec gives it ("v2.6.1").
bool is_build_id(std::string_view text);

/// What the channels and file names of people look like must not look like a build tag, and the
/// other way round.
bool looks_like_build_tag(std::string_view text);

}  // namespace imgforge::release

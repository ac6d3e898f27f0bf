// How Harbor's REST API writes names into paths. A repository is "project/rest"; the rest may have
// slashes, and Harbor's router takes it for one segment only when it is percent-encoded twice
// ("team/torch" becomes "team%252Ftorch"): encoded once it answers 404 (Harbor 2.0 to 2.15).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::harbor {

struct Repository {
  std::string project;
  std::string name;  // without the project; may have slashes

  /// "ml/team/torch". Errc::invalid for a name without a project.
  static Result<Repository> parse(std::string_view text);
  std::string to_string() const { return project + "/" + name; }
  bool operator==(const Repository&) const = default;
};

/// One path segment: everything but RFC 3986's unreserved characters is percent-encoded.
std::string encode_segment(std::string_view text);

/// Below "/api/v2.0", beginning with a slash.
std::string project_path(std::string_view project);
std::string repository_path(const Repository& repository);
/// `reference` is a tag or a digest.
std::string artifact_path(const Repository& repository, std::string_view reference);

/// What Harbor accepts: lower case letters and digits, separated by single '.', '_', '-' (robots),
/// at most 255 characters.
bool is_robot_name(std::string_view text);
/// As above, and separators may stand in a row.
bool is_project_name(std::string_view text);

}  // namespace imgforge::harbor

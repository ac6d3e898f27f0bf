#include "layer/wheel_name.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sources/pep440.h"
#include "sources/wheel_tags.h"

namespace imgforge::layer {

namespace {

/// The name becomes part of paths, so it is held to what a project may be called.
bool is_distribution(std::string_view name) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return alphanumeric(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
           return alphanumeric(c) || c == '_' || c == '.';
         });
}

}  // namespace

Result<WheelName> parse_wheel_name(std::string_view file) {
  auto parsed = TRY(sources::WheelName::parse(file));
  const std::string_view distribution = file.substr(0, file.find('-'));
  if (!is_distribution(distribution)) {
    return fail(Errc::invalid, fmt::format("'{}' is not the file name of a wheel: '{}' cannot be a "
                                           "project's name",
                                           file, distribution));
  }
  return WheelName{.file = std::string(file),
                   .distribution = std::string(distribution),
                   .project = std::move(parsed.project),
                   .version = std::move(parsed.version)};
}

bool same_version(std::string_view one, std::string_view other) {
  const auto a = sources::PythonVersion::parse(one);
  const auto b = sources::PythonVersion::parse(other);
  if (a && b) return *a == *b;
  const auto plain = [](std::string_view text) {
    return base::replace_all(base::to_lower(text), "_", "-");
  };
  return plain(one) == plain(other);
}

}  // namespace imgforge::layer

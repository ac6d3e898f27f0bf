#include "sources/input.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "http/url.h"

namespace imgforge::sources {
namespace {

using Kind = Origin::Kind;

constexpr std::array<std::pair<Kind, std::string_view>, 7> kKinds{{
    {Kind::archive, "archive"},
    {Kind::index, "index"},
    {Kind::redist, "redist"},
    {Kind::url, "url"},
    {Kind::project, "project"},
    {Kind::registry, "registry"},
    {Kind::builtin, "builtin"},
}};

std::string_view name_of(Kind kind) {
  for (const auto& [value, name] : kKinds) {
    if (value == kind) return name;
  }
  return "url";
}

}  // namespace

base::Json to_json(const Input& input) {
  base::Json origin{{"kind", name_of(input.origin.kind)}, {"path", input.origin.path}};
  if (!input.origin.role.empty()) origin["role"] = input.origin.role;
  if (!input.origin.project.empty()) origin["project"] = input.origin.project;
  if (!input.origin.snapshot.empty()) origin["snapshot"] = input.origin.snapshot;
  return {{"name", input.name},
          {"sha256", input.digest.hex()},
          {"size", input.size},
          {"origin", std::move(origin)}};
}

Result<Input> input_from_json(base::JsonReader reader) {
  const std::string name = reader.text("name");
  const std::string hex = reader.text("sha256");
  const std::uint64_t size = reader.number("size");
  Origin origin;
  auto digest = oci::Digest::parse("sha256:" + hex);
  if (!digest) reader.reject("sha256", "must be 64 lower-case hex digits");
  if (auto fields = reader.object("origin")) {
    const std::string kind = fields->text("kind");
    const auto* row = std::find_if(kKinds.begin(), kKinds.end(),
                                   [&](const auto& known) { return known.second == kind; });
    if (row != kKinds.end()) {
      origin.kind = row->first;
    } else if (!kind.empty()) {
      fields->reject("kind", "is the unknown kind \"" + kind + "\"");
    }
    origin.role = fields->text_or("role", "");
    origin.project = fields->text_or("project", "");
    origin.path = fields->text("path");
    origin.snapshot = fields->text_or("snapshot", "");
    TRY(fields->finish());
  }
  TRY(reader.finish());
  return Input{name, std::move(*digest), size, std::move(origin)};
}

std::string describe(const Origin& origin) {
  const std::string role = "'" + origin.role + "'";
  switch (origin.kind) {
    case Kind::archive:
      return "the package archive " + role + ", " + origin.path;
    case Kind::index:
      return "the Python index " + role + ", " + origin.project + ", " + origin.path;
    case Kind::redist:
      return "the redistributables " + role + ", " + origin.path;
    case Kind::url:
      return http::redacted(origin.path);
    case Kind::project:
      return "the project's file " + origin.path;
    case Kind::registry:
      return "the registry " + origin.role + ", " + origin.path;
    case Kind::builtin:
      return "imgforge's own " + origin.path;
  }
  return origin.path;
}

}  // namespace imgforge::sources

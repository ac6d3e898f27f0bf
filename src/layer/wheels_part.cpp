#include "layer/wheels_part.h"

#include "base/json.h"

namespace imgforge::layer {

namespace {

base::Json to_json(const sources::LockedWheel& wheel) {
  base::Json json{{"project", wheel.project},
                  {"version", wheel.version},
                  {"input", sources::to_json(wheel.input)}};
  if (wheel.requested) json["requested"] = true;
  return json;
}

Result<sources::LockedWheel> wheel_from(base::JsonReader reader) {
  const std::string project = reader.text("project");
  const std::string version = reader.text("version");
  const bool requested = reader.flag_or("requested", false);
  const auto input = reader.object("input");
  TRY(reader.finish());
  auto locked = TRY(sources::input_from_json(*input));
  return sources::LockedWheel{.project = project,
                              .version = version,
                              .requested = requested,
                              .input = std::move(locked)};
}

base::Json to_json(const Component& component) {
  base::Json json{{"name", component.name}, {"version", component.version}};
  if (!component.detail.empty()) json["detail"] = component.detail;
  return json;
}

Result<Component> component_from(base::JsonReader reader) {
  Component component{.name = reader.text("name"),
                      .version = reader.text("version"),
                      .detail = reader.text_map_or_empty("detail")};
  TRY(reader.finish());
  return component;
}

}  // namespace

std::string format_wheels_part(const WheelsPart& part) {
  base::Json wheels = base::Json::array();
  for (const auto& wheel : part.wheels) wheels.push_back(to_json(wheel));
  base::Json components = base::Json::array();
  for (const auto& component : part.components) components.push_back(to_json(component));
  base::Json json{{"python", part.python},       {"glibc", part.glibc},
                  {"prefix", part.prefix},       {"resolver", part.resolver},
                  {"wheels", std::move(wheels)}, {"components", std::move(components)}};
  if (part.requirements_file) {
    json["requirements_file"] = {{"path", part.requirements_file->path},
                                 {"sha256", part.requirements_file->sha256}};
  }
  return base::canonical_json(json);
}

Result<WheelsPart> parse_wheels_part(const std::string& text) {
  const auto json = TRY(base::parse_json(text, "the locked wheels"));
  base::JsonReader reader(json, "wheels");
  WheelsPart part{.python = reader.text("python"),
                  .glibc = reader.text("glibc"),
                  .prefix = reader.text("prefix"),
                  .resolver = reader.text("resolver")};
  auto file = reader.object("requirements_file", /*required=*/false);
  const auto wheels = reader.objects("wheels");
  const auto components = reader.objects_or_empty("components");
  TRY(reader.finish());
  if (file) {
    part.requirements_file = {.path = file->text("path"), .sha256 = file->text("sha256")};
    TRY(file->finish());
  }
  for (const auto& wheel : wheels) part.wheels.push_back(TRY(wheel_from(wheel)));
  for (const auto& component : components)
    part.components.push_back(TRY(component_from(component)));
  return part;
}

}  // namespace imgforge::layer

#include "harbor/robot_json.h"

#include "harbor/json_answers.h"

namespace imgforge::harbor {

using base::Json;
using base::JsonReader;

namespace {

std::optional<base::Seconds> read_expiry(JsonReader& reader) {
  const std::int64_t at = signed_number(reader, "expires_at", -1);
  return at > 0 ? std::optional(base::Seconds{at}) : std::nullopt;
}

Result<Permission> read_permission(JsonReader reader) {
  Permission permission;
  permission.kind = reader.text_or("kind", "project");
  permission.scope = reader.text_or("namespace", "");
  for (JsonReader& access : reader.objects_or_empty("access")) {
    std::string resource = access.text("resource");
    std::string action = access.text("action");
    TRY(accepted(access));
    permission.access.emplace(std::move(resource), std::move(action));
  }
  TRY(accepted(reader));
  return permission;
}

Result<Robot> read_robot(JsonReader reader) {
  Robot robot;
  robot.id = static_cast<std::int64_t>(reader.number("id"));
  robot.name = reader.text("name");
  robot.description = reader.text_or("description", "");
  robot.system = reader.text_or("level", "project") == "system";
  robot.days = signed_number(reader, "duration", kForever);
  robot.disabled = reader.flag_or("disable", false);
  robot.expires = read_expiry(reader);
  for (JsonReader& permission : reader.objects_or_empty("permissions")) {
    robot.permissions.push_back(TRY(read_permission(std::move(permission))));
  }
  TRY(accepted(reader));
  return robot;
}

Json robot_json(const Robot& robot, const std::string& name) {
  Json permissions = Json::array();
  for (const Permission& permission : robot.permissions) {
    Json access = Json::array();
    for (const auto& [resource, action] : permission.access) {
      access.push_back({{"resource", resource}, {"action", action}});
    }
    permissions.push_back(
        {{"kind", permission.kind}, {"namespace", permission.scope}, {"access", access}});
  }
  return {{"name", name},
          {"description", robot.description},
          {"level", robot.system ? "system" : "project"},
          {"duration", robot.days},
          {"disable", robot.disabled},
          {"permissions", permissions}};
}

}  // namespace

Result<std::vector<Robot>> read_robots(const std::vector<std::string>& pages) {
  return read_list<Robot>(pages, "robots", read_robot);
}

std::string new_robot_json(const Robot& robot, const std::string& name) {
  return base::canonical_json(robot_json(robot, name));
}

std::string robot_update_json(const Robot& robot) {
  Json json = robot_json(robot, robot.name);
  json["id"] = robot.id;
  return base::canonical_json(json);
}

Result<RobotSecret> read_new_robot(std::string_view json) {
  const Json value = TRY(read_answer(json, "the new robot"));
  JsonReader reader(value, "robot");
  RobotSecret secret;
  secret.id = static_cast<std::int64_t>(reader.number("id"));
  secret.name = reader.text("name");
  secret.secret = reader.text("secret");
  secret.expires = read_expiry(reader);
  if (secret.secret.empty()) reader.reject("secret", "is empty");
  TRY(accepted(reader));
  return secret;
}

Result<RobotSecret> read_new_secret(std::string_view json) {
  const Json value = TRY(read_answer(json, "the new secret"));
  JsonReader reader(value, "secret");
  RobotSecret secret;
  secret.secret = reader.text("secret");
  if (secret.secret.empty()) reader.reject("secret", "is empty");
  TRY(accepted(reader));
  return secret;
}

}  // namespace imgforge::harbor

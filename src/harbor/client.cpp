#include "harbor/client.h"

#include <fmt/format.h>

#include "base/text.h"
#include "harbor/names.h"
#include "harbor/project_json.h"
#include "harbor/robot_json.h"
#include "harbor/rule_json.h"

namespace imgforge::harbor {
namespace {

std::string rules_path(const std::string& project) {
  return project_path(project) + "/immutabletagrules";
}

std::string name_of(const ImmutableRule& rule) {
  return fmt::format("the immutability rule for the tags {}{}", rule.tags.excludes ? "except " : "",
                     rule.tags.pattern);
}

}  // namespace

Result<> Client::change(const char* method, const std::string& path, const std::string& body,
                        const std::string& what, std::stop_token stop) const {
  TRY(connection_.send(method, path, body, what, stop));
  return {};
}

Result<> Client::ping(std::stop_token stop) const {
  const std::string answer = TRY(connection_.get("/ping", "reach Harbor", stop));
  if (base::trim(answer) == "Pong") return {};
  return fail(Error(Errc::protocol, connection_.options().host + " does not answer like a Harbor")
                  .hint("is the address right?"));
}

Result<SystemInfo> Client::system_info(std::stop_token stop) const {
  return read_system_info(TRY(connection_.get("/systeminfo", "read the system information", stop)));
}

Result<std::vector<std::string>> Client::unhealthy(std::stop_token stop) const {
  return read_unhealthy(TRY(connection_.get("/health", "read the health", stop)));
}

Result<std::optional<Project>> Client::project(const std::string& name,
                                               std::stop_token stop) const {
  auto answer = connection_.get(project_path(name), "read the project " + name, stop);
  if (!answer && answer.error().code() == Errc::not_found) {
    for (const auto& [key, value] : answer.error().facts()) {
      if (key == "code") return std::nullopt;  // Harbor itself says so, not a proxy before it
    }
  }
  if (!answer) return fail(std::move(answer).error());
  return std::optional(TRY(read_project(*answer)));
}

Result<> Client::create_project(const std::string& name, bool is_public,
                                std::stop_token stop) const {
  return change("POST", "/projects", new_project_json(name, is_public),
                "create the project " + name, stop);
}

Result<> Client::set_metadata(const Project& project,
                              const std::map<std::string, std::string>& metadata,
                              std::stop_token stop) const {
  std::vector<std::string> names;
  for (const auto& [key, value] : metadata) names.push_back(key);
  return change("PUT", project_path(project.name), project_update_json(project, metadata),
                fmt::format("set {} of the project {}", base::join(names, ", "), project.name),
                stop);
}

Result<std::optional<Quota>> Client::quota(const Project& project, std::stop_token stop) const {
  return read_quota_summary(TRY(connection_.get(project_path(project.name) + "/summary",
                                                "read the quota of " + project.name, stop)));
}

Result<> Client::set_quota(const Project& project, std::int64_t limit, std::stop_token stop) const {
  const std::string what = "set the quota of the project " + project.name;
  const auto id = TRY(read_quota_id(TRY(connection_.get_pages(
      fmt::format("/quotas?reference=project&reference_id={}", project.id), what, stop))));
  if (!id) {
    return fail(Error(Errc::unsupported, "the project " + project.name + " has no quota to set")
                    .hint("quotas per project are switched off in this Harbor"));
  }
  return change("PUT", fmt::format("/quotas/{}", *id), quota_json(limit), what, stop);
}

Result<std::vector<ImmutableRule>> Client::immutable_rules(const std::string& project,
                                                           std::stop_token stop) const {
  return read_immutable_rules(TRY(connection_.get_pages(
      rules_path(project), "read the immutability rules of " + project, stop)));
}

Result<> Client::create_rule(const std::string& project, const ImmutableRule& rule,
                             std::stop_token stop) const {
  return change("POST", rules_path(project), immutable_rule_json(rule), "create " + name_of(rule),
                stop);
}

Result<> Client::update_rule(const std::string& project, const ImmutableRule& rule,
                             std::stop_token stop) const {
  return change("PUT", fmt::format("{}/{}", rules_path(project), rule.id),
                immutable_rule_json(rule), "change " + name_of(rule), stop);
}

Result<> Client::delete_rule(const std::string& project, std::int64_t id,
                             std::stop_token stop) const {
  return change("DELETE", fmt::format("{}/{}", rules_path(project), id), "",
                fmt::format("delete the immutability rule {}", id), stop);
}

Result<std::optional<Retention>> Client::retention(const Project& project,
                                                   std::stop_token stop) const {
  const std::string id = project.setting("retention_id");
  if (id.empty()) return std::nullopt;
  return std::optional(TRY(read_retention(TRY(connection_.get(
      "/retentions/" + encode_segment(id), "read the retention of " + project.name, stop)))));
}

Result<> Client::create_retention(const Project& project, const Retention& retention,
                                  std::stop_token stop) const {
  return change("POST", "/retentions", retention_json(retention, project.id),
                "create the retention of " + project.name, stop);
}

Result<> Client::update_retention(const Project& project, const Retention& retention,
                                  std::stop_token stop) const {
  return change("PUT", fmt::format("/retentions/{}", retention.id),
                retention_json(retention, project.id), "change the retention of " + project.name,
                stop);
}

Result<std::vector<Robot>> Client::project_robots(const Project& project,
                                                  std::stop_token stop) const {
  const std::string query = fmt::format("Level=project,ProjectID={}", project.id);
  return read_robots(TRY(connection_.get_pages("/robots?q=" + encode_segment(query),
                                               "list the robots of " + project.name, stop)));
}

Result<std::vector<Robot>> Client::system_robots(std::stop_token stop) const {
  return read_robots(TRY(connection_.get_pages("/robots", "list the robots of the system", stop)));
}

Result<RobotSecret> Client::create_robot(const Robot& robot, const std::string& name,
                                         std::stop_token stop) const {
  const Reply reply = TRY(connection_.send("POST", "/robots", new_robot_json(robot, name),
                                           "create the robot " + name, stop));
  return read_new_robot(reply.body);
}

Result<> Client::update_robot(const Robot& robot, std::stop_token stop) const {
  return change("PUT", fmt::format("/robots/{}", robot.id), robot_update_json(robot),
                "change the robot " + robot.name, stop);
}

Result<RobotSecret> Client::renew_secret(const Robot& robot, std::stop_token stop) const {
  const Reply reply =
      TRY(connection_.send("PATCH", fmt::format("/robots/{}", robot.id), R"({"secret":""})",
                           "renew the secret of " + robot.name, stop));
  RobotSecret secret = TRY(read_new_secret(reply.body));
  secret.id = robot.id;
  secret.name = robot.name;
  secret.expires = robot.expires;
  return secret;
}

Result<> Client::delete_robot(std::int64_t id, const std::string& name,
                              std::stop_token stop) const {
  return change("DELETE", fmt::format("/robots/{}", id), "", "delete the robot " + name, stop);
}

Result<std::vector<Label>> Client::labels(const Project& project, std::stop_token stop) const {
  return read_labels(
      TRY(connection_.get_pages(fmt::format("/labels?scope=p&project_id={}", project.id),
                                "list the labels of " + project.name, stop)));
}

Result<> Client::create_label(const Project& project, const Label& label,
                              std::stop_token stop) const {
  return change("POST", "/labels", label_json(label, project.id), "create the label " + label.name,
                stop);
}

Result<> Client::update_label(const Project& project, const Label& label,
                              std::stop_token stop) const {
  return change("PUT", fmt::format("/labels/{}", label.id), label_json(label, project.id),
                "change the label " + label.name, stop);
}

Result<> Client::delete_label(const Label& label, std::stop_token stop) const {
  return change("DELETE", fmt::format("/labels/{}", label.id), "", "delete the label " + label.name,
                stop);
}

Result<std::vector<Scanner>> Client::scanners(const std::string& project,
                                              std::stop_token stop) const {
  return read_scanners(TRY(connection_.get_pages(project_path(project) + "/scanner/candidates",
                                                 "list the scanners of " + project, stop)));
}

Result<std::optional<Scanner>> Client::project_scanner(const std::string& project,
                                                       std::stop_token stop) const {
  return read_scanner(TRY(
      connection_.get(project_path(project) + "/scanner", "read the scanner of " + project, stop)));
}

Result<> Client::set_scanner(const std::string& project, const Scanner& scanner,
                             std::stop_token stop) const {
  return change("PUT", project_path(project) + "/scanner", scanner_json(scanner),
                fmt::format("make {} the scanner of {}", scanner.name, project), stop);
}

}  // namespace imgforge::harbor

// Harbor's REST API v2.0 (2.12 to 2.15) as calls on values: what a project's policy is made of.
// Artifacts and tags are in artifacts.h. Every function is one or a few requests; refusals are
// explained Errors (explain.h). Safe from several threads.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "harbor/connection.h"
#include "harbor/types.h"

namespace imgforge::harbor {

class Client {
 public:
  explicit Client(Connection connection) : connection_(std::move(connection)) {}
  const Connection& connection() const { return connection_; }

  Result<> ping(std::stop_token stop = {}) const;
  Result<SystemInfo> system_info(std::stop_token stop = {}) const;
  /// Names of the components that are not healthy; empty when all are.
  Result<std::vector<std::string>> unhealthy(std::stop_token stop = {}) const;

  /// nullopt: there is none. To somebody without rights Harbor answers 403 for a project that is
  /// absent as for one that is not theirs: Errc::forbidden.
  Result<std::optional<Project>> project(const std::string& name, std::stop_token stop = {}) const;
  Result<> create_project(const std::string& name, bool is_public, std::stop_token stop = {}) const;
  Result<> set_metadata(const Project& project, const std::map<std::string, std::string>& metadata,
                        std::stop_token stop = {}) const;

  /// nullopt: quotas are off, or not for us to see.
  Result<std::optional<Quota>> quota(const Project& project, std::stop_token stop = {}) const;
  Result<> set_quota(const Project& project, std::int64_t limit, std::stop_token stop = {}) const;

  Result<std::vector<ImmutableRule>> immutable_rules(const std::string& project,
                                                     std::stop_token stop = {}) const;
  Result<> create_rule(const std::string& project, const ImmutableRule& rule,
                       std::stop_token stop = {}) const;
  Result<> update_rule(const std::string& project, const ImmutableRule& rule,
                       std::stop_token stop = {}) const;
  Result<> delete_rule(const std::string& project, std::int64_t id,
                       std::stop_token stop = {}) const;

  /// By the project's metadata; nullopt: it has none.
  Result<std::optional<Retention>> retention(const Project& project,
                                             std::stop_token stop = {}) const;
  Result<> create_retention(const Project& project, const Retention& retention,
                            std::stop_token stop = {}) const;
  Result<> update_retention(const Project& project, const Retention& retention,
                            std::stop_token stop = {}) const;

  Result<std::vector<Robot>> project_robots(const Project& project,
                                            std::stop_token stop = {}) const;
  Result<std::vector<Robot>> system_robots(std::stop_token stop = {}) const;
  /// `name` without prefix and project. The secret exists nowhere else.
  Result<RobotSecret> create_robot(const Robot& robot, const std::string& name,
                                   std::stop_token stop = {}) const;
  Result<> update_robot(const Robot& robot, std::stop_token stop = {}) const;
  /// The old secret ends at once.
  Result<RobotSecret> renew_secret(const Robot& robot, std::stop_token stop = {}) const;
  Result<> delete_robot(std::int64_t id, const std::string& name, std::stop_token stop = {}) const;

  Result<std::vector<Label>> labels(const Project& project, std::stop_token stop = {}) const;
  Result<> create_label(const Project& project, const Label& label,
                        std::stop_token stop = {}) const;
  Result<> update_label(const Project& project, const Label& label,
                        std::stop_token stop = {}) const;
  Result<> delete_label(const Label& label, std::stop_token stop = {}) const;

  Result<std::vector<Scanner>> scanners(const std::string& project,
                                        std::stop_token stop = {}) const;
  Result<std::optional<Scanner>> project_scanner(const std::string& project,
                                                 std::stop_token stop = {}) const;
  Result<> set_scanner(const std::string& project, const Scanner& scanner,
                       std::stop_token stop = {}) const;

 private:
  Result<> change(const char* method, const std::string& path, const std::string& body,
                  const std::string& what, std::stop_token stop) const;
  Connection connection_;
};

}  // namespace imgforge::harbor

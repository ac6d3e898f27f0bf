#include "harbor/overview.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "harbor/aligned.h"
#include "harbor/roles.h"
#include "harbor/tag_rules.h"

namespace imgforge::harbor {
namespace {

using base::Json;

std::string size(std::int64_t bytes) {
  return bytes < 0 ? "unlimited" : base::human_bytes(static_cast<std::uint64_t>(bytes));
}

std::string text(const Permission& permission) {
  for (const std::string_view role : role_names()) {
    if (const auto access = access_of_role(role); access && *access == permission.access) {
      return fmt::format("{} (as {})", permission.scope, role);
    }
  }
  std::vector<std::string> rights;
  for (const auto& [resource, action] : permission.access) {
    rights.push_back(resource + ":" + action);
  }
  return fmt::format("{} ({})", permission.scope, base::join(rights, " "));
}

std::string text(const Robot& robot, base::Seconds now) {
  std::vector<std::string> parts;
  if (robot.disabled) parts.push_back("disabled");
  if (!robot.expires) {
    parts.push_back("never expires");
  } else {
    parts.push_back((robot.expires->value <= now.value ? "EXPIRED on " : "expires on ") +
                    base::format_time(*robot.expires).substr(0, 10));
  }
  std::vector<std::string> may;
  for (const Permission& permission : robot.permissions) may.push_back(text(permission));
  parts.push_back("may " + base::join(may, ", "));
  return base::join(parts, ", ");
}

class Reader {
 public:
  Reader(const Client& client, base::Seconds now, std::stop_token stop)
      : client_(client), now_(now), stop_(std::move(stop)) {}

  Result<Overview> read(const std::string& name) {
    overview_.project = name;
    overview_.system = TRY(client_.system_info(stop_));
    overview_.unhealthy = TRY(client_.unhealthy(stop_));
    const auto project = TRY(client_.project(name, stop_));
    if (!project) {
      return fail(Error(Errc::not_found, fmt::format("{} has no project {}",
                                                     client_.connection().options().host, name))
                      .hint("'imgforge harbor apply' makes it from a policy"));
    }
    settings(*project);
    TRY(section("quota", [&]() -> Result<> {
      const auto quota = TRY(client_.quota(*project, stop_));
      if (quota) add("quota", "storage", size(quota->used) + " of " + size(quota->limit));
      return {};
    }));
    TRY(section("immutability rules", [&]() -> Result<> {
      for (const auto& rule : TRY(client_.immutable_rules(name, stop_))) {
        add("immutability rule", describe(rule), rule.disabled ? "off" : "on");
      }
      return {};
    }));
    TRY(section("retention", [&]() -> Result<> {
      const auto retention = TRY(client_.retention(*project, stop_));
      if (retention) add("retention", "tags that are kept", describe(*retention));
      return {};
    }));
    TRY(section("robots", [&]() -> Result<> {
      for (const auto& robot : TRY(client_.project_robots(*project, stop_))) {
        add("robot", robot.name, text(robot, now_));
      }
      return {};
    }));
    TRY(section("labels", [&]() -> Result<> {
      for (const auto& label : TRY(client_.labels(*project, stop_))) {
        add("label", label.name, std::string(base::trim(label.color + " " + label.description)));
      }
      return {};
    }));
    return std::move(overview_);
  }

 private:
  void add(std::string kind, std::string name, std::string state) {
    overview_.rows.push_back({std::move(kind), std::move(name), std::move(state)});
  }

  void settings(const Project& project) {
    const auto flag = [&](const char* key) {
      return project.setting(key) == "true" ? "true" : "false";
    };
    add("setting", "public", flag("public"));
    if (project.proxy_cache) add("setting", "proxy cache", "true");
    add("setting", "scan on push", flag("auto_scan"));
    add("setting", "SBOM on push", flag("auto_sbom_generation"));
    add("setting", "only signed with cosign", flag("enable_content_trust_cosign"));
    add("setting", "only signed with notation", flag("enable_content_trust"));
    add("setting", "vulnerabilities",
        project.setting("prevent_vul") == "true" ? "block " + project.setting("severity")
                                                 : "block never");
  }

  template <class Work>
  Result<> section(const char* name, Work&& work) {
    auto done = work();
    if (done || done.error().code() != Errc::forbidden) return done;
    overview_.hidden.push_back(name);
    return {};
  }

  const Client& client_;
  base::Seconds now_;
  std::stop_token stop_;
  Overview overview_;
};

}  // namespace

Result<Overview> read_overview(const Client& client, const std::string& project, base::Seconds now,
                               std::stop_token stop) {
  return Reader(client, now, std::move(stop)).read(project);
}

std::string overview_table(const Overview& overview) {
  std::vector<TextRow> rows = {{"WHAT", "NAME", "STATE"}};
  for (const auto& row : overview.rows) rows.push_back({row.kind, row.name, shortened(row.state)});
  std::string out = aligned(rows);
  if (!overview.hidden.empty()) {
    out += "not for this account to see: " + base::join(overview.hidden, ", ") + "\n";
  }
  const std::string& version = overview.system.version;
  out += fmt::format("{}: Harbor{}, {}{}\n", overview.project,
                     version.empty() ? "" : " " + version,
                     overview.unhealthy.empty()
                         ? "healthy"
                         : "NOT HEALTHY: " + base::join(overview.unhealthy, ", "),
                     overview.system.read_only ? ", READ-ONLY" : "");
  return out;
}

std::string overview_json(const Overview& overview) {
  Json rows = Json::array();
  for (const auto& row : overview.rows) {
    rows.push_back({{"kind", row.kind}, {"name", row.name}, {"state", row.state}});
  }
  return base::pretty_json({{"project", overview.project},
                            {"harbor",
                             {{"version", overview.system.version},
                              {"read_only", overview.system.read_only},
                              {"unhealthy", overview.unhealthy}}},
                            {"has", rows},
                            {"hidden", overview.hidden}});
}

}  // namespace imgforge::harbor

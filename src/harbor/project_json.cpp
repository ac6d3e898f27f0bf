#include "harbor/project_json.h"

#include "harbor/json_answers.h"
#include "harbor/label_json.h"

namespace imgforge::harbor {

using base::Json;
using base::JsonReader;

namespace {

Result<Scanner> read_one_scanner(JsonReader reader) {
  Scanner scanner;
  scanner.uuid = reader.text("uuid");
  scanner.name = reader.text("name");
  scanner.is_default = reader.flag_or("is_default", false);
  TRY(accepted(reader));
  return scanner;
}

}  // namespace

Result<SystemInfo> read_system_info(std::string_view json) {
  const Json value = TRY(read_answer(json, "the system information"));
  JsonReader reader(value, "systeminfo");
  SystemInfo info;
  info.version = reader.text_or("harbor_version", "");
  info.external_url = reader.text_or("external_url", "");
  info.read_only = reader.flag_or("read_only", false);
  TRY(accepted(reader));
  return info;
}

Result<std::vector<std::string>> read_unhealthy(std::string_view json) {
  const Json value = TRY(read_answer(json, "the health"));
  JsonReader reader(value, "health");
  std::vector<std::string> out;
  for (JsonReader& component : reader.objects_or_empty("components")) {
    const std::string name = component.text("name");
    if (component.text_or("status", "") != "healthy") out.push_back(name);
    TRY(accepted(component));
  }
  TRY(accepted(reader));
  return out;
}

Result<Project> read_project(std::string_view json) {
  const Json value = TRY(read_answer(json, "the project"));
  JsonReader reader(value, "project");
  Project project;
  project.id = static_cast<std::int64_t>(reader.number("project_id"));
  project.name = reader.text("name");
  project.proxy_cache = reader.number_or("registry_id", 0) != 0;
  project.metadata = reader.text_map_or_empty("metadata");
  TRY(accepted(reader));
  return project;
}

std::string new_project_json(const std::string& name, bool is_public) {
  const Json json = {{"project_name", name},
                     {"metadata", {{"public", is_public ? "true" : "false"}}}};
  return base::canonical_json(json);
}

std::string project_update_json(const Project& project,
                                const std::map<std::string, std::string>& metadata) {
  Json all = metadata;
  if (!all.contains("public")) {
    all["public"] = project.setting("public") == "true" ? "true" : "false";
  }
  return base::canonical_json({{"metadata", all}});
}

Result<std::optional<Quota>> read_quota_summary(std::string_view json) {
  const Json value = TRY(read_answer(json, "the project's summary"));
  JsonReader reader(value, "summary");
  std::optional<Quota> quota;
  if (auto given = reader.object("quota", false)) {
    quota.emplace();
    if (auto hard = given->object("hard", false)) {
      quota->limit = signed_number(*hard, "storage", kUnlimited);
      TRY(accepted(*hard));
    }
    if (auto used = given->object("used", false)) {
      quota->used = signed_number(*used, "storage", 0);
      TRY(accepted(*used));
    }
    TRY(accepted(*given));
  }
  TRY(accepted(reader));
  return quota;
}

Result<std::optional<std::int64_t>> read_quota_id(const std::vector<std::string>& pages) {
  const auto ids =
      TRY(read_list<std::int64_t>(pages, "quotas", [](JsonReader reader) -> Result<std::int64_t> {
        const auto id = static_cast<std::int64_t>(reader.number("id"));
        TRY(accepted(reader));
        return id;
      }));
  return ids.empty() ? std::nullopt : std::optional(ids.front());
}

std::string quota_json(std::int64_t limit) {
  return base::canonical_json({{"hard", {{"storage", limit}}}});
}

Result<Label> read_label(JsonReader reader) {
  Label label;
  label.id = static_cast<std::int64_t>(reader.number("id"));
  label.name = reader.text("name");
  label.description = reader.text_or("description", "");
  label.color = reader.text_or("color", "");
  TRY(accepted(reader));
  return label;
}

Result<std::vector<Label>> read_labels(const std::vector<std::string>& pages) {
  return read_list<Label>(pages, "labels", read_label);
}

std::string label_json(const Label& label, std::int64_t project_id) {
  return base::canonical_json({{"name", label.name},
                               {"description", label.description},
                               {"color", label.color},
                               {"scope", "p"},
                               {"project_id", project_id}});
}

Result<std::vector<Scanner>> read_scanners(const std::vector<std::string>& pages) {
  return read_list<Scanner>(pages, "scanners", read_one_scanner);
}

Result<std::optional<Scanner>> read_scanner(std::string_view json) {
  const Json value = TRY(read_answer(json, "the scanner"));
  if (value.is_null() || (value.is_object() && value.empty())) return std::nullopt;
  return std::optional(TRY(read_one_scanner(JsonReader(value, "scanner"))));
}

std::string scanner_json(const Scanner& scanner) {
  return base::canonical_json({{"uuid", scanner.uuid}});
}

}  // namespace imgforge::harbor

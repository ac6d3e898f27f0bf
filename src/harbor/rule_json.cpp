#include "harbor/rule_json.h"

#include "harbor/json_answers.h"

namespace imgforge::harbor {

using base::Json;
using base::JsonReader;

namespace {

Json selector_json(const Selector& selector, bool of_tags) {
  const char* decoration = of_tags ? (selector.excludes ? "excludes" : "matches")
                                   : (selector.excludes ? "repoExcludes" : "repoMatches");
  return {{"kind", "doublestar"}, {"decoration", decoration}, {"pattern", selector.pattern}};
}

Result<Selector> read_selector(JsonReader reader) {
  Selector selector;
  selector.pattern = reader.text_or("pattern", "");
  if (selector.pattern.empty())
    selector.pattern = "**";  // Harbor takes an empty one for everything
  const std::string decoration = reader.text_or("decoration", "");
  selector.excludes = decoration == "excludes" || decoration == "repoExcludes";
  TRY(accepted(reader));
  return selector;
}

Result<Selector> read_repository_selector(JsonReader& rule) {
  Selector selector;
  if (auto scopes = rule.object("scope_selectors", false)) {
    auto repositories = scopes->objects_or_empty("repository");
    if (!repositories.empty()) selector = TRY(read_selector(std::move(repositories.front())));
    TRY(accepted(*scopes));
  }
  return selector;
}

Result<ImmutableRule> read_immutable_rule(JsonReader reader) {
  ImmutableRule rule;
  rule.id = static_cast<std::int64_t>(reader.number("id"));
  rule.disabled = reader.flag_or("disabled", false);
  auto tags = reader.objects_or_empty("tag_selectors");
  if (!tags.empty()) rule.tags = TRY(read_selector(std::move(tags.front())));
  rule.repositories = TRY(read_repository_selector(reader));
  TRY(accepted(reader));
  return rule;
}

/// "{\"untagged\":true}", a JSON document inside a string. Without it, a rule that matches keeps
/// what has no tag, and one that excludes does not (Harbor 2.15, lib/selector/doublestar).
bool read_untagged(const std::string& extras, bool excludes) {
  const auto json = base::parse_json(extras, "extras");
  if (!json || !json->is_object()) return !excludes;
  const auto found = json->find("untagged");
  return found != json->end() && found->is_boolean() && found->get<bool>();
}

Result<RetentionRule> read_retention_rule(JsonReader reader) {
  RetentionRule rule;
  rule.disabled = reader.flag_or("disabled", false);
  rule.keep = reader.text("template");
  if (auto params = reader.object("params", false)) {
    rule.count = signed_number(*params, rule.keep.c_str(), 0);
    TRY(accepted(*params));
  }
  auto tags = reader.objects_or_empty("tag_selectors");
  if (!tags.empty()) {
    const std::string extras = tags.front().text_or("extras", "");
    rule.tags = TRY(read_selector(std::move(tags.front())));
    rule.untagged = read_untagged(extras, rule.tags.excludes);
  }
  rule.repositories = TRY(read_repository_selector(reader));
  TRY(accepted(reader));
  return rule;
}

Json retention_rule_json(const RetentionRule& rule) {
  Json tags = selector_json(rule.tags, true);
  tags["extras"] = base::canonical_json({{"untagged", rule.untagged}});
  Json params = Json::object();
  if (rule.keep != "always") params[rule.keep] = rule.count;
  return {{"disabled", rule.disabled},
          {"action", "retain"},
          {"template", rule.keep},
          {"params", params},
          {"tag_selectors", Json::array({tags})},
          {"scope_selectors",
           {{"repository", Json::array({selector_json(rule.repositories, false)})}}}};
}

}  // namespace

Result<std::vector<ImmutableRule>> read_immutable_rules(const std::vector<std::string>& pages) {
  return read_list<ImmutableRule>(pages, "immutability rules", read_immutable_rule);
}

std::string immutable_rule_json(const ImmutableRule& rule) {
  Json json = {{"disabled", rule.disabled},
               {"priority", 0},
               {"action", "immutable"},
               {"template", "immutable_template"},
               {"tag_selectors", Json::array({selector_json(rule.tags, true)})},
               {"scope_selectors",
                {{"repository", Json::array({selector_json(rule.repositories, false)})}}}};
  if (rule.id != 0) json["id"] = rule.id;
  return base::canonical_json(json);
}

Result<Retention> read_retention(std::string_view json) {
  const Json value = TRY(read_answer(json, "the retention policy"));
  JsonReader reader(value, "retention");
  Retention retention;
  retention.id = static_cast<std::int64_t>(reader.number("id"));
  if (auto trigger = reader.object("trigger", false)) {
    if (auto settings = trigger->object("settings", false)) {
      retention.cron = settings->text_or("cron", "");
      TRY(accepted(*settings));
    }
    TRY(accepted(*trigger));
  }
  for (JsonReader& rule : reader.objects_or_empty("rules")) {
    retention.rules.push_back(TRY(read_retention_rule(std::move(rule))));
  }
  TRY(accepted(reader));
  return retention;
}

std::string retention_json(const Retention& retention, std::int64_t project_id) {
  Json rules = Json::array();
  for (const RetentionRule& rule : retention.rules) rules.push_back(retention_rule_json(rule));
  Json json = {{"algorithm", "or"},
               {"rules", rules},
               {"trigger",
                {{"kind", "Schedule"},
                 {"settings", {{"cron", retention.cron}}},
                 {"references", Json::object()}}},
               {"scope", {{"level", "project"}, {"ref", project_id}}}};
  if (retention.id != 0) json["id"] = retention.id;
  return base::canonical_json(json);
}

}  // namespace imgforge::harbor

#include "spec/runtime_settings.h"

#include <algorithm>

#include "base/text.h"
#include "document/fields.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_env_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
         std::all_of(name.begin(), name.end(), allowed);
}

bool is_port(std::string_view text) {  // image-spec v1.1.1, config.md "ExposedPorts"
  const auto parts = base::split(text, '/');
  const auto number = base::parse_uint(parts[0]);
  return number && *number >= 1 && *number <= 65535 &&
         (parts.size() == 1 || (parts.size() == 2 && (parts[1] == "tcp" || parts[1] == "udp")));
}

bool is_signal(std::string_view text) {
  if (base::parse_uint(text)) return true;
  const auto allowed = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-';
  };
  return text.starts_with("SIG") && text.size() > 3 &&
         std::all_of(text.begin(), text.end(), allowed);
}

void set_env(RuntimeSettings& settings, const std::string& name, const std::string& value) {
  const auto same = [&](const auto& pair) { return pair.first == name; };
  const auto found = std::find_if(settings.env.begin(), settings.env.end(), same);
  if (found != settings.env.end()) {
    found->second = value;
  } else {
    settings.env.emplace_back(name, value);
  }
}

Result<> apply_env(const Node& env, RuntimeSettings& settings) {
  if (!env.is_map()) return fail(env.error("\"env\" must be a map: NAME: value"));
  for (const auto& [name, value] : env.entries()) {
    if (!is_env_name(name.text())) {
      return fail(name.error(quote(name.text()) + " cannot be the name of a variable")
                      .hint("letters, digits and '_', not beginning with a digit"));
    }
    if (!value.is_scalar()) {
      return fail(value.error("the variable " + name.text() + " must have a text as value")
                      .hint(value.is_null() ? "write \"\" for an empty value" : ""));
    }
    set_env(settings, name.text(), value.text());
  }
  return {};
}

void check_lists(Fields& fields, const RuntimeSettings& settings,
                 const std::vector<std::string>& path) {
  for (const std::string& folder : path) {
    if (!folder.starts_with('/') || folder.find(':') != std::string::npos) {
      fields.reject("path", quote(folder) + " cannot be a folder of PATH",
                    "each item is one absolute folder");
    }
  }
  for (const std::string& volume : settings.volumes) {
    if (!volume.starts_with('/')) {
      fields.reject("volumes", quote(volume) + " is not an absolute path");
    }
  }
  for (const std::string& port : settings.ports) {
    if (!is_port(port)) {
      fields.reject("ports", quote(port) + " is not a port", "write 8080, 8080/tcp or 53/udp");
    }
  }
}

}  // namespace

Result<> apply_config(const Node& config, const std::string& what, RuntimeSettings& settings) {
  Fields fields(config, what);
  if (const auto env = fields.optional_node("env")) TRY(apply_env(*env, settings));
  const auto path = fields.texts_or_empty("path");
  settings.path.insert(settings.path.begin(), path.begin(), path.end());
  settings.workdir = fields.text_or("workdir", settings.workdir);
  settings.user = fields.text_or("user", settings.user);
  settings.stop_signal = fields.text_or("stop_signal", settings.stop_signal);
  const std::pair<const char*, std::vector<std::string>*> lists[] = {
      {"entrypoint", &settings.entrypoint},
      {"cmd", &settings.cmd},
      {"ports", &settings.ports},
      {"volumes", &settings.volumes}};
  for (const auto& [key, list] : lists) {
    auto given = fields.texts_or_empty(key);
    if (fields.has(key)) *list = std::move(given);
  }
  for (auto& [name, value] : fields.text_map_or_empty("labels")) {
    settings.labels.insert_or_assign(name, value);
  }
  check_lists(fields, settings, path);
  if (!settings.workdir.empty() && !settings.workdir.starts_with('/')) {
    fields.reject("workdir", quote(settings.workdir) + " is not an absolute path");
  }
  if (!settings.stop_signal.empty() && !is_signal(settings.stop_signal)) {
    fields.reject("stop_signal", quote(settings.stop_signal) + " is not a signal",
                  "write SIGTERM or a number");
  }
  return fields.finish();
}

}  // namespace imgforge::spec

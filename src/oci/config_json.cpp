// The image config (config.md):
//   {created?, author?, architecture, os, variant?, config?: runtime, rootfs: {type: "layers",
//    diff_ids: [digest...]}, history?: [entry...]}
//   runtime = {User?, ExposedPorts?: {port: {}}, Env?: [NAME=value], Entrypoint?, Cmd?,
//              Volumes?: {path: {}}, WorkingDir?, Labels?, StopSignal?}
// Empty fields are left out; Docker writes null for them, which reads as absent.
#include <algorithm>

#include "oci/descriptor_json.h"
#include "oci/image.h"

namespace imgforge::oci {
namespace {

using base::Json;
using base::JsonReader;

/// A Go set: {"a": {}, "b": {}}.
Json to_set(const std::vector<std::string>& names) {
  Json set = Json::object();
  for (const std::string& name : names) set[name] = Json::object();
  return set;
}

std::vector<std::string> read_set(JsonReader& reader, const char* key) {
  std::vector<std::string> names;
  const Json& set = reader.value(key, false);
  if (set.is_null()) return names;
  if (!set.is_object()) return reader.reject(key, "must be an object"), names;
  for (const auto& [name, value] : set.items()) names.push_back(name);  // sorted by the parser
  return names;
}

Json runtime_to_json(const RuntimeConfig& config) {
  Json json = Json::object();
  if (!config.user.empty()) json["User"] = config.user;
  if (!config.exposed_ports.empty()) json["ExposedPorts"] = to_set(config.exposed_ports);
  if (!config.env.empty()) json["Env"] = config.env;
  if (!config.entrypoint.empty()) json["Entrypoint"] = config.entrypoint;
  if (!config.cmd.empty()) json["Cmd"] = config.cmd;
  if (!config.volumes.empty()) json["Volumes"] = to_set(config.volumes);
  if (!config.working_dir.empty()) json["WorkingDir"] = config.working_dir;
  if (!config.labels.empty()) json["Labels"] = config.labels;
  if (!config.stop_signal.empty()) json["StopSignal"] = config.stop_signal;
  return json;
}

Result<RuntimeConfig> read_runtime(JsonReader& reader) {
  RuntimeConfig config;
  config.user = reader.text_or("User", "");
  config.exposed_ports = read_set(reader, "ExposedPorts");
  config.env = reader.texts_or_empty("Env");
  config.entrypoint = reader.texts_or_empty("Entrypoint");
  config.cmd = reader.texts_or_empty("Cmd");
  config.volumes = read_set(reader, "Volumes");
  config.working_dir = reader.text_or("WorkingDir", "");
  config.labels = reader.text_map_or_empty("Labels");
  config.stop_signal = reader.text_or("StopSignal", "");
  TRY(reader.finish_tolerant());
  return config;
}

Json history_to_json(const HistoryEntry& entry) {
  Json json = Json::object();
  if (entry.created) json["created"] = base::format_time(*entry.created);
  if (!entry.created_by.empty()) json["created_by"] = entry.created_by;
  if (!entry.author.empty()) json["author"] = entry.author;
  if (!entry.comment.empty()) json["comment"] = entry.comment;
  if (entry.empty_layer) json["empty_layer"] = true;
  return json;
}

Result<std::optional<base::Seconds>> read_created(JsonReader& reader) {
  const auto text = reader.optional_text("created");
  TRY(reader.finish_tolerant());
  if (!text) return std::nullopt;
  return TRY(base::with_context(base::parse_time(*text), "reading " + reader.path() + ".created"));
}

Result<HistoryEntry> read_history(JsonReader& reader) {
  HistoryEntry entry;
  entry.created = TRY(read_created(reader));
  entry.created_by = reader.text_or("created_by", "");
  entry.author = reader.text_or("author", "");
  entry.comment = reader.text_or("comment", "");
  entry.empty_layer = reader.flag_or("empty_layer", false);
  TRY(reader.finish_tolerant());
  return entry;
}

Result<std::vector<Digest>> read_diff_ids(JsonReader& rootfs) {
  if (rootfs.text_or("type", "layers") != "layers") rootfs.reject("type", "must be \"layers\"");
  std::vector<Digest> diff_ids;
  const auto texts = rootfs.texts_or_empty("diff_ids");
  TRY(rootfs.finish_tolerant());
  for (const std::string& text : texts) {
    diff_ids.push_back(
        TRY(base::with_context(Digest::parse(text), "reading " + rootfs.path() + ".diff_ids")));
  }
  return diff_ids;
}

}  // namespace

std::string to_json(const ImageConfig& config) {
  Json diff_ids = Json::array();
  for (const Digest& diff_id : config.diff_ids) diff_ids.push_back(diff_id.to_string());
  Json json = {{"created", base::format_time(config.created)},
               {"architecture", config.platform.architecture},
               {"os", config.platform.os},
               {"config", runtime_to_json(config.config)},
               {"rootfs", {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}}}};
  if (!config.author.empty()) json["author"] = config.author;
  if (!config.platform.variant.empty()) json["variant"] = config.platform.variant;
  if (!config.history.empty()) {
    Json& history = json["history"] = Json::array();
    for (const HistoryEntry& entry : config.history) history.push_back(history_to_json(entry));
  }
  return base::canonical_json(json);
}

Result<ImageConfig> parse_image_config(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the image config"));
  JsonReader reader(json, "config");
  ImageConfig config;
  config.created = TRY(read_created(reader)).value_or(base::Seconds{0});
  config.author = reader.text_or("author", "");
  config.platform.os = reader.text("os");
  config.platform.architecture = reader.text("architecture");
  config.platform.variant = reader.text_or("variant", "");
  if (auto runtime = reader.object("config", false)) config.config = TRY(read_runtime(*runtime));
  if (auto rootfs = reader.object("rootfs")) config.diff_ids = TRY(read_diff_ids(*rootfs));
  for (JsonReader& entry : reader.objects_or_empty("history")) {
    config.history.push_back(TRY(read_history(entry)));
  }
  TRY(reader.finish_tolerant());
  return config;
}

}  // namespace imgforge::oci

#include "gpu/promise.h"

#include "base/json.h"

namespace imgforge::gpu {

namespace {

using base::Json;

void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

}  // namespace

std::string to_json(const Promise& promise) {
  Json root = {{"promise", kPromiseFormat}};
  put(root, "image", promise.image);
  put(root, "tag", promise.tag);
  put(root, "build", promise.build);
  put(root, "platform", promise.platform);
  put(root, "created", promise.created);
  put(root, "reproduce", promise.reproduce);

  Json components = Json::array();
  for (const auto& one : promise.components) {
    Json object = Json::object();
    for (const auto& [key, value] : one.detail) put(object, key.c_str(), value);
    put(object, "name", one.name);
    put(object, "version", one.version);
    components.push_back(std::move(object));
  }
  root["components"] = std::move(components);

  Json gpu = Json::object();
  put(gpu, "driver_min", promise.driver_min);
  put(gpu, "cuda_driver_min", promise.cuda_driver_min);
  if (!promise.sm.empty()) {
    gpu["sm"] = promise.sm;
    gpu["ptx"] = promise.ptx;
  }
  if (!gpu.empty()) root["gpu"] = std::move(gpu);

  Json python = Json::object();
  put(python, "prefix", promise.python_prefix);
  put(python, "site_packages", promise.site_packages);
  if (!python.empty()) root["python"] = std::move(python);

  Json libraries = Json::array();
  for (const auto& one : promise.libraries) {
    Json object = Json::object();
    put(object, "soname", one.soname);
    put(object, "path", one.path);
    put(object, "version", one.version);
    libraries.push_back(std::move(object));
  }
  if (!libraries.empty()) root["libraries"] = std::move(libraries);

  if (promise.determinism) {
    Json determinism = {{"environment", promise.determinism->environment}};
    put(determinism, "module", promise.determinism->module);
    root["determinism"] = std::move(determinism);
  }
  return base::pretty_json(root);
}

Result<PromiseSummary> read_promise_summary(std::string_view json, const std::string& name) {
  const Json root = TRY(base::parse_json(json, name));
  base::JsonReader reader(root, name);
  PromiseSummary summary;
  if (reader.number("promise") != kPromiseFormat) {
    reader.reject("promise", "this imgforge reads format 1 only");
  }
  summary.image = reader.text_or("image", "");
  summary.tag = reader.text_or("tag", "");
  summary.build = reader.text_or("build", "");
  for (base::JsonReader& one : reader.objects_or_empty("components")) {
    const std::string component = one.text("name");
    summary.components[component] = one.text("version");
    TRY(one.finish_tolerant());
  }
  TRY(reader.finish_tolerant());
  return summary;
}

}  // namespace imgforge::gpu

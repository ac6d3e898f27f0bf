#include "env/running.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "gpu/promise.h"

namespace imgforge::env {
namespace {

std::string value_of(const std::map<std::string, std::string>& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? "-" : found->second;
}

}  // namespace

Result<Running> read_running(std::string_view promise_json, const std::string& file) {
  const gpu::PromiseSummary promise = TRY(gpu::read_promise_summary(promise_json, file));
  return Running{.image = promise.image,
                 .tag = promise.tag,
                 .components = promise.components,
                 .promise = oci::Digest::of(promise_json)};
}

std::vector<Difference> differences(const Contract& contract, const Running& running) {
  std::vector<Difference> out;
  if (!contract.pin) return out;
  const Pin& pin = *contract.pin;
  if (pin.promise && *pin.promise == running.promise) return out;
  if (running.image != contract.name()) out.push_back({"image", contract.name(), running.image});
  if (!pin.build.empty() && pin.build != running.tag) {
    out.push_back({"build", pin.build, running.tag});
  }
  if (!pin.components.empty()) {
    std::set<std::string> names;
    for (const auto* map : {&pin.components, &running.components}) {
      for (const auto& [name, version] : *map) names.insert(name);
    }
    for (const std::string& name : names) {
      const std::string pinned = value_of(pin.components, name);
      const std::string here = value_of(running.components, name);
      if (pinned != here) out.push_back({name, pinned, here});
    }
  }
  if (out.empty() && pin.promise) {
    out.push_back({"promise", pin.promise->to_string(), running.promise.to_string()});
  }
  if (out.empty() && pin.build.empty()) {
    // Nothing that could be compared: not the same as being the same.
    out.push_back({"digest", pin.digest.to_string(), "an image that says " + running.tag});
  }
  return out;
}

std::string sentence(const std::vector<Difference>& differences) {
  std::vector<std::string> parts;
  for (const Difference& one : differences) {
    parts.push_back(fmt::format("{} {} instead of {}", one.what, one.running, one.pinned));
  }
  return base::join(parts, ", ");
}

}  // namespace imgforge::env

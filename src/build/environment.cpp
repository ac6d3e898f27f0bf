#include "build/environment.h"

#include <algorithm>

#include "base/text.h"
#include "gpu/environment.h"

namespace imgforge::build {
namespace {

constexpr const char* kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

class Variables {
 public:
  void set(const std::string& name, const std::string& value) {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const auto& entry) { return entry.first == name; });
    if (found != entries_.end()) {
      found->second = value;
    } else {
      entries_.emplace_back(name, value);
    }
  }
  std::vector<std::string> take() const {
    std::vector<std::string> out;
    for (const auto& [name, value] : entries_) out.push_back(name + "=" + value);
    return out;
  }

 private:
  std::vector<std::pair<std::string, std::string>> entries_;
};

}  // namespace

std::vector<std::string> environment_of(const spec::ImageSpec& spec, const layer::Facts& facts) {
  Variables variables;
  std::string base_path = kDefaultPath;
  variables.set("PATH", "");  // first in order, filled below
  for (const std::string& entry : facts.base_env) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = entry.substr(0, equals);
    if (name == "PATH") {
      base_path = entry.substr(equals + 1);
    } else {
      variables.set(name, entry.substr(equals + 1));
    }
  }
  std::vector<std::string> path = spec.config.path;
  path.push_back(base_path);
  variables.set("PATH", base::join(path, ":"));
  const layer::Component* cuda = facts.find("cuda");
  if (cuda != nullptr || !spec.driver.empty()) {
    for (const auto& [name, value] :
         gpu::gpu_environment(spec.driver, cuda != nullptr ? cuda->version : "")) {
      variables.set(name, value);
    }
  }
  if (spec.seed) {
    variables.set("PYTHONHASHSEED", std::to_string(*spec.seed));
    // cuBLAS is deterministic only with a fixed workspace (cuBLAS documentation, "Results
    // Reproducibility").
    variables.set("CUBLAS_WORKSPACE_CONFIG", ":4096:8");
  }
  for (const auto& [name, value] : spec.config.env) variables.set(name, value);
  return variables.take();
}

}  // namespace imgforge::build

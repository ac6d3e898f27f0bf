#include "build/without_project.h"

#include "base/file.h"

namespace imgforge::build {

Result<WithoutProject> without_project(spec::ImageSpec spec, spec::Lock lock) {
  WithoutProject out;
  std::set<std::string> dropped;
  for (const DefinedLayer& layer : TRY(define(spec))) {
    const bool is_files = layer.use.kind == "files";
    for (const std::string& path : layer.definition->project_paths()) {
      // The folder "." is there, and is another one.
      if (!is_files && base::exists(base::join_path(spec.project_directory, path))) continue;
      out.missing.push_back({layer.use.id, path});
      (is_files ? dropped : out.keep).insert(layer.use.id);
    }
  }
  std::erase_if(spec.layers, [&](const auto& layer) { return dropped.contains(layer.id); });
  std::erase_if(lock.layers, [&](const auto& layer) { return dropped.contains(layer.id); });
  out.spec = std::move(spec);
  out.lock = std::move(lock);
  return out;
}

}  // namespace imgforge::build

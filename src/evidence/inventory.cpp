#include "evidence/inventory.h"

#include <algorithm>

#include "base/task_group.h"
#include "evidence/settle.h"
#include "evidence/wheel_documents.h"

namespace imgforge::evidence {
namespace {

/// Counts what passes for the progress. Borrows.
class CountedSource final : public base::Source {
 public:
  CountedSource(base::Source& source, base::ProgressTask& task) : source_(source), task_(task) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    const std::size_t n = TRY(source_.read(buffer));
    task_.advance(n);
    return n;
  }

 private:
  base::Source& source_;
  base::ProgressTask& task_;
};

bool all_inputs_here(const ImageLayer& layer, const store::Store& store) {
  return layer.inputs &&
         std::all_of(layer.inputs->begin(), layer.inputs->end(),
                     [&](const auto& input) { return store.has_input(input.digest); });
}

/// Layers that imgforge writes from nothing but a known binary or text.
bool holds_no_documents(const ImageLayer& layer) {
  constexpr std::string_view kOwn[] = {"probe", "promise", "determinism", "finalize"};
  return std::find(std::begin(kOwn), std::end(kOwn), layer.kind) != std::end(kOwn);
}

Result<LayerFindings> read_wheels(const ImageLayer& layer, const store::Store& store,
                                  const std::string& site_packages) {
  LayerFindings findings;
  for (const sources::Input& input : *layer.inputs) {
    const auto file = TRY(store.open_input(input.digest));
    auto documents = TRY(read_wheel_documents(file, input.name, site_packages));
    findings.python.merge(documents);
  }
  return findings;
}

Result<LayerFindings> read_blob(const ImageLayer& layer, const store::Store& store,
                                base::ProgressTask& task, std::stop_token stop) {
  auto blob = TRY(store.open_blob(layer.blob.digest));
  CountedSource counted(blob, task);
  return scan_layer(counted, layer.kind == "files", stop);
}

Result<LayerFindings> findings_of(const ImageLayer& layer, const store::Store& store,
                                  const std::string& site_packages, base::ProgressTask& task,
                                  std::stop_token stop) {
  const std::string frame = "reading layer " + layer.blob.digest.to_string();
  if (holds_no_documents(layer)) return LayerFindings{};
  if (!site_packages.empty() && all_inputs_here(layer, store)) {
    auto findings = base::with_context(read_wheels(layer, store, site_packages), frame);
    if (findings) task.advance(layer.blob.size);
    return findings;
  }
  return base::with_context(read_blob(layer, store, task, stop), frame);
}

/// Kinds whose packages are all known: from the lock, or from dpkg.
bool is_listed(const std::string& kind) {
  constexpr std::string_view kListed[] = {"bootstrap", "apt",         "deb",     "redist",
                                          "python",    "wheels",      "files",   "probe",
                                          "promise",   "determinism", "finalize"};
  return std::find(std::begin(kListed), std::end(kListed), kind) != std::end(kListed);
}

}  // namespace

Result<Inventory> take_inventory(const Image& image, const spec::Lock& lock,
                                 const store::Store& store, const InventoryOptions& options,
                                 base::Progress& progress, std::stop_token stop) {
  LockedContents contents = TRY(read_locked(lock, image.platform.architecture));
  std::uint64_t total = 0;
  for (const ImageLayer& layer : image.layers) {
    if (!holds_no_documents(layer)) total += layer.blob.size;
  }
  const auto task = progress.start("read", image.name, total);
  auto findings = TRY(base::parallel_map<LayerFindings>(
      image.layers.size(), options.workers, stop, [&](std::size_t i, std::stop_token inner) {
        const ImageLayer& layer = image.layers[i];
        return findings_of(layer, store, site_of(contents, layer.id), *task, inner);
      }));
  task->finish("read");

  Inventory inventory{.os = contents.os};
  Found found;
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const ImageLayer& layer = image.layers[i];
    if (layer.kind == "files") {
      const auto commit = contents.commits.find(layer.id);
      inventory.files.push_back({.layer = i,
                                 .commit = commit == contents.commits.end() ? "" : commit->second,
                                 .files = std::move(findings[i].files)});
    }
    if (!is_listed(layer.kind)) inventory.unlisted.push_back(i);
    found.add(i, std::move(findings[i]));
  }
  inventory.packages = TRY(settle_packages(image, std::move(contents), found));
  return inventory;
}

}  // namespace imgforge::evidence

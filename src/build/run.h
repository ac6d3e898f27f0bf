// Builds the layers of a plan: inputs are fetched ahead, layers that do not depend on each other
// are built at the same time, and a finished layer is in the store before anybody hears of it. What
// was finished stays when something fails.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "build/plan.h"
#include "build/resolve.h"

namespace imgforge::build {

struct RunOptions {
  std::size_t workers = 1;        // layers at the same time
  std::size_t layer_threads = 0;  // that one layer may use beside its own
  std::size_t fetches = 6;        // transfers at the same time
  bool check = false;             // build executed layers twice and compare
  bool ignore_records = false;    // a digest other than the lock's record is no error
  std::string probe_file;         // the compiled probe of this imgforge
  std::string sandbox_program;    // the program that has sandbox::child_main
  std::string project_directory;
  base::Seconds epoch;
  /// Hears of every layer that is in the image and in the store, as soon as it is. From any thread.
  std::function<void(std::size_t index, const store::BuiltLayer& layer)> on_layer;
  /// Brings a layer that is `elsewhere` into the store: an executed layer above needs its files.
  std::function<Result<>(const oci::Descriptor& layer, std::stop_token stop)> bring;
};

struct RunReport {
  std::vector<store::BuiltLayer> layers;  // by index of the plan
  std::vector<bool> reused;               // not built: in the store or elsewhere
};

Result<RunReport> run(const Plan& plan, const std::vector<LayerState>& states,
                      const RunOptions& options, const Workplace& place);

}  // namespace imgforge::build

// From a spec to its lock: the only stage that looks outside.
#pragma once

#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/progress.h"
#include "build/define.h"
#include "layer/image_source.h"
#include "sources/sources.h"
#include "spec/lock.h"
#include "store/store.h"

namespace imgforge::build {

/// What every stage that has effects works with. Borrowed; outlives the call.
struct Workplace {
  store::Store& store;
  sources::Sources& sources;
  base::Progress& progress;
  std::stop_token stop;
  layer::ImageSource* images = nullptr;  // registries, for kind `image`; null: there are none
};

struct ResolveOptions {
  std::optional<spec::Lock> previous;
  /// Names (layer ids, packages, projects) that may change; empty: everything may. Needs
  /// `previous`.
  std::set<std::string> update;
  /// Layers that keep their part of `previous`, which is there for each of them: what resolving
  /// them takes is not here. Layers above see what they had then.
  std::set<std::string> keep;
  std::string probe_file;  // the compiled probe to put into the image
};

/// Resolves layer by layer, lowest first; each sees the facts of those below. Fails where the
/// resolved contents contradict the spec's words or cannot work together (Errc::mismatch); doubtful
/// combinations are warned of.
Result<spec::Lock> resolve(const spec::ImageSpec& spec, const ResolveOptions& options,
                           const Workplace& place);

}  // namespace imgforge::build

// What the executed kinds share: the trees of the layers below, and the way of a captured tar into
// a layer.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/tar.h"
#include "layer/recipe.h"

namespace imgforge::layer {

/// Unpacks the parents that are not unpacked yet; their trees, lowest first.
Result<std::vector<std::string>> parent_trees(const BuildContext& context);

/// The sandbox of the context; Errc::internal when a computed layer asks for it.
Result<sandbox::Sandbox*> sandbox_of(const BuildContext& context);

struct TarFilter {
  /// False leaves the entry out; an Error ends the build. Nothing: every entry is kept.
  std::function<Result<bool>(const archive::TarEntry&)> keep;
  /// A small file whose content is wanted besides, at most 64 MiB; empty: none.
  std::string wanted;
  std::string wanted_content;
};

/// Runs `produce`, which writes a sorted tar, on a thread of its own, and passes its entries on to
/// `out`. Bounded memory. The first error of both sides wins.
Result<> write_tar_entries(const std::function<Result<>(base::Sink&)>& produce, TarFilter& filter,
                           archive::LayerWriter& out);

}  // namespace imgforge::layer

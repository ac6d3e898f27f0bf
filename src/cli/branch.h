// The channel that a git branch feeds: `build --push --branch "$BRANCH"` lets it name the image that
// was pushed. By the channel policy's `branches` through its gates; without a channel policy by the
// spec's `tags: {channels: …}`, as a plain tag.
#pragma once

#include <optional>
#include <string>

#include "cli/app.h"
#include "cli/promotion.h"
#include "spec/image_spec.h"

namespace imgforge::cli {

class BranchChannel {
 public:
  /// nullopt without --branch. Reads policies and opens the key at once, so that nothing is built in
  /// vain.
  static Result<std::optional<BranchChannel>> make(App& app, const spec::ImageSpec& spec);

  /// Empty: no channel is fed by the branch.
  const std::string& channel() const { return channel_; }
  /// A sentence of what was done. Errc::refused when a gate fails: the image stays published, the
  /// channel where it was.
  Result<std::string> follow(App& app, release::Repository& repository, const oci::Digest& image);

 private:
  std::string branch_, channel_;
  Releasing releasing_;
};

}  // namespace imgforge::cli

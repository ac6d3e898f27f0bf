// Which channel a git branch feeds, for pipelines (`build --push --branch "$BRANCH"`): the
// `tags.channels` of a spec or the `branches` of a channel policy. The name of a branch goes before
// patterns; patterns that can match one branch and name different channels are refused when the map
// is made, not on the day such a branch appears.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "release/pattern.h"

namespace imgforge::release {

class BranchMap {
 public:
  struct Entry {
    std::string branch;   // a name or a pattern (pattern.h)
    std::string channel;  // the tag
    Location where = {};  // for errors; may be nowhere
  };

  BranchMap() = default;
  static Result<BranchMap> make(const std::vector<Entry>& entries);

  /// nullopt: no entry is for this branch. A leading "refs/heads/" does not count.
  std::optional<std::string> channel_of(std::string_view branch) const;
  bool empty() const { return rows_.empty(); }
  /// Every channel that is named, in the order of the entries.
  std::vector<std::string> channels() const;

 private:
  struct Row {
    Pattern branch;
    std::string channel;
  };
  std::vector<Row> rows_;
};

}  // namespace imgforge::release

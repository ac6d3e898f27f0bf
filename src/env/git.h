// One git repository as the contract sees it, asked through the git program. Revisions, paths and
// messages are other people's: nothing that begins with a dash becomes an option, and what comes
// back is taken as bytes. Inside of a hook git's own variables (GIT_DIR, GIT_INDEX_FILE) count, so
// that the index of `git commit -a` is the one that is read.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::env {

struct Commit {
  std::string id;
  std::vector<std::string> parents;
  std::string message;  // raw
  /// The contract's text at that commit; nullopt: there is none.
  std::optional<std::string> contract;
  bool is_on_first_parents = false;  // of the range's end

  std::string subject() const;  // printable
};

class Git {
 public:
  /// The repository around a folder. Errc::not_found outside of any; Errc::unsupported for a bare
  /// one.
  static Result<Git> open(const std::string& folder, std::stop_token stop);

  /// The top of the working tree, absolute.
  const std::string& top() const { return top_; }
  /// The folder of the repository that all its working trees share, absolute.
  Result<std::string> common_directory() const;
  /// Where this file of the repository is for this working tree; hooks go by core.hooksPath.
  Result<std::string> path_of(const std::string& name) const;

  /// The branch that is checked out, or that is being rebased; nullopt when HEAD is detached.
  Result<std::optional<std::string>> branch() const;
  /// The full name. Errc::not_found when the revision names no commit.
  Result<std::string> commit(const std::string& revision) const;
  /// nullopt: HEAD is no commit yet.
  Result<std::optional<std::string>> head() const;
  /// A file as it stands in a commit, and as it is about to be committed; nullopt: not there.
  Result<std::optional<std::string>> file_at(const std::string& commit,
                                             const std::string& path) const;
  Result<std::optional<std::string>> staged_file(const std::string& path) const;
  /// Whether git has this path (relative to the top, or absolute).
  Result<bool> is_tracked(const std::string& path) const;
  /// The message of one commit, raw.
  Result<std::string> message(const std::string& commit) const;

  /// The commits of "A..B", oldest first, with `contract` as it stands in each, by three processes.
  /// `tips_parents` as well: what the contract was before the range.
  struct Range {
    std::vector<Commit> commits;
    std::vector<Commit> before;  // parents that are not in the range
  };
  Result<Range> range(const std::string& range, const std::string& contract_path) const;

  /// A value of the configuration, and the scope it comes from ("local", "global", …).
  struct Setting {
    std::string scope, value;
  };
  Result<std::optional<Setting>> setting(const std::string& name) const;
  /// A message as git will store it: without comments (core.commentChar) and trailing blanks.
  Result<std::string> without_comments(const std::string& message) const;
  /// Whether an operation is going on that takes messages from other commits.
  Result<bool> is_replaying() const;

  /// A second working tree at `folder` (which must not exist), with that commit checked out.
  Result<> add_worktree(const std::string& folder, const std::string& commit) const;
  Result<> remove_worktree(const std::string& folder) const;
  /// Files that differ from the commit or are new, ignored ones too, in that working tree; what
  /// Python caches does not count.
  static Result<bool> has_changes(const std::string& folder, std::stop_token stop);

 private:
  Git(std::string top, std::stop_token stop) : top_(std::move(top)), stop_(std::move(stop)) {}
  std::string top_;
  std::stop_token stop_;
};

}  // namespace imgforge::env

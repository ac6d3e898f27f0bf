// The files of a project that kind `files` takes, found in a folder or in a git commit: selected by
// patterns, sorted, with modes that do not depend on the umask, each with the digest of its
// content.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "layer/glob.h"

namespace imgforge::layer {

/// What to take: everything (or what `include` names) that `ignore` does not name. ".git" never.
struct FileSelection {
  GlobSet include;
  GlobSet ignore;

  /// Whether a walk enters the folder.
  bool enters(std::string_view folder) const;
  /// A file or link in a folder that was entered.
  bool takes(std::string_view file) const;
  /// As takes(), looking at every folder above too: for lists that were made without a walk.
  bool takes_alone(std::string_view path) const;
};

struct ProjectFile {
  std::string path;  // relative to the folder or tree
  bool executable = false;
  bool is_link = false;
  std::string target;  // of a link, as stored
  std::uint64_t size = 0;
  std::string content;  // "sha256:HEX" for folders, "git:OBJECT" for commits; empty for links
};

/// Reads and hashes every file taken. Empty folders are not part of the list, as in git. Refused:
/// devices, sockets and pipes (Errc::invalid).
Result<std::vector<ProjectFile>> scan_folder(const std::string& folder,
                                             const FileSelection& selection, std::stop_token stop);

/// The content of a scanned file. Fails with Errc::mismatch when it is no longer what was hashed.
Result<std::unique_ptr<base::Source>> open_scanned(const std::string& folder,
                                                   const ProjectFile& file);

struct GitCommit {
  std::string commit;  // object names, in full
  std::string tree;    // of the folder that was asked for, not of the whole repository
};

/// Names the commit that `revision` means in the repository around `folder`.
Result<GitCommit> find_commit(const std::string& folder, const std::string& revision,
                              std::stop_token stop);

/// The files of a tree, without reading them. Submodules are refused unless ignored.
Result<std::vector<ProjectFile>> list_tree(const std::string& folder, const std::string& tree,
                                           const FileSelection& selection, std::stop_token stop);

/// Writes the contents of `files` (not links) one after the other to `out`, as git has them: no
/// line-end conversion, no filters, no substitution, so that they depend on the commit alone.
Result<> read_tree(const std::string& folder, const std::vector<ProjectFile>& files,
                   base::Sink& out, std::stop_token stop);

/// Selected files of `folder` that differ from the commit, lock files aside; sorted.
Result<std::vector<std::string>> local_changes(const std::string& folder, const std::string& commit,
                                               const FileSelection& selection,
                                               std::stop_token stop);

}  // namespace imgforge::layer

// A small root filesystem out of this machine's own programs, tars made entry by entry, and
// readable listings: what the sandbox tests work with.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive/tar.h"
#include "base/file.h"
#include "catch.h"
#include "sandbox/sandbox.h"

namespace imgforge::sandbox::testing {

inline constexpr base::Seconds kEpoch{1747699200};  // 2025-05-20T00:00:00Z

/// A tar in memory, entry by entry.
class TarText {
 public:
  TarText& add(archive::TarEntry entry, std::string_view content = {});
  TarText& folder(const std::string& path, std::uint32_t mode = 0755);
  TarText& file(const std::string& path, std::string_view content, std::uint32_t mode = 0644);
  TarText& link(const std::string& path, const std::string& target);
  const std::string& end();

 private:
  std::string text_;
};

/// One line per entry: type, mode, owner, time, path, link target, attributes, and small contents.
std::string listing(std::string_view tar);

/// The program that stands for imgforge; $IMGFORGE_TEST_CHILD replaces it.
std::string child_program();

/// The tar of a small root: sh and the usual small programs of this machine. Made once per run.
const std::string& root_tar();

/// "" when steps can run here, else the reason.
std::string why_not();

/// A folder for one test with a Sandbox on it and a tree of `sh` and the usual small programs.
class Bench {
 public:
  Bench();
  ~Bench();
  Sandbox& sandbox() { return sandbox_; }
  std::string path(const std::string& name) const { return directory_ / name; }
  /// Unpacks a tar as a further tree; returns its folder.
  std::string tree(const std::string& name, const std::string& tar);
  const std::string& root() const { return root_; }
  /// Runs a shell script on the trees (the root first, then `above`) and returns the layer.
  Result<std::string> run(const std::string& script, std::vector<std::string> above = {},
                          const std::function<void(Step&)>& adjust = {});
  std::vector<std::string> lines;  // what steps printed

 private:
  base::TempDir directory_;
  Sandbox sandbox_;
  std::string root_;
};

}  // namespace imgforge::sandbox::testing

// Programs in a root filesystem made of layers, without network, and what they changed as a tar.
//
// Layers are unpacked once into trees (a folder per diffID); a step runs on an overlay of the trees
// with a fresh upper folder, inside bubblewrap with its own pid, net, ipc and uts namespaces; the
// upper folder comes back as a tar in OCI form (whiteouts, normalised, sorted). As root directly;
// as an ordinary user inside a user namespace with the user's subordinate ids (newuidmap), for
// which this program executes itself again: the composition root calls child_main() when argv[1] is
// kChildCommand.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"

namespace imgforge::sandbox {

inline constexpr const char* kChildCommand = "__sandbox";

/// What a capture leaves out. `pattern` is matched against the whole path (no leading slash): '*',
/// '?' and '[...]' within one part, "**" for any number of parts. Hard links are grouped among what
/// remains, so dropping a name never loses content. Whiteouts are never dropped.
struct CaptureRule {
  enum class Action {
    drop,   // the entry and everything below it
    empty,  // a regular file stays, without its content
  };
  std::string pattern;
  Action action = Action::drop;
};

struct Step {
  std::vector<std::string> argv;           // program by absolute path inside the root
  std::map<std::string, std::string> env;  // added to the fixed environment (layer-sources.md 4.3)
  std::string directory = "/";
  std::vector<std::pair<std::string, std::string>>
      read_only_binds;             // host folder or file -> absolute path inside; leaves no trace
  std::vector<std::string> tmpfs;  // beside /tmp, /run: emptied afterwards, never captured
  base::Seconds epoch;             // SOURCE_DATE_EPOCH, and the ceiling of captured mtimes
  std::vector<CaptureRule> rules;
};

/// A program of this machine that makes and fills a folder with a root filesystem (mmdebstrap).
struct Construction {
  std::vector<std::string> argv;
  std::map<std::string, std::string> env;  // added to the fixed environment
  std::string target;   // the folder that the program makes; must not exist, removed afterwards
  base::Seconds epoch;  // SOURCE_DATE_EPOCH, and the ceiling of captured mtimes
  std::vector<CaptureRule> rules;
};

class Sandbox {
 public:
  /// `self`: the program that has child_main (usually /proc/self/exe). `scratch`: an existing
  /// folder for upper and work folders, on a file system that overlay accepts as upper.
  Sandbox(std::string self, std::string scratch);

  /// Unpacks a layer blob (tar; plain, gzip or zstd) into `tree` unless it is there already;
  /// whiteouts become overlay's form. Atomic; safe when two processes do it at once.
  Result<> unpack(const std::string& blob_path, const std::string& tree, std::stop_token stop);

  /// Runs `step` on the trees (lowest first) and writes what it changed as a plain tar to
  /// `changes`: sorted, numeric owners as seen inside, mtimes at most the epoch, whiteouts as OCI
  /// has them, overlay xattrs stripped, opaque markers only where a lower layer has the folder.
  /// Lines that the step prints go to `on_line`. A nonzero status is an Error that quotes the last
  /// lines.
  Result<> run(const std::vector<std::string>& trees, const Step& step, base::Sink& changes,
               const std::function<void(std::string_view)>& on_line, std::stop_token stop);

  /// Runs a program of this machine as root of the (user) namespace, without network, in its own
  /// pid, ipc and uts namespaces, and writes the folder that it made to `content` as run() does.
  Result<> construct(const Construction& construction, base::Sink& content,
                     const std::function<void(std::string_view)>& on_line, std::stop_token stop);

  /// Removes a tree whose files may belong to subordinate ids.
  Result<> remove_tree(const std::string& tree);

  /// What this host lacks for run(), each with the command that mends it; empty when all is there.
  struct Lack {
    std::string what, remedy;
  };
  static std::vector<Lack> lacks();

 private:
  std::string self_;
  std::string scratch_;
};

/// The re-executed side. Reads its request from standard input; returns the process's exit code.
int child_main();

}  // namespace imgforge::sandbox

// The outside world, by role: apt archives, Python indexes, redistributable folders, plain
// addresses. The only room that resolves
// ("what is the latest?"), through the ecosystems' own programs: apt-get in a private root, uv (or
// pip). Thread-safe where noted.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"
#include "sources/addresses.h"
#include "sources/input.h"
#include "store/store.h"

namespace imgforge::sources {

// ---- apt
// -------------------------------------------------------------------------------------------

struct AptSource {
  std::string archive;  // role
  std::vector<std::string> suites;
  std::vector<std::string> components;
  std::string keyring;   // path; empty: the archive address's or the machine's keyring
  std::string snapshot;  // timestamp, empty: the current archive
};

struct AptRequest {
  std::vector<AptSource> sources;
  std::vector<std::string> packages;  // "name" or "name=version"
  std::string architecture = "amd64";
  bool with_essential = true;       // bootstrap: '?essential' and required, apt itself
  std::string variant = "minbase";  // minbase | apt | essential, when with_essential
  std::string installed_status;     // dpkg status text of what is below; empty for a bootstrap
  std::vector<std::string> pins;    // "name=version" kept from an older lock where still possible
};

struct LockedRelease {
  std::string archive, suite;
  std::string inrelease_sha256;
  std::string date;               // as the Release file says it
  std::vector<std::string> keys;  // fingerprints that signed it
};

struct LockedDeb {
  std::string name, version, architecture;
  Input input;
  std::string stanza;  // verbatim from Packages: whole lines, without the empty line after them
};

struct AptResolution {
  std::vector<LockedRelease> releases;
  std::vector<LockedDeb> debs;  // sorted by name, architecture
  std::string apt_version;
};

// ---- Python
// ----------------------------------------------------------------------------------------

struct PythonTarget {
  std::string version;       // "3.11" or "3.11.2"
  std::string glibc;         // "2.36"
  std::string architecture;  // "amd64"
};

struct IndexRule {
  std::string role;               // "default", "pytorch/cu118"
  std::vector<std::string> only;  // project name globs it may serve; empty: all
};

struct PythonRequest {
  std::vector<std::string> requirements;  // PEP 508
  std::string requirements_text;          // content of a (hashed) requirements.txt; may be empty
  std::string pylock_text;         // content of a pylock.toml (PEP 751); then nothing is resolved
  std::vector<IndexRule> indexes;  // the first is the main one
  PythonTarget target;
  std::vector<std::string> constraints;  // "name==version" kept from an older lock
};

struct LockedWheel {
  std::string project;  // PEP 503 name
  std::string version;  // PEP 440, with local part
  bool requested = false;
  Input input;  // origin.kind == index; name is the wheel's file name
};

struct PythonResolution {
  std::vector<LockedWheel> wheels;  // sorted by project
  std::string resolver;             // "uv 0.9.3"
};

// ---- the facade
// ------------------------------------------------------------------------------------

class Sources {
 public:
  /// Borrows the store. `scratch_parent`: where private apt roots and the like are made.
  Sources(Addresses addresses, store::Store& store, base::Progress& progress);
  ~Sources();

  Result<AptResolution> resolve_apt(const AptRequest& request, std::stop_token stop);
  Result<PythonResolution> resolve_python(const PythonRequest& request, std::stop_token stop);

  /// Brings every input into the store: looks there first, then into vendored folders, then
  /// outside, several at once, resuming broken transfers, verified. All that fail are named in one
  /// error. Reports progress.
  Result<> fetch(std::span<const Input> inputs, std::size_t parallel, std::stop_token stop);

  /// A small document from a redist folder or an address, at most `limit` bytes (redistrib_*.json).
  Result<std::string> fetch_document(const Origin& origin, std::size_t limit, std::stop_token stop);

  /// Reads an input without having it: from the store if it is there, else by HTTP range requests
  /// (falls back to fetching it whole into the store when the server has no ranges). For a look
  /// into a wheel's metadata at lock time.
  Result<std::unique_ptr<base::RandomAccess>> open(const Input& input, std::stop_token stop);

  /// Size and sha256 of an address that the spec gives without a hash: downloads it into the store.
  Result<Input> pin(const Origin& origin, const std::string& name, std::stop_token stop);

  const Addresses& addresses() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Copies inputs out of the store into DIR/sha256/HEX with a list DIR/inputs.json: `lock --vendor`,
/// `fetch --vendor`.
Result<> vendor(const store::Store& store, std::span<const Input> inputs,
                const std::string& directory, base::Progress& progress, std::stop_token stop);

}  // namespace imgforge::sources

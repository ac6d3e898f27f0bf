// `.imgforge.yaml` at the top of a git repository: which environment its code needs. Parsing reads
// the text and nothing else. Format: docs/reference/env.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "env/annotation.h"
#include "oci/reference.h"
#include "release/branch_map.h"

namespace imgforge::env {

inline constexpr const char* kContractFile = ".imgforge.yaml";

/// The image that was chosen, written by `imgforge env pin`. The digest is what counts; everything
/// else says to people, and to somebody without a network, what that digest is.
struct Pin {
  oci::Tag tag;  // what was asked for: a channel or a build tag
  oci::Digest digest;
  std::string build;                              // its build tag; may be empty
  std::optional<oci::Digest> promise;             // of its /opt/imgforge/promise.json
  std::map<std::string, std::string> components;  // of that promise: "torch" -> "2.6.0+cu124"
  bool operator==(const Pin&) const = default;
};

/// What happens to commits that are made outside of the pinned environment.
enum class Outside { refuse, warn, allow };

struct Contract {
  oci::RegistryReference repository;  // without tag and digest
  std::optional<Pin> pin;
  release::BranchMap branches;
  Outside outside = Outside::refuse;
  std::string trust_policy;  // a file, relative to the top of the repository; may be empty

  /// `file` is the name in errors.
  static Result<Contract> parse(std::string_view text, const std::string& file);

  /// The last part of the repository's path: what annotations say.
  std::string name() const;
  /// "HOST/PATH".
  std::string repository_name() const { return repository.host + "/" + repository.repository; }
  /// What commit messages say under this contract; nullopt without a pin.
  std::optional<Annotation> annotation() const;
};

/// "HOST/PATH@DIGEST".
std::string image_name(const Contract& contract, const Pin& pin);

}  // namespace imgforge::env

// Who we are to which registry: credentials as values, and the file that docker, podman and skopeo
// keep them in (config.json of docker-cli, containers-auth.json(5)). Reading the file is the
// caller's; no message of this unit contains any of its values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::registry {

struct Credentials {
  std::string user, password;
  std::string identity_token;  // an OAuth refresh token, to be exchanged at the token service
  std::string registry_token;  // a ready bearer token
  bool empty() const {
    return user.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
  bool operator==(const Credentials&) const = default;
};

/// Credentials by place: a host ("registry.example:5000") or a part of its repositories
/// ("registry.example/team/project").
class CredentialBook {
 public:
  /// Replaces what the place has already.
  void set(const std::string& place, Credentials credentials);
  /// Adds what `other` has for places that this has not.
  void merge(const CredentialBook& other);
  /// The nearest place's: host/repository, then shortened path by path, then the host alone; of the
  /// first file that has one. Docker Hub has its names in these files (credential_keys).
  std::optional<Credentials> find(const std::string& host, const std::string& repository) const;

  /// The program docker-credential-SUFFIX that holds the host's credentials instead, if any.
  std::optional<std::string> helper(const std::string& host) const;

  /// What to try in order: in each file what it has for a part of the host's repositories, then its
  /// helper for the host, its helper for all, then what it has for the host.
  struct Source {
    std::string helper;       // a suffix; empty: `credentials`
    Credentials credentials;  // empty with a helper
    bool operator==(const Source&) const = default;
  };
  std::vector<Source> sources(const std::string& host, const std::string& repository) const;

  /// `name` says which document it is, for errors. Unknown keys are fine; an entry that cannot be
  /// read is Errc::invalid and named by its place.
  static Result<CredentialBook> parse(std::string_view json, const std::string& name);

 private:
  struct File {
    std::map<std::string, Credentials> by_place;
    std::map<std::string, std::string> helper_of;  // "" is the one for every host
  };
  std::vector<File> files_;  // first choice first
};

/// The keys under which a host's credentials stand in a file: itself, and for Docker Hub, whose
/// images have the host docker.io, the address that docker writes ("https://index.docker.io/v1/").
/// The first one is what is written.
std::vector<std::string> credential_keys(const std::string& host);

/// Where docker, podman and skopeo look for the file, first choice first: REGISTRY_AUTH_FILE alone
/// when it is set, else containers/auth.json under XDG_RUNTIME_DIR and XDG_CONFIG_HOME, then
/// DOCKER_CONFIG or ~/.docker. Earlier files win (merge in this order).
std::vector<std::string> credential_files(const std::map<std::string, std::string>& environment);

/// DOCKER_AUTH_CONFIG (the text of such a file, as CI systems hand it in), then the files that
/// there are.
Result<CredentialBook> read_credentials(const std::map<std::string, std::string>& environment);

}  // namespace imgforge::registry

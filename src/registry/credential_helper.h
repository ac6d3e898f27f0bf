// Programs that keep credentials for docker and podman, docker-credential-SUFFIX, by their protocol
// (docker-credential-helpers): a verb as argument, the rest on standard input and output. Secrets
// stand in no argument and in no error.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "registry/credentials.h"

namespace imgforge::registry {

class CredentialHelper {
 public:
  /// Errc::invalid for a suffix that is no file name.
  static Result<CredentialHelper> create(const std::string& suffix);
  /// What it has under that key (credential_keys()); nullopt: nothing. not_found: there is no such
  /// program; io: it failed, with what it says.
  Result<std::optional<Credentials>> get(const std::string& key, std::stop_token stop = {}) const;
  Result<> store(const std::string& key, const Credentials& credentials,
                 std::stop_token stop = {}) const;
  /// False: it had none.
  Result<bool> erase(const std::string& key, std::stop_token stop = {}) const;

 private:
  explicit CredentialHelper(std::string program) : program_(std::move(program)) {}
  struct Answer;
  Result<Answer> run(const std::string& verb, const std::string& input, std::stop_token stop) const;
  std::string program_;
};

}  // namespace imgforge::registry

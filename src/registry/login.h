// Logging in and out: the file that docker, podman and skopeo read too, changed in one place and
// otherwise left as it is; or the program that it names for the host. No message contains a secret.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>

#include "registry/credentials.h"

namespace imgforge::registry {

/// Where a login of the host is written: the first of credential_files() that has one already, else
/// REGISTRY_AUTH_FILE, else DOCKER_CONFIG's or ~/.docker's config.json. usage: none of them is set.
Result<std::string> login_file(const std::map<std::string, std::string>& environment,
                               const std::string& host);

/// Keeps the credentials for the host (or host/path: podman's finer keys): with the helper that the
/// file names for it, else in the file (mode 0600, replaced atomically, made with its folder where
/// needed, links followed). Returns where: the file, or "docker-credential-SUFFIX".
Result<std::string> store_login(const std::string& file, const std::string& host,
                                const Credentials& credentials, std::stop_token stop = {});
/// False: there was none.
Result<bool> erase_login(const std::string& file, const std::string& host,
                         std::stop_token stop = {});

/// The pure part: `text` (empty: a new file) with the entry; without it, nullopt when it has none.
Result<std::string> with_login(std::string_view text, const std::string& name,
                               const std::string& host, const Credentials& credentials);
Result<std::optional<std::string>> without_login(std::string_view text, const std::string& name,
                                                 const std::string& host);

}  // namespace imgforge::registry

// Certificates for one registry out of the folders that docker and the containers tools have for
// them (containers-certs.d(5)): ROOT/HOST[:PORT]/ with *.crt for authorities, and pairs X.cert and
// X.key for who we are.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "http/client.h"

namespace imgforge::registry {

/// The roots, first choice first: the user's own, the system's for containers, docker's.
std::vector<std::string> certificate_roots(const std::map<std::string, std::string>& environment);

/// From the first root that has a folder of exactly the host's name, port included; nothing where
/// none has. invalid: a certificate without its key, or the other way round; two pairs.
Result<http::Trust> read_certificates(const std::vector<std::string>& roots,
                                      const std::string& host);

/// The host's key in http::Settings::trust: with its port, 443 where none is written.
std::string trust_key(const std::string& host);

}  // namespace imgforge::registry

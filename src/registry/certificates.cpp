#include "registry/certificates.h"

#include "base/file.h"
#include "base/text.h"

namespace imgforge::registry {
namespace {

constexpr std::size_t kLargestCertificates = 4 << 20;

std::string without_end(const std::string& name, std::string_view end) {
  return name.substr(0, name.size() - end.size());
}

Result<http::Trust> read_folder(const std::string& folder) {
  http::Trust trust;
  const auto names = TRY(base::list_directory(folder));
  for (const std::string& name : names) {
    const std::string file = folder + "/" + name;
    if (name.ends_with(".crt")) {
      trust.authorities += TRY(base::read_file(file, kLargestCertificates)) + "\n";
    } else if (name.ends_with(".cert")) {
      const std::string key = folder + "/" + without_end(name, ".cert") + ".key";
      if (!base::exists(key)) {
        return fail(Error(Errc::invalid, file + " has no key beside it: " + key + " is missing")
                        .hint("an authority's certificate must end in .crt"));
      }
      if (!trust.certificate_file.empty()) {
        return fail(Errc::invalid, folder + " has more than one client certificate");
      }
      trust.certificate_file = file;
      trust.key_file = key;
    } else if (name.ends_with(".key")) {
      const std::string certificate = folder + "/" + without_end(name, ".key") + ".cert";
      if (!base::exists(certificate)) {
        return fail(Errc::invalid,
                    file + " has no certificate beside it: " + certificate + " is missing");
      }
    }
  }
  return trust;
}

}  // namespace

std::vector<std::string> certificate_roots(const std::map<std::string, std::string>& environment) {
  const auto variable = [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  std::vector<std::string> roots;
  if (const std::string config = variable("XDG_CONFIG_HOME"); !config.empty()) {
    roots.push_back(base::join_path(config, "containers/certs.d"));
  } else if (const std::string home = variable("HOME"); !home.empty()) {
    roots.push_back(base::join_path(home, ".config/containers/certs.d"));
  }
  for (const char* root :
       {"/etc/containers/certs.d", "/usr/share/containers/certs.d", "/etc/docker/certs.d"}) {
    roots.emplace_back(root);
  }
  return roots;
}

Result<http::Trust> read_certificates(const std::vector<std::string>& roots,
                                      const std::string& host) {
  if (host.find('/') != std::string::npos || host.starts_with(".")) return http::Trust();
  for (const std::string& root : roots) {
    const std::string folder = root + "/" + host;
    if (base::is_directory(folder)) return read_folder(folder);
  }
  return http::Trust();
}

std::string trust_key(const std::string& host) {
  const std::string name = base::to_lower(host);
  const std::size_t colon = name.rfind(':');
  const bool has_port = colon != std::string::npos && name.find(']', colon) == std::string::npos;
  return has_port ? name : name + ":443";
}

}  // namespace imgforge::registry

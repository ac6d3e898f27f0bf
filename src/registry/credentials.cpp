#include "registry/credentials.h"

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"

namespace imgforge::registry {
namespace {

using base::Json;
using base::JsonReader;

// A JSON error without the line it is about: the line may be a password.
Error without_text(const Error& error) {
  base::Location where = error.where();
  where.text.clear();
  return Error(error.code(), error.message()).at(std::move(where));
}

// Keys are hosts, hosts with a path of repositories, or addresses ("https://host/v1/") of which
// only the host counts.
std::string place_of(std::string_view key) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) {
      key.remove_prefix(scheme.size());
      return base::to_lower(key.substr(0, key.find('/')));
    }
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  for (const std::string_view version : {"/v1", "/v2"}) {
    if (key.ends_with(version) && key.find('/') == key.size() - version.size()) {
      key.remove_suffix(version.size());
    }
  }
  const std::size_t slash = key.find('/');
  std::string place = base::to_lower(key.substr(0, slash));
  if (slash != std::string_view::npos) place += key.substr(slash);
  return place;
}

// "user:password" in Base64; old files end in NUL bytes.
Result<> read_auth(const std::string& text, const std::string& entry, Credentials& credentials) {
  auto decoded = base::from_base64(text);
  if (!decoded) return fail(Errc::invalid, entry + ": \"auth\" is not Base64");
  while (decoded->ends_with('\0')) decoded->pop_back();
  const std::size_t colon = decoded->find(':');
  if (colon == std::string::npos) {
    return fail(Errc::invalid, entry + ": \"auth\" is not USER:PASSWORD in Base64");
  }
  credentials.user = decoded->substr(0, colon);
  credentials.password = decoded->substr(colon + 1);
  return {};
}

Result<Credentials> read_entry(const Json& json, const std::string& entry) {
  JsonReader reader(json, entry);
  const auto auth = reader.text_or("auth", "");
  Credentials credentials{.user = reader.text_or("username", ""),
                          .password = reader.text_or("password", ""),
                          .identity_token = reader.text_or("identitytoken", ""),
                          .registry_token = reader.text_or("registrytoken", "")};
  TRY(reader.finish_tolerant());
  if (!auth.empty()) TRY(read_auth(auth, entry, credentials));
  return credentials;
}

}  // namespace

void CredentialBook::set(const std::string& place, Credentials credentials) {
  if (files_.empty()) files_.emplace_back();
  files_.front().by_place[place_of(place)] = std::move(credentials);
}

void CredentialBook::merge(const CredentialBook& other) {
  files_.insert(files_.end(), other.files_.begin(), other.files_.end());
}

std::vector<std::string> credential_keys(const std::string& host) {
  const std::string name = base::to_lower(host);
  if (name == "docker.io" || name == "index.docker.io" || name == "registry-1.docker.io") {
    return {"https://index.docker.io/v1/", "docker.io", "registry-1.docker.io"};
  }
  return {name};
}

std::vector<CredentialBook::Source> CredentialBook::sources(const std::string& host,
                                                            const std::string& repository) const {
  std::vector<Source> all;
  const std::vector<std::string> keys = credential_keys(host);
  for (const File& file : files_) {
    for (const std::string& key : keys) {
      // The parts of the host's repositories, longest first, without the host itself.
      for (std::string rest = repository; !rest.empty();) {
        const auto found = file.by_place.find(place_of(key) + "/" + rest);
        if (found != file.by_place.end()) all.push_back({"", found->second});
        const std::size_t slash = rest.rfind('/');
        rest.resize(slash == std::string::npos ? 0 : slash);
      }
    }
    for (const std::string& key : keys) {
      const auto found = file.helper_of.find(place_of(key));
      if (found != file.helper_of.end()) all.push_back({found->second, {}});
    }
    const auto for_all = file.helper_of.find("");
    if (for_all != file.helper_of.end()) all.push_back({for_all->second, {}});
    for (const std::string& key : keys) {
      const auto found = file.by_place.find(place_of(key));
      if (found != file.by_place.end()) all.push_back({"", found->second});
    }
  }
  return all;
}

std::optional<Credentials> CredentialBook::find(const std::string& host,
                                                const std::string& repository) const {
  for (const Source& source : sources(host, repository)) {
    if (source.helper.empty()) return source.credentials;
  }
  return std::nullopt;
}

std::optional<std::string> CredentialBook::helper(const std::string& host) const {
  for (const Source& source : sources(host, "")) {
    if (!source.helper.empty()) return source.helper;
  }
  return std::nullopt;
}

Result<CredentialBook> CredentialBook::parse(std::string_view text, const std::string& name) {
  const auto json = base::parse_json(text, name);
  if (!json) return fail(without_text(json.error()));
  JsonReader reader(*json, name);
  CredentialBook book;
  File& file = book.files_.emplace_back();
  if (const Json& auths = reader.value("auths", /*required=*/false); auths.is_object()) {
    for (const auto& [key, entry] : auths.items()) {
      auto credentials = TRY(read_entry(entry, name + ", entry " + key));
      // An empty entry says that a helper knows more.
      if (!credentials.empty()) file.by_place.emplace(place_of(key), std::move(credentials));
    }
  } else if (!auths.is_null()) {
    reader.reject("auths", "must be an object");
  }
  for (auto& [host, suffix] : reader.text_map_or_empty("credHelpers")) {
    file.helper_of.emplace(place_of(host), suffix);
  }
  if (auto suffix = reader.text_or("credsStore", ""); !suffix.empty()) {
    file.helper_of.emplace("", std::move(suffix));
  }
  TRY(reader.finish_tolerant());
  return book;
}

std::vector<std::string> credential_files(const std::map<std::string, std::string>& environment) {
  const auto variable = [&](const std::string& name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
  };
  if (const std::string file = variable("REGISTRY_AUTH_FILE"); !file.empty()) return {file};
  const std::string home = variable("HOME");
  std::vector<std::string> files;
  const auto add = [&](const std::string& folder, std::string_view file) {
    if (!folder.empty()) files.push_back(base::join_path(folder, file));
  };
  add(variable("XDG_RUNTIME_DIR"), "containers/auth.json");
  const std::string config = variable("XDG_CONFIG_HOME");
  add(config.empty() && !home.empty() ? base::join_path(home, ".config") : config,
      "containers/auth.json");
  const std::string docker = variable("DOCKER_CONFIG");
  add(docker.empty() && !home.empty() ? base::join_path(home, ".docker") : docker, "config.json");
  return files;
}

Result<CredentialBook> read_credentials(const std::map<std::string, std::string>& environment) {
  constexpr std::size_t kLargestFile = 4 << 20;
  CredentialBook book;
  if (const auto text = environment.find("DOCKER_AUTH_CONFIG");
      text != environment.end() && !base::trim(text->second).empty()) {
    book.merge(TRY(CredentialBook::parse(text->second, "DOCKER_AUTH_CONFIG")));
  }
  for (const std::string& file : credential_files(environment)) {
    if (!base::exists(file)) continue;
    book.merge(TRY(CredentialBook::parse(TRY(base::read_file(file, kLargestFile)), file)));
  }
  return book;
}

}  // namespace imgforge::registry

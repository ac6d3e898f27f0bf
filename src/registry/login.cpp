#include "registry/login.h"

#include <cstdlib>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "registry/credential_helper.h"

namespace imgforge::registry {
namespace {

using base::Json;

constexpr std::size_t kLargestFile = 4 << 20;

// Only after CredentialBook::parse() has accepted it, whose errors quote nothing.
Result<Json> read(std::string_view text, const std::string& name) {
  if (base::trim(text).empty()) return Json::object();
  TRY(CredentialBook::parse(text, name));
  return base::parse_json(text, name);
}

// docker writes the address of Docker Hub, everything else by its host.
std::string key_of(const std::string& host) { return credential_keys(host).front(); }

std::optional<std::string> helper_of(const Json& file, const std::string& host) {
  if (const auto helpers = file.find("credHelpers"); helpers != file.end()) {
    for (const std::string& key : credential_keys(host)) {
      if (const auto found = helpers->find(key); found != helpers->end()) {
        return found->get<std::string>();
      }
    }
  }
  const std::string store = file.value("credsStore", "");
  return store.empty() ? std::nullopt : std::optional(store);
}

// People keep this file in a repository of dotfiles and link to it.
std::string behind_links(const std::string& file) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(file.c_str(), nullptr),
                                                         &std::free);
  return real ? std::string(real.get()) : file;
}

Result<std::string> text_of(const std::string& file) {
  if (!base::exists(file)) return std::string();
  return base::read_file(file, kLargestFile);
}

Result<> write(const std::string& file, const std::string& text) {
  TRY(base::make_directories(base::parent_path(file), 0700));
  return base::write_file_atomic(behind_links(file), text, 0600);
}

bool has_login(const std::string& file, const std::string& host) {
  const auto text = text_of(file);
  if (!text || text->empty()) return false;
  const auto book = CredentialBook::parse(*text, file);
  return book && book->find(host, "");
}

}  // namespace

Result<std::string> login_file(const std::map<std::string, std::string>& environment,
                               const std::string& host) {
  const auto files = credential_files(environment);
  for (const std::string& file : files) {
    if (has_login(file, host)) return file;
  }
  // The last one is docker's, which everybody reads.
  if (!files.empty()) return files.back();
  return fail(Error(Errc::usage,
                    "there is no place for a login: neither HOME, DOCKER_CONFIG nor "
                    "REGISTRY_AUTH_FILE is set")
                  .hint("set REGISTRY_AUTH_FILE to a file"));
}

Result<std::string> with_login(std::string_view text, const std::string& name,
                               const std::string& host, const Credentials& credentials) {
  Json file = TRY(read(text, name));
  Json& auths = file["auths"];
  if (!auths.is_object()) auths = Json::object();
  Json& entry = auths[key_of(host)];
  if (!entry.is_object()) entry = Json::object();
  for (const char* old : {"auth", "username", "password", "identitytoken", "registrytoken"}) {
    entry.erase(old);
  }
  entry["auth"] = base::to_base64(base::as_bytes(credentials.user + ":" + credentials.password));
  if (!credentials.identity_token.empty()) entry["identitytoken"] = credentials.identity_token;
  return base::pretty_json(file);
}

Result<std::optional<std::string>> without_login(std::string_view text, const std::string& name,
                                                 const std::string& host) {
  Json file = TRY(read(text, name));
  const auto auths = file.find("auths");
  if (auths == file.end() || !auths->is_object()) return std::nullopt;
  bool there = false;
  for (auto entry = auths->begin(); entry != auths->end();) {
    // The same host may stand as a host, with /v1/ and with https:// (CredentialBook).
    const Json alone = {{"auths", {{entry.key(), {{"auth", "YTpi"}}}}}};
    const auto book = CredentialBook::parse(alone.dump(), name);
    const std::size_t slash = host.find('/');
    const bool same =
        slash == std::string::npos ? book && book->find(host, "").has_value() : entry.key() == host;
    if (same) {
      entry = auths->erase(entry);
      there = true;
    } else {
      ++entry;
    }
  }
  if (!there) return std::nullopt;
  return base::pretty_json(file);
}

Result<std::string> store_login(const std::string& file, const std::string& host,
                                const Credentials& credentials, std::stop_token stop) {
  const std::string text = TRY(text_of(file));
  if (const auto suffix = helper_of(TRY(read(text, file)), host)) {
    TRY(TRY(CredentialHelper::create(*suffix)).store(key_of(host), credentials, stop));
    return "docker-credential-" + *suffix;
  }
  TRY(write(file, TRY(with_login(text, file, host, credentials))));
  return file;
}

Result<bool> erase_login(const std::string& file, const std::string& host, std::stop_token stop) {
  const std::string text = TRY(text_of(file));
  bool there = false;
  if (const auto suffix = helper_of(TRY(read(text, file)), host)) {
    const CredentialHelper helper = TRY(CredentialHelper::create(*suffix));
    for (const std::string& key : credential_keys(host)) {
      if (TRY(helper.get(key, stop))) there = TRY(helper.erase(key, stop)) || there;
    }
  }
  if (const auto changed = TRY(without_login(text, file, host))) {
    TRY(write(file, *changed));
    there = true;
  }
  return there;
}

}  // namespace imgforge::registry

#include "sources/addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "base/file.h"
#include "sources/apt_sources.h"
#include "sources/pip_config.h"
#include "sources/uv.h"

namespace imgforge::sources {
namespace {

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

// Where distributions put the keys of their own archives.
std::string usual_keyring(const std::string& role) {
  const std::string distribution = role.substr(0, role.find('-'));
  for (const char* suffix : {".gpg", ".pgp"}) {
    std::string file = "/usr/share/keyrings/" + distribution + "-archive-keyring" + suffix;
    if (base::exists(file)) return file;
  }
  return {};
}

// "pytorch/cu118" is found as itself or as "pytorch" with "/cu118" appended.
std::optional<std::string> find_by_role(const std::map<std::string, std::string>& table,
                                        const std::string& role) {
  for (std::size_t end = role.size(); end != std::string::npos && end > 0;
       end = role.rfind('/', end - 1)) {
    if (const auto found = table.find(role.substr(0, end)); found != table.end()) {
      return without_slash(found->second) + role.substr(end);
    }
  }
  return std::nullopt;
}

Error unknown_role(std::string_view what, std::string_view section, const std::string& role,
                   const std::string& lines) {
  return Error(Errc::not_found, fmt::format("nothing says where the {} '{}' is served", what, role))
      .with("role", role)
      .hint(fmt::format("write into ~/.config/imgforge/config.yaml (or "
                        "/etc/imgforge/config.yaml):\n{}:\n{}",
                        section, lines));
}

}  // namespace

struct Addresses::DefaultIndex {
  std::mutex mutex;
  std::optional<std::string> url;
};

Result<Addresses> Addresses::load(AddressSettings settings) {
  Addresses addresses;
  addresses.default_index_ = std::make_shared<DefaultIndex>();
  for (const AptSourceEntry& entry : TRY(read_apt_sources(settings.apt_directory))) {
    for (const std::string& url : entry.urls) {
      const std::string role = archive_role(url);
      if (role.empty()) continue;
      ArchiveAddress& known = addresses.machine_archives_[role];
      if (std::find(known.urls.begin(), known.urls.end(), url) == known.urls.end()) {
        known.urls.push_back(url);
      }
      if (known.keyring.empty()) known.keyring = entry.signed_by;
    }
  }
  addresses.settings_ = std::move(settings);
  return addresses;
}

Result<ArchiveAddress> Addresses::archive(const std::string& role) const {
  ArchiveAddress address;
  if (const auto found = settings_.archives.find(role); found != settings_.archives.end()) {
    address = found->second;
  }
  if (const auto found = machine_archives_.find(role); found != machine_archives_.end()) {
    if (address.urls.empty()) address.urls = found->second.urls;
    if (address.keyring.empty()) address.keyring = found->second.keyring;
  }
  if (address.keyring.empty()) address.keyring = usual_keyring(role);
  for (std::string& url : address.urls) url = without_slash(std::move(url));
  address.snapshot = without_slash(std::move(address.snapshot));
  if (address.urls.empty() && address.snapshot.empty()) {
    return fail(unknown_role("package archive", "archives", role,
                             fmt::format("  {0}:\n    url: https://ARCHIVE-HOST/{0}\n    keyring: "
                                         "/usr/share/keyrings/{1}-archive-keyring.gpg",
                                         role, role.substr(0, role.find('-')))));
  }
  return address;
}

Result<std::string> Addresses::index(const std::string& role) const {
  if (const auto url = find_by_role(settings_.indexes, role)) return *url;
  if (role == "default") {
    const std::lock_guard lock(default_index_->mutex);
    if (!default_index_->url) {
      auto url = configured_default_index(settings_.environment, settings_.system_pip_config);
      if (!url) {
        const auto uv = find_uv(settings_.tools_directory);
        auto usual = built_in_default_index(uv && uv->size() == 1 ? uv->front() : "");
        if (usual) url = std::move(*usual);
      }
      if (url) default_index_->url = without_slash(std::move(*url));
    }
    if (default_index_->url) return *default_index_->url;
  }
  const std::string name = role.substr(0, role.find('/'));
  return fail(unknown_role("Python index", "indexes", role,
                           fmt::format("  {}: https://INDEX-HOST/simple", name)));
}

Result<std::string> Addresses::redist(const std::string& role) const {
  if (const auto url = find_by_role(settings_.redist, role)) return *url;
  return fail(unknown_role("folder of redistributables", "redist", role,
                           fmt::format("  {}: https://REDIST-HOST/{}/redist", role, role)));
}

}  // namespace imgforge::sources

#include "registry/credential_lookup.h"

#include "registry/credential_helper.h"

namespace imgforge::registry {
namespace {

Result<std::optional<Credentials>> ask_helper(const std::string& suffix, const std::string& host,
                                              std::stop_token stop) {
  const CredentialHelper helper = TRY(CredentialHelper::create(suffix));
  for (const std::string& key : credential_keys(host)) {
    auto found = TRY(helper.get(key, stop));
    if (found) return found;
  }
  return std::nullopt;
}

}  // namespace

Credentials CredentialLookup::find(const std::string& repository, std::stop_token stop) {
  const std::lock_guard lock(mutex_);
  for (const CredentialBook::Source& source : book_.sources(host_, repository)) {
    if (source.helper.empty()) return source.credentials;
    if (const auto& found = ask(source.helper, stop)) return *found;
  }
  return {};
}

std::string CredentialLookup::trouble() {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

const std::optional<Credentials>& CredentialLookup::ask(const std::string& helper,
                                                        std::stop_token stop) {
  if (const auto known = answers_.find(helper); known != answers_.end()) return known->second;
  std::optional<Credentials>& slot = answers_[helper];
  auto found = ask_helper(helper, host_, std::move(stop));
  if (found) {
    slot = *std::move(found);
  } else if (found.error().code() != Errc::cancelled) {
    trouble_ = found.error().message();
    progress_.warn("the credentials of " + host_ + " cannot be had: " + trouble_);
  }
  return slot;
}

}  // namespace imgforge::registry

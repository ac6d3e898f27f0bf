// One registry's credentials out of the book and out of the helpers it names. A helper is asked
// once, when the first request needs it. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "base/progress.h"
#include "registry/credentials.h"

namespace imgforge::registry {

class CredentialLookup {
 public:
  /// Borrows `progress`, which hears of a helper that cannot be asked: then we are nobody.
  CredentialLookup(CredentialBook book, std::string host, base::Progress& progress)
      : book_(std::move(book)), host_(std::move(host)), progress_(progress) {}

  /// Empty: nobody.
  Credentials find(const std::string& repository, std::stop_token stop);
  /// The helper that could not be asked, and why; empty: none.
  std::string trouble();

 private:
  const std::optional<Credentials>& ask(const std::string& helper, std::stop_token stop);

  CredentialBook book_;
  std::string host_;
  base::Progress& progress_;
  std::mutex mutex_;
  std::map<std::string, std::optional<Credentials>> answers_;  // by helper
  std::string trouble_;
};

}  // namespace imgforge::registry

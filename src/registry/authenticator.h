// The Authorization header of one registry's requests: Basic, or Bearer with tokens that are
// fetched once for what they are good for, shared by all threads, and renewed before they expire
// and when the registry refuses one. Credentials and tokens go to the registry and to the token
// service it names, over TLS unless the registry itself was allowed without.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "http/pool.h"
#include "http/retry.h"
#include "registry/answer.h"
#include "registry/challenge.h"
#include "registry/credential_lookup.h"
#include "registry/token.h"

namespace imgforge::registry {

/// What a request needs a right to. `repository` chooses the credentials; empty: the registry.
struct Access {
  std::string repository;
  Scopes scopes;
};

class Authenticator {
 public:
  struct Options {
    std::string host;
    bool plain_http = false;
    CredentialBook credentials;
    http::RetryPolicy retry;
    std::chrono::milliseconds patience = std::chrono::minutes(15);
  };
  /// Borrows `pool` and `progress`.
  Authenticator(Options options, http::Pool& pool, base::Progress& progress);

  /// What to send without having been asked: empty before the first challenge. Thread-safe.
  Result<std::string> header(const Access& access, std::stop_token stop);
  /// After a 401 to a request that carried `used`: another header to try, or nullopt when there is
  /// none. A token that another thread has renewed meanwhile is taken. `again`: `used` was made for
  /// this very request; only a challenge that asks for more than it has is met then. Thread-safe.
  Result<std::optional<std::string>> renew(const Access& access, const std::string& used,
                                           const std::vector<Challenge>& challenges, bool again,
                                           std::stop_token stop);
  /// Who asks, for the sentence of a refusal.
  Asked asked(const std::string& repository, const std::string& what, Asked::Action action);
  /// The registry has wanted to know who we are.
  bool was_asked();

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    Scopes granted;  // what was asked for with it
    std::string header;
    Clock::time_point until;
  };

  Result<Held> bearer(const Access& access, std::stop_token stop);
  Result<Token> fetch(const Credentials& credentials, const Scopes& scopes, std::stop_token stop);
  Result<Token> ask(const http::Request& request, const Credentials& credentials,
                    std::stop_token stop);
  Result<> check_realm(const std::string& realm) const;
  Error refusal(const http::Request& request, const http::Response& response,
                const Credentials& credentials) const;

  Options options_;
  http::Pool& pool_;
  base::Progress& progress_;
  CredentialLookup credentials_;
  std::mutex mutex_;  // also held while a token is fetched: whoever waits needs that one
  std::optional<TokenService> service_;
  bool basic_ = false;
  std::map<std::pair<std::string, Scopes>, Held> tokens_;  // by repository and scopes asked for
};

}  // namespace imgforge::registry

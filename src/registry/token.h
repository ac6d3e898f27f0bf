// Asking a token service for a token, as functions of values (distribution's token specification
// and its OAuth 2 form; Harbor 2.15 has the GET form alone).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/error.h"
#include "registry/credentials.h"
#include "registry/scope.h"

namespace imgforge::registry {

/// The answer to a Bearer challenge goes here.
struct TokenService {
  std::string realm;    // a URL, perhaps with a query of its own
  std::string service;  // may be empty
  bool operator==(const TokenService&) const = default;
};

/// The GET form: one "scope" parameter for each resource, "account" where there is a user.
std::string token_url(const TokenService& service, const Scopes& scopes, const std::string& user);
/// The body of the POST form, which exchanges an identity token.
std::string token_form(const TokenService& service, const Scopes& scopes,
                       const std::string& identity_token);

struct Token {
  std::string value;
  std::chrono::seconds lifetime;  // at least 60 s: shorter and missing ones mean that
};
/// Reads "token" or "access_token", whichever has a value. No error contains it.
Result<Token> parse_token(std::string_view json, const std::string& from);

/// How long a token of that lifetime is used: a request that takes a while must not outlive it.
std::chrono::seconds usable_for(std::chrono::seconds lifetime);

}  // namespace imgforge::registry

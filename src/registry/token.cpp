#include "registry/token.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::registry {
namespace {

using std::chrono::seconds;

constexpr seconds kShortestLifetime{60};
constexpr seconds kMargin{60};

// application/x-www-form-urlencoded, with everything but unreserved characters encoded: robots are
// called "robot$project+name", and '+' would be read as a blank.
std::string escaped(std::string_view text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string token_url(const TokenService& service, const Scopes& scopes, const std::string& user) {
  std::string url = service.realm.substr(0, service.realm.find('#'));
  char separator = url.find('?') == std::string::npos ? '?' : '&';
  const auto add = [&](std::string_view name, std::string_view value) {
    url += separator;
    url.append(name).append("=").append(escaped(value));
    separator = '&';
  };
  if (!service.service.empty()) add("service", service.service);
  for (const std::string& scope : scopes.to_strings()) add("scope", scope);
  if (!user.empty()) add("account", user);
  return url;
}

std::string token_form(const TokenService& service, const Scopes& scopes,
                       const std::string& identity_token) {
  std::string form =
      "grant_type=refresh_token&client_id=imgforge&service=" + escaped(service.service) +
      "&refresh_token=" + escaped(identity_token);
  if (!scopes.empty()) form += "&scope=" + escaped(base::join(scopes.to_strings(), " "));
  return form;
}

Result<Token> parse_token(std::string_view text, const std::string& from) {
  const auto json = base::parse_json(text, "the token from " + from);
  if (!json) {
    return fail(Error(Errc::protocol, "the token service " + from + " answered no valid JSON")
                    .hint("is that address a token service, or does a proxy stand between?"));
  }
  base::JsonReader reader(*json, "the token from " + from);
  std::string value = reader.text_or("token", "");
  const std::string access_token = reader.text_or("access_token", "");
  const std::uint64_t lifetime = reader.number_or("expires_in", 0);
  if (const auto done = reader.finish_tolerant(); !done) {
    return fail(Errc::protocol, done.error().message());
  }
  if (value.empty()) value = access_token;
  if (value.empty()) {
    return fail(Errc::protocol, "the token service " + from + " answered without a token");
  }
  constexpr std::uint64_t kYear = 365 * 24 * 3600;
  return Token{std::move(value),
               std::max(kShortestLifetime, seconds(std::min<std::uint64_t>(lifetime, kYear)))};
}

seconds usable_for(seconds lifetime) { return std::max(lifetime - kMargin, lifetime / 2); }

}  // namespace imgforge::registry

#include "registry/authenticator.h"

#include <fmt/format.h>

#include "base/text.h"
#include "http/url.h"
#include "registry/answer.h"
#include "registry/limited_sink.h"
#include "registry/patience.h"

namespace imgforge::registry {
namespace {

constexpr std::size_t kLargestToken = 64 * 1024;
constexpr std::chrono::seconds kTokenTimeout{60};

std::string basic_header(const Credentials& credentials) {
  if (credentials.user.empty()) return {};
  return "Basic " + base::to_base64(base::as_bytes(credentials.user + ":" + credentials.password));
}

const Challenge* find(const std::vector<Challenge>& challenges, std::string_view scheme) {
  for (const Challenge& challenge : challenges) {
    if (challenge.scheme == scheme) return &challenge;
  }
  return nullptr;
}

}  // namespace

Authenticator::Authenticator(Options options, http::Pool& pool, base::Progress& progress)
    : options_(std::move(options)),
      pool_(pool),
      progress_(progress),
      credentials_(options_.credentials, options_.host, progress) {}

Asked Authenticator::asked(const std::string& repository, const std::string& what,
                           Asked::Action action) {
  const Credentials known = credentials_.find(repository, {});
  std::string service;
  {
    const std::lock_guard lock(mutex_);
    if (service_) service = service_->service;
  }
  return {.host = options_.host,
          .repository = repository,
          .what = what,
          .action = action,
          .user = known.user,
          .credentials = !known.empty(),
          .trouble = credentials_.trouble(),
          .service = std::move(service)};
}

bool Authenticator::was_asked() {
  const std::lock_guard lock(mutex_);
  return basic_ || service_.has_value();
}

Result<std::string> Authenticator::header(const Access& access, std::stop_token stop) {
  const Credentials known = credentials_.find(access.repository, stop);
  if (!known.registry_token.empty()) return "Bearer " + known.registry_token;
  const std::lock_guard lock(mutex_);
  if (!service_) return basic_ ? basic_header(known) : std::string();
  return TRY(bearer(access, stop)).header;
}

Result<std::optional<std::string>> Authenticator::renew(const Access& access,
                                                        const std::string& used,
                                                        const std::vector<Challenge>& challenges,
                                                        bool again, std::stop_token stop) {
  const Credentials known = credentials_.find(access.repository, stop);
  if (!known.registry_token.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto other_than_used = [&](std::string header) -> std::optional<std::string> {
    if (header.empty() || header == used) return std::nullopt;
    return header;
  };
  if (const Challenge* challenge = find(challenges, "bearer");
      challenge != nullptr && !challenge->parameter("realm").empty()) {
    TokenService service{challenge->parameter("realm"), challenge->parameter("service")};
    TRY(check_realm(service.realm));
    if (service_ != service) tokens_.clear();
    service_ = std::move(service);
    Access wanted = access;
    wanted.scopes.add(Scopes::parse(challenge->parameter("scope")));
    // Kept under what was asked for here too, so that the next request starts with it.
    const auto asked = std::pair(access.repository, access.scopes);
    const auto held = tokens_.find(asked);
    const bool enough = held != tokens_.end() && held->second.granted.contains(wanted.scopes);
    if (enough && held->second.header != used) return held->second.header;
    // Fresh, for all that is wanted, and refused all the same.
    if (enough && again && challenge->parameter("error") != "invalid_token") return std::nullopt;
    std::erase_if(tokens_, [&](const auto& token) { return token.second.header == used; });
    const Held renewed = TRY(bearer(wanted, stop));
    tokens_.insert_or_assign(asked, renewed);
    return other_than_used(renewed.header);
  }
  // Harbor answers a token without the right with a Basic challenge: that is a refusal.
  if (find(challenges, "basic") == nullptr || used.starts_with("Bearer ")) return std::nullopt;
  basic_ = true;
  return other_than_used(basic_header(known));
}

// Under the mutex, with service_ set.
Result<Authenticator::Held> Authenticator::bearer(const Access& access, std::stop_token stop) {
  const auto key = std::pair(access.repository, access.scopes);
  const auto held = tokens_.find(key);
  if (held != tokens_.end() && Clock::now() < held->second.until) return held->second;
  // One that is good for more will do: a push begins with looks.
  for (const auto& [other, token] : tokens_) {
    if (held == tokens_.end() && other.first == access.repository &&
        token.granted.contains(access.scopes) && Clock::now() < token.until) {
      return token;
    }
  }
  // What the registry asked for beyond our own wish, it will ask for again.
  const Scopes scopes = held == tokens_.end() ? access.scopes : held->second.granted;
  const Credentials known = credentials_.find(access.repository, stop);
  const Token token = TRY(fetch(known, scopes, stop));
  Held fresh{scopes, "Bearer " + token.value, Clock::now() + usable_for(token.lifetime)};
  tokens_.insert_or_assign(key, fresh);
  return fresh;
}

Result<> Authenticator::check_realm(const std::string& realm) const {
  const auto endpoint = http::endpoint(realm);
  if (!endpoint || (endpoint->scheme != "https" && endpoint->scheme != "http")) {
    return fail(Error(Errc::protocol,
                      fmt::format("{} names a token service that is no address", options_.host)));
  }
  if (endpoint->scheme == "https" || options_.plain_http) return {};
  return fail(Error(Errc::refused,
                    fmt::format("{} sends us to a token service without TLS, {}: nothing secret is "
                                "sent there",
                                options_.host, http::redacted(realm)))
                  .hint("its administrator mends this: the registry's external address must be "
                        "https (Harbor: external_url; behind a proxy: X-Forwarded-Proto)"));
}

Result<Token> Authenticator::fetch(const Credentials& known, const Scopes& scopes,
                                   std::stop_token stop) {
  if (!known.identity_token.empty()) {
    const std::string form = token_form(*service_, scopes, known.identity_token);
    const base::TextAccess data(form);
    http::Request request{.method = "POST",
                          .url = service_->realm,
                          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                          .body = http::Body{.data = &data, .size = form.size()},
                          .follow_redirects = false};
    auto token = ask(request, known, stop);
    const bool no_post = !token && (token.error().code() == Errc::not_found ||
                                    token.error().code() == Errc::unsupported);
    if (!no_post || known.password.empty()) return token;
  }
  http::Request request{.url = token_url(*service_, scopes, known.user)};
  if (const std::string basic = basic_header(known); !basic.empty()) {
    request.headers.set("Authorization", basic);
  }
  return ask(request, known, stop);
}

Result<Token> Authenticator::ask(const http::Request& question, const Credentials& known,
                                 std::stop_token stop) {
  const auto once = [&]() -> Result<Token> {
    std::string body;
    LimitedSink sink(body, kLargestToken, "the token");
    http::Request request = question;
    request.sink = &sink;
    request.total_timeout = kTokenTimeout;
    auto lease = TRY(pool_.borrow());
    const http::Response response = TRY(lease->send(request, stop));
    if (!response.ok()) return fail(refusal(request, response, known));
    return parse_token(body, http::redacted(question.url));
  };
  Patience patience(options_.retry, options_.patience);
  for (;;) {
    auto token = once();
    if (token) return token;
    const auto delay = patience.after(token.error());
    if (!delay) return token;
    progress_.note(fmt::format("{}; trying again in {:.1f} s", token.error().message(),
                               static_cast<double>(delay->count()) / 1000));
    if (!http::sleep_for(*delay, stop)) return fail(Errc::cancelled, "interrupted");
  }
}

Error Authenticator::refusal(const http::Request& request, const http::Response& response,
                             const Credentials& known) const {
  const std::string where = http::redacted(request.url);
  if (response.status == 401 || response.status == 403 ||
      (response.status == 400 && request.method == "POST")) {
    const std::string who = known.user.empty() ? "these credentials" : "user " + known.user;
    return Error(Errc::unauthorized,
                 known.empty() ? fmt::format("{} gives no token for {} to nobody (HTTP {})", where,
                                             options_.host, response.status)
                               : fmt::format("{} refuses {} for {} (HTTP {})", where, who,
                                             options_.host, response.status))
        .with("url", where)
        .with("status", std::to_string(response.status))
        .hint(
            fmt::format("log in again: 'imgforge login {0}' ('podman login {0}' and 'docker login "
                        "{0}' do as well)",
                        options_.host));
  }
  if (response.status == 405) {
    return Error(Errc::unsupported, where + " does not take this kind of request (HTTP 405)")
        .with("url", where)
        .with("status", "405");
  }
  return answer_error(request, response,
                      {.host = where,
                       .what = "a token for " + options_.host,
                       .user = known.user,
                       .credentials = !known.empty()});
}

}  // namespace imgforge::registry

#include "registry/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "http/url.h"
#include "registry/limited_sink.h"
#include "registry/patience.h"

namespace imgforge::registry {
namespace {

constexpr std::chrono::seconds kDocumentTimeout{60};
constexpr std::size_t kMostWarnings = 20;
/// One for who we are, one for what the token is good for.
constexpr int kMostRenewals = 2;

bool is_tls_failure(const Error& error) { return fact(error, "curl") == "35"; }

bool same_endpoint(const std::string& a, const std::string& b) {
  const auto left = http::endpoint(a), right = http::endpoint(b);
  return left && right && *left == *right;
}

// "299 - \"text\"" (RFC 7234 section 5.5).
std::string warning_text(std::string_view field) {
  const std::size_t first = field.find('"'), last = field.rfind('"');
  if (first == std::string_view::npos || first == last) return {};
  std::string text(field.substr(first + 1, last - first - 1));
  std::erase_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return text.substr(0, 500);
}

}  // namespace

bool is_loopback(std::string_view host) {
  if (host.starts_with("[")) return host.starts_with("[::1]");
  const std::string name = base::to_lower(host.substr(0, host.find(':')));
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  const auto parts = base::split(name, '.');
  return parts.size() == 4 && parts[0] == "127" &&
         std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           const auto number = base::parse_uint(part);
           return number && *number <= 255;
         });
}

Client::Client(Options options, http::Pool& pool, base::Progress& progress)
    : options_(std::move(options)),
      pool_(pool),
      progress_(progress),
      authenticator_({.host = options_.host,
                      .plain_http = options_.plain_http,
                      .credentials = options_.credentials,
                      .retry = options_.retry,
                      .patience = options_.patience},
                     pool, progress) {}

std::string Client::url(std::string_view path) const {
  return fmt::format("{}://{}/v2/{}", options_.plain_http ? "http" : "https",
                     options_.address.empty() ? options_.host : options_.address, path);
}

Result<http::Response> Client::send(http::Request request, const std::optional<Access>& access,
                                    std::stop_token stop) {
  std::string header = access ? TRY(authenticator_.header(*access, stop)) : std::string();
  for (int renewals = 0;; ++renewals) {
    if (!header.empty()) request.headers.set("Authorization", header);
    http::Response response = TRY([&]() -> Result<http::Response> {
      auto lease = TRY(pool_.borrow());
      auto answer = lease->send(request, stop);
      if (!answer) return fail(explained(std::move(answer.error())));
      return answer;
    }());
    pass_warnings(response);
    // The storage that a registry redirects to has no say in who we are.
    if (!access || response.status != 401 || renewals == kMostRenewals ||
        !same_endpoint(response.url, request.url)) {
      return response;
    }
    auto next = TRY(authenticator_.renew(*access, header,
                                         parse_challenges(response.headers.all("WWW-Authenticate")),
                                         renewals > 0, stop));
    if (!next) return response;
    header = std::move(*next);
  }
}

Result<http::Response> Client::ask(const Question& question, std::stop_token stop) {
  Patience patience(options_.retry, options_.patience);
  for (int attempt = 1;; ++attempt) {
    std::string body;
    LimitedSink sink(body, question.limit, "the " + question.what);
    http::Request request = question.request;
    if (question.body != nullptr) request.sink = &sink;
    if (!request.total_timeout) request.total_timeout = kDocumentTimeout;
    auto response = send(request, question.access, stop);
    if (response && (question.fine ? question.fine(*response, attempt) : response->ok())) {
      if (question.body != nullptr) *question.body = std::move(body);
      return response;
    }
    Error error = response ? refusal(request, *response, question.access.repository, question.what,
                                     question.doing)
                           : std::move(response.error());
    const auto delay = patience.after(error);
    if (!delay) return fail(given_up(std::move(error)));
    TRY(wait(error, *delay, stop));
  }
}

Error Client::refusal(const http::Request& request, const http::Response& response,
                      const std::string& repository, const std::string& what, Doing doing) {
  if ((response.status == 401 || response.status == 403) &&
      !same_endpoint(response.url, request.url)) {
    // Signed addresses of blob storage are good for minutes; asking the registry again gives a
    // fresh one.
    return Error(Errc::unavailable,
                 fmt::format("the storage that {} redirects to, {}, does not {} {} (HTTP {})",
                             options_.host, http::redacted(response.url),
                             doing == Doing::read ? "give" : "take", what, response.status))
        .with("url", http::redacted(response.url))
        .with("status", std::to_string(response.status));
  }
  const Asked asked = authenticator_.asked(repository, what, doing);
  Error plain = answer_error(request, response, asked);
  auto known = options_.explain ? options_.explain(response, asked) : std::nullopt;
  if (!known) return plain;
  for (const auto& [key, value] : plain.facts()) {
    if (fact(*known, key).empty()) (void)std::move(*known).with(key, value);
  }
  return *std::move(known);
}

Error Client::explained(Error error) const {
  if (!is_tls_failure(error) || options_.plain_http) return error;
  return std::move(error).hint(fmt::format(
      "if {} serves plain HTTP, allow that for this host in the configuration", options_.host));
}

Error Client::given_up(Error error) {
  if (!http::is_transient(error) || !error.hint().empty()) return error;
  return std::move(error).hint(
      "it was asked again and again; run the command once more later: what came over is kept");
}

Result<> Client::wait(const Error& error, std::chrono::milliseconds delay, std::stop_token stop) {
  progress_.note(fmt::format("{}; trying again in {:.1f} s", error.message(),
                             static_cast<double>(delay.count()) / 1000));
  if (!http::sleep_for(delay, stop)) return fail(Errc::cancelled, "interrupted");
  return {};
}

void Client::pass_warnings(const http::Response& response) {
  for (const std::string& field : response.headers.all("Warning")) {
    const std::string text = warning_text(field);
    if (text.empty()) continue;
    const std::lock_guard lock(warned_mutex_);
    if (warned_.size() < kMostWarnings && warned_.insert(text).second) {
      progress_.warn(fmt::format("{} says: {}", options_.host, text));
    }
  }
}

Result<bool> Client::ping(std::stop_token stop) {
  const http::Response response =
      TRY(ask({.request = {.url = url("")}, .what = "registry interface"}, stop));
  if (is_web_page(response)) {
    return fail(
        Error(Errc::protocol, fmt::format("{} answers with a web page where a registry would speak",
                                          http::redacted(response.url)))
            .hint("is that host a registry, and does a proxy stand before it?"));
  }
  return authenticator_.was_asked();
}

}  // namespace imgforge::registry

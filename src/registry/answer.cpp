#include "registry/answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::registry {
namespace {

using base::Json;

constexpr std::size_t kLongestMessage = 200;

std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  if (out.size() > kLongestMessage) {
    std::size_t end = kLongestMessage - 3;
    while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80) --end;
    out = out.substr(0, end) + "...";
  }
  return std::string(base::trim(out));
}

std::string text_of(const Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? one_line(found->get<std::string>()) : "";
}

std::string login_hint(const Asked& asked) {
  if (!asked.helper.empty()) {
    return fmt::format(
        "the credentials of {} are kept by docker-credential-{}, which imgforge does not ask: log "
        "in with 'podman login {}', which writes a file",
        asked.host, asked.helper, asked.host);
  }
  return fmt::format(
      "log in with 'podman login {0}' or 'docker login {0}': imgforge reads the "
      "file that they write",
      asked.host);
}

std::string web_page_hint(const Asked& asked) {
  return fmt::format(
      "the answer is a web page: is {} a registry, and does a proxy or a login page "
      "stand before it (https_proxy, no_proxy)?",
      asked.host);
}

struct Verdict {
  Errc code;
  std::string sentence;
  std::string hint;
};

Verdict judge(Errc code, int status, const Asked& asked, bool web_page) {
  const std::string user = asked.user.empty() ? "these credentials" : "user " + asked.user;
  if (status == 401 && !asked.credentials) {
    return {
        code, fmt::format("{} gives {} to nobody without credentials", asked.host, asked.what),
        login_hint(asked) + "; many registries answer the same for a repository that is absent"};
  }
  if (status == 401 || status == 403) {
    return {Errc::forbidden,
            asked.credentials
                ? fmt::format("{} does not give {} to {}", asked.host, asked.what, user)
                : fmt::format("{} does not give {}", asked.host, asked.what),
            web_page ? web_page_hint(asked)
                     : fmt::format("check that {} exists, that {} may read it, and that the "
                                   "password is still good",
                                   asked.repository.empty() ? asked.host : asked.repository,
                                   asked.credentials ? user : "everybody")};
  }
  if (code == Errc::not_found) {
    return {code, fmt::format("{} has no {}", asked.host, asked.what),
            web_page ? web_page_hint(asked) : ""};
  }
  if (code == Errc::rate_limited) {
    return {code, asked.host + " asks to slow down",
            asked.credentials ? "wait, or read from a mirror"
                              : "wait, read from a mirror, or log in: many registries allow more "
                                "to those they know"};
  }
  if (code == Errc::unavailable || code == Errc::timed_out) {
    return {code, fmt::format("{} cannot give {} now", asked.host, asked.what),
            web_page ? web_page_hint(asked) : "try again later"};
  }
  return {code, fmt::format("{} did not give {}", asked.host, asked.what),
          web_page ? web_page_hint(asked) : ""};
}

}  // namespace

std::vector<ErrorEntry> parse_error_body(std::string_view body) {
  std::vector<ErrorEntry> entries;
  const auto json = base::parse_json(body, "the error");
  if (!json || !json->is_object()) return entries;
  const auto errors = json->find("errors");
  if (errors == json->end() || !errors->is_array()) return entries;
  for (const Json& entry : *errors) {
    if (!entry.is_object()) continue;
    ErrorEntry read{text_of(entry, "code"), text_of(entry, "message")};
    if (!read.code.empty() || !read.message.empty()) entries.push_back(std::move(read));
  }
  return entries;
}

bool is_web_page(const http::Response& response) {
  const std::string type = base::to_lower(response.headers.get("Content-Type").value_or(""));
  return type.starts_with("text/html") || type.starts_with("application/xhtml");
}

Error answer_error(const http::Request& request, const http::Response& response,
                   const Asked& asked) {
  const Error plain = http::status_error(request, response);
  const auto entries = parse_error_body(response.error_body);
  auto [code, sentence, hint] = judge(plain.code(), response.status, asked, is_web_page(response));
  sentence += fmt::format(" (HTTP {}", response.status);
  if (!entries.empty()) {
    const ErrorEntry& first = entries.front();
    sentence += fmt::format("; {}{}{}", first.code,
                            first.code.empty() || first.message.empty() ? "" : ": ", first.message);
  }
  sentence += ")";
  Error error(code, std::move(sentence));
  for (const auto& [key, value] : plain.facts()) (void)std::move(error).with(key, value);
  if (!entries.empty() && !entries.front().code.empty()) {
    (void)std::move(error).with("code", entries.front().code);
  }
  if (!hint.empty()) (void)std::move(error).hint(std::move(hint));
  return error;
}

}  // namespace imgforge::registry

#include "registry/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

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
  if (!asked.trouble.empty()) {
    return fmt::format("its credentials could not be had: {}", asked.trouble);
  }
  return fmt::format(
      "log in with 'imgforge login {0}' ('podman login {0}' and 'docker login {0}' do as well)",
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
  std::string rule = {};
};

using Action = Asked::Action;

// "HOST does not give WHAT", "HOST does not take WHAT".
std::string denial(const Asked& asked, std::string_view whose = "") {
  const std::string_view verb = asked.action == Action::read    ? "give"
                                : asked.action == Action::write ? "take"
                                                                : "remove";
  const std::string_view link = asked.action == Action::read    ? " to "
                                : asked.action == Action::write ? " from "
                                                                : " for ";
  return fmt::format("{} does not {} {}{}{}", asked.host, verb, asked.what,
                     whose.empty() ? "" : link, whose);
}

bool mentions(std::string_view text, std::string_view part) {
  return base::to_lower(text).find(part) != std::string::npos;
}

// What no repetition and no other password changes: a rule of the server.
std::optional<Verdict> by_rule(int status, const Asked& asked, const ErrorEntry& said,
                               bool web_page) {
  if (status == 412) {
    return Verdict{Errc::refused, denial(asked) + ": a rule of the project forbids it",
                   mentions(said.message, "immutable")
                       ? "an immutable tag never changes: choose another tag, or have the rule "
                         "changed"
                       : ""};
  }
  if (status == 413) {
    return Verdict{
        Errc::refused, denial(asked) + ": too large for one request",
        "a proxy before the registry limits requests: send smaller pieces (--chunk-size), "
        "or have its limit raised"};
  }
  if (status == 403 && mentions(said.message, "upper limit")) {
    return Verdict{Errc::refused, denial(asked) + ": the project's quota is used up",
                   "remove what is no longer needed, or have the quota raised"};
  }
  if (status == 403 && mentions(said.message, "read only")) {
    return Verdict{Errc::unavailable, denial(asked) + ": it is read-only now",
                   "its administrator ends that; try again then", "read_only"};
  }
  const bool unsupported = said.code == "UNSUPPORTED" || status == 405 ||
                           (asked.action == Action::remove && said.code == "DIGEST_INVALID");
  if (unsupported) {
    return Verdict{Errc::unsupported, denial(asked) + ": it does not do that",
                   asked.action == Action::remove
                       ? "registries remove manifests by digest, with all their tags, and where "
                         "their administrator allows it"
                   : web_page ? web_page_hint(asked)
                   : asked.action == Action::write
                       ? "is it read-only now, or a mirror of another registry?"
                       : ""};
  }
  const bool wrong = said.code == "MANIFEST_INVALID" || said.code == "NAME_INVALID" ||
                     said.code == "MANIFEST_BLOB_UNKNOWN";
  if (status == 400 && wrong) return Verdict{Errc::invalid, denial(asked), ""};
  return std::nullopt;
}

Verdict judge(Errc code, int status, const Asked& asked, const ErrorEntry& said, bool web_page) {
  if (auto verdict = by_rule(status, asked, said, web_page)) return *std::move(verdict);
  const std::string user = asked.user.empty() ? "these credentials" : "user " + asked.user;
  if (status == 401 && !asked.credentials) {
    const std::string sentence =
        asked.action == Action::read
            ? fmt::format("{} gives {} to nobody without credentials", asked.host, asked.what)
            : denial(asked, "anybody without credentials");
    return {
        code, sentence,
        login_hint(asked) + "; many registries answer the same for a repository that is absent"};
  }
  if (status == 401 && asked.repository.empty()) {
    return {Errc::unauthorized, fmt::format("{} refuses {}", asked.host, user),
            "check the name and the password; with single sign-on it is the secret of the user's "
            "profile, for a robot its own"};
  }
  if (status == 401 || status == 403) {
    const std::string_view may = asked.action == Action::read    ? "read"
                                 : asked.action == Action::write ? "push to"
                                                                 : "delete from";
    return {Errc::forbidden, denial(asked, asked.credentials ? user : ""),
            web_page ? web_page_hint(asked)
                     : fmt::format("check that {} exists, that {} may {} it, and that the "
                                   "password is still good",
                                   asked.repository.empty() ? asked.host : asked.repository,
                                   asked.credentials ? user : "everybody", may)};
  }
  if (code == Errc::not_found) {
    if (asked.action == Action::write) {
      return {code, denial(asked),
              web_page ? web_page_hint(asked)
                       : "check the repository's name, and that its project exists"};
    }
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
    const std::string_view verb = asked.action == Action::read    ? "give"
                                  : asked.action == Action::write ? "take"
                                                                  : "remove";
    return {code, fmt::format("{} cannot {} {} now", asked.host, verb, asked.what),
            web_page ? web_page_hint(asked) : "try again later"};
  }
  if (status >= 300 && status < 400) {
    return {code, fmt::format("{} redirects {} elsewhere", asked.host, asked.what),
            "is that the registry's real address?"};
  }
  return {code,
          asked.action == Action::read ? fmt::format("{} did not give {}", asked.host, asked.what)
                                       : denial(asked),
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
  auto [code, sentence, hint, rule] =
      judge(plain.code(), response.status, asked, entries.empty() ? ErrorEntry() : entries.front(),
            is_web_page(response));
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
  if (!rule.empty()) (void)std::move(error).with("rule", std::move(rule));
  if (!hint.empty()) (void)std::move(error).hint(std::move(hint));
  return error;
}

}  // namespace imgforge::registry

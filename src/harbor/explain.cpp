#include "harbor/explain.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "http/retry.h"
#include "http/url.h"

namespace imgforge::harbor {
namespace {

constexpr std::size_t kLongestMessage = 300;

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

std::string text_of(const base::Json& entry, const char* key) {
  const auto found = entry.find(key);
  return found != entry.end() && found->is_string() ? one_line(found->get<std::string>()) : "";
}

bool has(std::string_view text, std::string_view part) {
  return base::to_lower(text).find(part) != std::string::npos;
}

/// The text between `open` and the next `close`; empty when it is not there.
std::string between(std::string_view text, std::string_view open, std::string_view close) {
  const auto begin = text.find(open);
  if (begin == std::string_view::npos) return {};
  const auto end = text.find(close, begin + open.size());
  if (end == std::string_view::npos) return {};
  return std::string(text.substr(begin + open.size(), end - begin - open.size()));
}

struct Verdict {
  Errc code;
  std::string why;  // after "cannot WHAT: "
  std::string hint;
  std::string rule;
};

struct Answer {
  int status;
  std::string code;     // of the first complaint
  std::string message;  // of the first complaint
  bool structured;      // the body had Harbor's form
  bool web_page;
  const http::Headers& headers;
  const Attempt& attempt;
};

std::string who(const Attempt& attempt) {
  return attempt.user.empty() ? "somebody without credentials" : attempt.user;
}

/// "due to 'pytorch:v2.6.1' configured as immutable", "the tag v2.6.1 configured as immutable,
/// cannot be deleted".
std::string immutable_tag(std::string_view message) {
  std::string tag = between(message, "'", "'");
  return tag.empty() ? between(message, "the tag ", " configured") : tag;
}

Verdict immutable(const Answer& answer) {
  const std::string tag = immutable_tag(answer.message);
  const std::string& rule = answer.attempt.rule;
  return {
      Errc::refused,
      fmt::format("{} of the project keeps {} as it is",
                  rule.empty() ? "an immutability rule" : "the immutability rule '" + rule + "'",
                  tag.empty() ? "the tag" : "the tag " + tag),
      "a build keeps its tag: use the next build id (build --bump); if this is a channel, exclude "
      "it from the rule ('imgforge harbor status' shows the rules)",
      "immutable"};
}

Verdict policy_violation(const Answer& answer) {
  if (has(answer.message, "not signed")) {
    const bool notation = has(answer.message, "notation");
    return {
        Errc::refused,
        fmt::format("the project gives out only what is signed with {}",
                    notation ? "notation" : "cosign"),
        fmt::format("sign it first (imgforge sign), in the {} format; every child of an index "
                    "needs its own signature, and Harbor before 2.15 does not recognise sigstore "
                    "bundles",
                    notation ? "notation" : "legacy cosign"),
        "signature"};
  }
  if (has(answer.message, "without vulnerability scanning") || has(answer.message, "not scanned")) {
    return {
        Errc::refused,
        "the project gives out only what was scanned for vulnerabilities, and this was not",
        "scan it first (scanning: {on_push: true} in the project's policy), and wait for the scan",
        "not_scanned"};
  }
  return {Errc::refused, "its vulnerabilities are above the project's ceiling",
          "rebuild with fixed packages (imgforge outdated), or change 'vulnerabilities: block' in "
          "the project's policy",
          "vulnerability"};
}

Verdict precondition(const Answer& answer) {
  if (has(answer.message, "immutable")) return immutable(answer);
  if (answer.code == "PROJECTPOLICYVIOLATION") return policy_violation(answer);
  if (answer.code == "VIOLATE_FOREIGN_KEY_CONSTRAINT") {
    return {Errc::refused, "an index refers to it", "delete the index first", "index_child"};
  }
  if (has(answer.message, "scanner")) {
    return {Errc::refused, "the project has no scanner that could do it",
            "an administrator adds one under Interrogation Services", "not_scanned"};
  }
  if (answer.attempt.door == Door::distribution && !has(answer.message, "contains repositories")) {
    return {Errc::refused, "a rule of the project forbids it",
            "'imgforge harbor status HOST/PROJECT' shows the rules", "project"};
  }
  return {Errc::refused, "something stands against it",
          "see Harbor's words; a project must be empty to be deleted", "not_empty"};
}

Verdict denied(const Answer& answer) {
  const Attempt& attempt = answer.attempt;
  if (has(answer.message, "exceed the configured upper limit")) {
    const std::string limit = between(answer.message, "upper limit of ", ".");
    return {Errc::refused,
            limit.empty() ? "the project's quota is full"
                          : "the project's quota of " + limit + " is full",
            "delete what nobody needs and let Harbor collect garbage, or raise 'quota' in the "
            "project's policy",
            "quota"};
  }
  if (has(answer.message, "read only") || has(answer.message, "read-only") ||
      has(answer.message, "readonly")) {
    return {Errc::unavailable, "Harbor is in read-only mode",
            "try again later: an administrator has switched it on, often for a backup or garbage "
            "collection",
            "read_only"};
  }
  if (has(answer.message, "proxy project") || has(answer.message, "proxy cache")) {
    return {Errc::refused, "the project is a proxy cache of another registry",
            "push to a project of your own", "proxy_cache"};
  }
  if (has(answer.message, "csrf")) {
    return {Errc::protocol, "Harbor took the request for one of a browser",
            "imgforge sends no cookies: a proxy in between adds the cookie 'sid'", ""};
  }
  return {Errc::forbidden, fmt::format("{} has no right to it", who(attempt)),
          fmt::format("check that the project exists and what {} may do there: least rights are in "
                      "the project's policy, under 'robots'",
                      who(attempt)),
          ""};
}

Verdict unauthorized(const Answer& answer) {
  const Attempt& attempt = answer.attempt;
  if (has(answer.message, "project") && has(answer.message, "not found")) {
    return {Errc::not_found, "there is no such project, or none that " + who(attempt) + " may see",
            "'imgforge harbor apply' makes it", ""};
  }
  if (attempt.user.empty()) {
    return {Errc::unauthorized, "nobody without credentials may",
            "log in, or give a robot's name and secret", ""};
  }
  if (attempt.door == Door::distribution) {
    // Also 'Basic realm="harbor"': after a login that worked it means "no right", where others
    // say 403 (ggcr#1393).
    return {Errc::forbidden, fmt::format("{} is known and has no right to it", attempt.user),
            "check that the project exists, what the account may do there, and that a robot is "
            "neither expired nor disabled",
            ""};
  }
  return {Errc::unauthorized,
          fmt::format("Harbor does not accept the password of {}", attempt.user),
          attempt.user.find('$') != std::string::npos
              ? "is the robot expired or disabled? Its name has a '$', which shells and YAML files "
                "with variables eat: write it in single quotes, or as '$$' in a compose file"
              : "with OIDC the password is the CLI secret of the user's profile",
          ""};
}

Verdict missing(const Answer& answer) {
  if (answer.structured) return {Errc::not_found, "it is not there", "", ""};
  return {Errc::not_found, "no Harbor answered under this address",
          "is it a Harbor, without a path behind the host? A proxy in front must not decode the "
          "path: repository names are encoded twice (harbor#18355)",
          ""};
}

Verdict judge(const Answer& answer) {
  const int status = answer.status;
  if (status >= 300 && status < 400) {
    const std::string to = answer.headers.get("Location").value_or("");
    return {Errc::protocol, "the server sends elsewhere: " + http::redacted(to),
            "give the address that it names, with https", ""};
  }
  switch (status) {
    case 401:
      return unauthorized(answer);
    case 403:
      return denied(answer);
    case 404:
      return missing(answer);
    case 412:
      return precondition(answer);
    case 405:
      return {Errc::unsupported, "Harbor does not do this here",
              "is the project a proxy cache of another registry?", "proxy_cache"};
    case 408:
    case 504:
      return {Errc::timed_out, "it took too long", "try again later", ""};
    case 409:
      return {Errc::refused, "it exists already", "", "conflict"};
    case 413:
      return {Errc::refused, "the request is too large for the server, or for a proxy before it",
              "a proxy before Harbor needs a higher limit (nginx: client_max_body_size 0)", ""};
    case 429:
      return {Errc::rate_limited, "Harbor asks to slow down", "try again later", ""};
    case 400:
    case 422:
      return {Errc::invalid, "Harbor does not accept the request", "", ""};
    case 501:
      return {Errc::unsupported, "Harbor does not do this", "", ""};
    default:
      break;
  }
  if (status >= 500) {
    return {
        Errc::unavailable, "Harbor has a problem of its own",
        "try again later; scans, retention and robots of a Harbor without its jobservice fail so",
        ""};
  }
  return {Errc::protocol, "Harbor answered something unexpected", "", ""};
}

}  // namespace

std::vector<Complaint> parse_complaints(std::string_view body) {
  std::vector<Complaint> complaints;
  const auto json = base::parse_json(body, "the error");
  if (!json || !json->is_object()) return complaints;
  const auto errors = json->find("errors");
  if (errors == json->end() || !errors->is_array()) return complaints;
  for (const base::Json& entry : *errors) {
    if (!entry.is_object()) continue;
    Complaint read{text_of(entry, "code"), text_of(entry, "message")};
    if (!read.code.empty() || !read.message.empty()) complaints.push_back(std::move(read));
  }
  return complaints;
}

Error explain(int status, std::string_view body, const http::Headers& headers,
              const Attempt& attempt) {
  const auto complaints = parse_complaints(body);
  const Complaint first = complaints.empty() ? Complaint{} : complaints.front();
  const std::string type = base::to_lower(headers.get("Content-Type").value_or(""));
  const bool web_page = complaints.empty() && type.starts_with("text/html");
  Verdict verdict =
      judge({status, first.code, first.message, !complaints.empty(), web_page, headers, attempt});
  if (web_page && verdict.hint.empty()) {
    verdict.hint = "the answer is a web page: does a proxy or a login page stand before Harbor?";
  }
  std::string words = first.code;
  if (!first.message.empty()) words += (words.empty() ? "" : ": ") + first.message;
  Error error(verdict.code,
              fmt::format("cannot {} at {}: {} (HTTP {}{}{})", attempt.what, attempt.host,
                          verdict.why, status, words.empty() ? "" : "; ", words));
  (void)std::move(error).with("status", std::to_string(status));
  if (!first.code.empty()) (void)std::move(error).with("code", first.code);
  if (!verdict.rule.empty()) (void)std::move(error).with("rule", verdict.rule);
  if (verdict.rule == "immutable") {
    if (auto tag = immutable_tag(first.message); !tag.empty()) {
      (void)std::move(error).with("tag", std::move(tag));
    }
  }
  if (const auto wait = http::retry_after(headers)) {
    (void)std::move(error).with("retry_after", std::to_string(wait->count()));
  }
  return std::move(error).hint(std::move(verdict.hint));
}

}  // namespace imgforge::harbor

#include "document/secrets.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <vector>

#include "base/text.h"

namespace imgforge::document {

namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alnum(char c) { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_aws(char c) { return is_upper(c) || (c >= '2' && c <= '7'); }
bool is_word(char c) { return is_alnum(c) || c == '_'; }
bool is_url_safe(char c) { return is_word(c) || c == '-'; }

// A token: a fixed prefix, then `minimum` to `maximum` characters of one alphabet and no more.
struct Shape {
  std::string_view prefix;
  const char* what;
  bool (*alphabet)(char);
  std::size_t minimum;
  std::size_t maximum;
  bool mixed;  // must hold a digit and both cases: keeps words joined by '-' or '_' out
};

// Sources: the providers' token documentation and the public rules of secret scanners.
constexpr Shape kShapes[] = {
    {"AKIA", "an AWS access key id", is_aws, 16, 16, false},
    {"ASIA", "a temporary AWS access key id", is_aws, 16, 16, false},
    {"ghp_", "a GitHub token", is_alnum, 36, 255, false},
    {"gho_", "a GitHub token", is_alnum, 36, 255, false},
    {"ghu_", "a GitHub token", is_alnum, 36, 255, false},
    {"ghs_", "a GitHub token", is_alnum, 36, 255, false},
    {"ghr_", "a GitHub token", is_alnum, 36, 255, false},
    {"github_pat_", "a GitHub token", is_word, 60, 255, false},
    {"glpat-", "a GitLab token", is_url_safe, 20, 255, false},
    {"gldt-", "a GitLab deploy token", is_url_safe, 20, 255, false},
    {"hf_", "a Hugging Face token", is_alnum, 30, 60, true},
    {"nvapi-", "an NVIDIA API key", is_url_safe, 40, 255, true},
    {"sk-", "an API key (sk-...)", is_url_safe, 32, 255, true},
    {"xoxa-", "a Slack token", is_url_safe, 20, 255, false},
    {"xoxb-", "a Slack token", is_url_safe, 20, 255, false},
    {"xoxp-", "a Slack token", is_url_safe, 20, 255, false},
    {"xoxr-", "a Slack token", is_url_safe, 20, 255, false},
    {"xoxs-", "a Slack token", is_url_safe, 20, 255, false},
    {"AIza", "a Google API key", is_url_safe, 35, 35, true},
    {"npm_", "an npm token", is_alnum, 36, 36, true},
    {"dckr_pat_", "a Docker token", is_url_safe, 27, 64, false},
};

constexpr std::string_view kPem = "-----BEGIN ";
// The longest stretch that decides a match: prefix, 255 characters, and the one after.
constexpr std::size_t kLook = 320;

std::size_t run_length(std::string_view text, bool (*alphabet)(char), std::size_t limit) {
  std::size_t n = 0;
  while (n < text.size() && n < limit && alphabet(text[n])) ++n;
  return n;
}

bool is_mixed(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_lower) &&
         std::any_of(text.begin(), text.end(), is_upper) &&
         std::any_of(text.begin(), text.end(), is_digit);
}

// "-----BEGIN RSA PRIVATE KEY-----" followed by key material: a program that merely names the
// header does not match.
bool is_private_key(std::string_view text) {
  text.remove_prefix(kPem.size());
  constexpr std::size_t kLongestLabel = 40;
  const std::size_t label = run_length(
      text, [](char c) { return is_upper(c) || c == ' '; }, kLongestLabel);
  if (!text.substr(0, label).ends_with("PRIVATE KEY") &&
      !text.substr(0, label).ends_with("PRIVATE KEY BLOCK")) {
    return false;
  }
  text.remove_prefix(label);
  if (!text.starts_with("-----")) return false;
  text.remove_prefix(5);
  while (!text.empty()) {
    if (std::string_view(" \t\r\n\"'").find(text.front()) != std::string_view::npos) {
      text.remove_prefix(1);
    } else if (text.starts_with("\\n") || text.starts_with("\\r")) {
      text.remove_prefix(2);
    } else {
      break;
    }
  }
  constexpr std::size_t kMaterial = 24;
  const auto base64 = [](char c) { return is_alnum(c) || c == '+' || c == '/'; };
  return text.starts_with("Proc-Type:") || text.starts_with("Version:") ||
         text.starts_with("Comment:") || run_length(text, base64, kMaterial) == kMaterial;
}

/// What begins at text[at], looking at most kLook ahead; nullptr for nothing.
const char* secret_at(std::string_view text, std::size_t at) {
  const std::string_view here = text.substr(at, kLook);
  if (here.starts_with(kPem)) return is_private_key(here) ? "a private key" : nullptr;
  if (at != 0 && is_word(text[at - 1])) return nullptr;
  for (const Shape& shape : kShapes) {
    if (!here.starts_with(shape.prefix)) continue;
    const std::string_view rest = here.substr(shape.prefix.size());
    const std::size_t length = run_length(rest, shape.alphabet, shape.maximum + 1);
    if (length < shape.minimum || length > shape.maximum) continue;
    if (length < rest.size() && is_word(rest[length])) continue;
    const std::string_view body = rest.substr(0, length);
    if (shape.mixed && !is_mixed(body)) continue;
    if (body.ends_with("EXAMPLE")) continue;
    return shape.what;
  }
  return nullptr;
}

// One bit per pair of first bytes: most positions of a file cost one look-up.
const std::bitset<65536>& first_pairs() {
  static const auto kPairs = [] {
    std::bitset<65536> pairs;
    const auto add = [&](std::string_view prefix) {
      pairs.set(static_cast<unsigned char>(prefix[0]) << 8 | static_cast<unsigned char>(prefix[1]));
    };
    for (const Shape& shape : kShapes) add(shape.prefix);
    add(kPem);
    return pairs;
  }();
  return kPairs;
}

struct Hit {
  std::size_t at;
  const char* what;
};

/// The first secret that begins in text[from, limit).
std::optional<Hit> find_secret(std::string_view text, std::size_t from, std::size_t limit) {
  const auto& pairs = first_pairs();
  limit = std::min(limit, text.size() < 2 ? 0 : text.size() - 1);
  for (std::size_t i = from; i < limit; ++i) {
    const auto pair =
        static_cast<unsigned char>(text[i]) << 8 | static_cast<unsigned char>(text[i + 1]);
    if (!pairs[static_cast<std::size_t>(pair)]) continue;
    if (const char* what = secret_at(text, i)) return Hit{i, what};
  }
  return std::nullopt;
}

/// DB_PASSWORD, db-password and dbPassword are the words db, password.
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool hump = is_upper(c) && i != 0 && is_lower(name[i - 1]);
    if ((!is_alnum(c) || hump) && !words.back().empty()) words.emplace_back();
    if (is_alnum(c)) words.back() += base::to_lower({&c, 1});
  }
  return words;
}

bool is_secret_name(std::string_view name) {
  const std::vector<std::string> words = words_of(name);
  // HARBOR_TOKEN_FILE says where a secret is, TOKEN_LIMIT how much of something.
  constexpr std::string_view kHarmlessEnds[] = {"file", "path",    "dir",  "name", "id",
                                                "url",  "limit",   "type", "ttl",  "count",
                                                "size", "timeout", "mode", "uri"};
  if (std::find(std::begin(kHarmlessEnds), std::end(kHarmlessEnds), words.back()) !=
      std::end(kHarmlessEnds)) {
    return false;
  }
  constexpr std::string_view kSecretWords[] = {
      "password", "passwd", "passphrase", "secret",      "secrets",
      "token",    "apikey", "credential", "credentials", "privatekey"};
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (std::find(std::begin(kSecretWords), std::end(kSecretWords), word) !=
        std::end(kSecretWords)) {
      return true;
    }
    if (i == 0 || word != "key") continue;
    if (words[i - 1] == "api" || words[i - 1] == "access" || words[i - 1] == "private") return true;
  }
  return false;
}

bool is_literal_secret(std::string_view value) {
  value = base::trim(value);
  if (value.empty() || value.front() == '/' || value.front() == '$') return false;
  constexpr std::string_view kFlags[] = {"true", "false", "yes", "no", "on", "off", "none", "null"};
  const std::string lower = base::to_lower(value);
  if (std::find(std::begin(kFlags), std::end(kFlags), lower) != std::end(kFlags)) return false;
  constexpr std::size_t kLongestCount = 7;
  return !(value.size() <= kLongestCount && std::all_of(value.begin(), value.end(), is_digit));
}

/// scheme://user:password@host
bool is_url_with_password(std::string_view value) {
  const std::size_t scheme = value.find("://");
  if (scheme == std::string_view::npos || scheme == 0) return false;
  std::string_view authority = value.substr(scheme + 3);
  authority = authority.substr(0, authority.find_first_of("/?# \t\n"));
  const std::size_t at = authority.rfind('@');
  if (at == std::string_view::npos) return false;
  const std::size_t colon = authority.substr(0, at).find(':');
  return colon != std::string_view::npos && colon + 1 < at && authority[colon + 1] != '$';
}

}  // namespace

std::optional<std::string> looks_like_secret(std::string_view name, std::string_view value) {
  if (const auto hit = find_secret(value, 0, value.size())) return hit->what;
  if (is_url_with_password(value)) return "a URL with a password";
  if (is_secret_name(name) && is_literal_secret(value)) return "a password or token";
  return std::nullopt;
}

void SecretScanner::feed(base::Bytes bytes) {
  if (finding_) return;
  window_.append(base::as_text(bytes));
  if (window_.size() <= kLook) return;
  scan(window_.size() - kLook);
}

std::optional<SecretScanner::Finding> SecretScanner::finish() {
  if (!finding_) scan(window_.size());
  return finding_;
}

void SecretScanner::scan(std::size_t limit) {
  if (limit <= next_) return;
  const auto hit = find_secret(window_, next_, limit);
  // Keeps one examined byte: a token does not begin inside a word.
  const std::size_t drop = hit ? hit->at : limit - 1;
  const std::string_view gone = std::string_view(window_).substr(0, drop);
  line_ += static_cast<int>(std::count(gone.begin(), gone.end(), '\n'));
  const std::size_t last_break = gone.rfind('\n');
  if (last_break != std::string_view::npos) line_start_ = dropped_ + last_break + 1;
  dropped_ += drop;
  if (hit) {
    finding_ = Finding{hit->what, dropped_, line_, static_cast<int>(dropped_ - line_start_) + 1};
    window_.clear();
    return;
  }
  window_.erase(0, drop);
  next_ = 1;
}

Error secret_error(const std::string& path, const SecretScanner::Finding& finding) {
  return Error(Errc::refused, path + " holds what looks like " + finding.what)
      .at({path, finding.line, finding.column, {}})
      .hint(
          "an image is readable by everybody who can pull it: remove the secret from the file or "
          "ignore the file, and give it to the container when it runs; revoke it if it is real");
}

Result<> scan_for_secrets(base::Source& source, const std::string& path) {
  SecretScanner scanner;
  std::vector<std::byte> buffer(base::kChunk);
  for (;;) {
    const std::size_t n = TRY(source.read(buffer));
    if (n == 0) break;
    scanner.feed(base::Bytes(buffer).first(n));
    if (scanner.found()) break;
  }
  if (const auto finding = scanner.finish()) return fail(secret_error(path, *finding));
  return {};
}

}  // namespace imgforge::document

#include "catch.h"
#include "document/secrets.h"

using namespace imgforge;
using document::looks_like_secret;
using document::SecretScanner;

namespace {

// Put together at run time, so that no scanner finds a "secret" in this file.
std::string token(const std::string& prefix, std::size_t length) {
  std::string body;
  for (std::size_t i = 0; i < length; ++i) body += "aZ3kQ9xBv7"[i % 10];
  return prefix + body;
}
std::string aws() { return std::string("AK") + "IA" + "QWERTYUIOP234567"; }
std::string private_key() {
  return std::string("-----BEGIN ") + "RSA PRIVATE KEY-----\n" + token("MII", 60) + "\n";
}

std::optional<SecretScanner::Finding> scan(std::string_view text, std::size_t chunk) {
  SecretScanner scanner;
  for (std::size_t at = 0; at < text.size(); at += chunk) {
    scanner.feed(base::as_bytes(text.substr(at, chunk)));
  }
  return scanner.finish();
}

}  // namespace

TEST_CASE("values are judged by shape") {
  CHECK(looks_like_secret("X", aws()) == "an AWS access key id");
  CHECK(looks_like_secret("X", token("ghp_", 36)) == "a GitHub token");
  CHECK(looks_like_secret("X", "Bearer " + token("glpat-", 20)) == "a GitLab token");
  CHECK(looks_like_secret("X", token("hf_", 34)) == "a Hugging Face token");
  CHECK(looks_like_secret("X", token("sk-", 48)) == "an API key (sk-...)");
  CHECK(looks_like_secret("X", token("xoxb-", 40)) == "a Slack token");
  CHECK(looks_like_secret("X", token("nvapi-", 64)) == "an NVIDIA API key");
  CHECK(looks_like_secret("X", private_key()) == "a private key");
  CHECK(looks_like_secret("PIP_INDEX_URL", "https://me:hunter2@host.example/simple") ==
        "a URL with a password");
}

TEST_CASE("values are judged by the name of their variable") {
  for (const char* name : {"PASSWORD", "DB_PASSWORD", "dbPassword", "API_TOKEN", "GITHUB_TOKEN",
                           "client-secret", "AWS_SECRET_ACCESS_KEY", "SOME_API_KEY"}) {
    INFO(name);
    CHECK(looks_like_secret(name, "hunter2") == "a password or token");
  }
}

TEST_CASE("ordinary settings are no secrets") {
  const std::pair<const char*, std::string> cases[] = {
      {"PATH", "/opt/venv/bin:/usr/bin"},
      {"NVIDIA_VISIBLE_DEVICES", "all"},
      {"TOKENIZERS_PARALLELISM", "false"},
      {"TOKEN_FILE", "run/secrets/token"},
      {"HARBOR_TOKEN", "/run/secrets/token"},
      {"HARBOR_TOKEN", "$TOKEN"},
      {"HARBOR_TOKEN", ""},
      {"MAX_TOKEN", "4096"},
      {"MAX_TOKENS", "4096"},
      {"PWD", "/app"},
      {"KEYBOARD", "de"},
      {"PIP_INDEX_URL", "https://host.example/simple"},
      {"URL", "https://user@host.example/"},
      {"URL", "https://host.example:8080/a@b:c"},
      {"EXAMPLE", std::string("AK") + "IAIOSFODNN7EXAMPLE"},
      {"CLASS", "sk-learn-like-estimators-with-many-words-in-it"},
      {"MODEL", "hf_transfer"},
      {"DIGEST", "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"WORD", token("xghp_", 36)},
  };
  for (const auto& [name, value] : cases) {
    INFO(name << "=" << value);
    CHECK_FALSE(looks_like_secret(name, value));
  }
}

TEST_CASE("a stream gives the same finding however it is cut") {
  const std::string text = "line one\nif header == '-----BEGIN RSA PRIVATE KEY-----': # no key\n" +
                           std::string(2000, 'x') + "\n  key = \"" + token("ghp_", 36) + "\"\n" +
                           std::string(900, 'y');
  for (std::size_t chunk : {1, 2, 3, 7, 64, 319, 320, 321, 322, 1000, 100'000}) {
    INFO(chunk);
    const auto finding = scan(text, chunk);
    REQUIRE(finding);
    CHECK(finding->what == "a GitHub token");
    CHECK(finding->line == 4);
    CHECK(finding->column == 10);
    CHECK(text.substr(finding->offset, 4) == "ghp_");
  }
}

TEST_CASE("secrets at the edges of a stream are found") {
  for (std::size_t padding : {0, 1, 2, 318, 319, 320, 321, 1000}) {
    for (std::size_t chunk : {1, 5, 320, 4096}) {
      INFO(padding << " " << chunk);
      const auto finding = scan(std::string(padding, ' ') + aws(), chunk);
      REQUIRE(finding);
      CHECK(finding->offset == padding);
      CHECK(scan(std::string(padding, ' ') + private_key(), chunk));
      CHECK_FALSE(scan(std::string(padding, ' ') + aws() + "7", chunk));
    }
  }
  CHECK_FALSE(scan("", 1));
  CHECK_FALSE(scan("A", 1));
}

TEST_CASE("the error names the place and keeps the secret") {
  const std::string text = "a\nb = " + aws() + "\n";
  base::TextSource source(text);
  const auto result = document::scan_for_secrets(source, "app/settings.py");
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Errc::refused);
  CHECK(result.error().where().line == 2);
  CHECK(result.error().where().column == 5);
  CHECK(result.error().summary() == "app/settings.py holds what looks like an AWS access key id");
  CHECK(result.error().hint().find(aws()) == std::string::npos);
  base::TextSource clean("print('hello')\n");
  CHECK(document::scan_for_secrets(clean, "app/main.py"));
}

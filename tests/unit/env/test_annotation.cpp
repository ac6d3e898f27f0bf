#include <random>

#include "catch.h"
#include "env/annotation.h"

using imgforge::Errc;
using imgforge::env::Annotation;

TEST_CASE("an annotation is a name with a tag, a digest, or both") {
  const std::string digest = "sha256:" + std::string(64, 'a');
  for (const std::string& text :
       {std::string("pytorch-cuda:v2.6"), std::string("a:b"), "a@" + digest, "a:v1@" + digest}) {
    const auto parsed = Annotation::parse(text);
    INFO(text);
    REQUIRE(parsed);
    CHECK(parsed->to_string() == text);
    CHECK(parsed->mark() == "[env: " + text + "]");
  }
  const auto both = Annotation::parse("  a:v1@" + digest + " ");
  REQUIRE(both);
  CHECK(both->name() == "a");
  CHECK(both->tag()->to_string() == "v1");
  CHECK(both->digest()->to_string() == digest);
}

TEST_CASE("what is no annotation says why") {
  for (const char* text :
       {"", " ", "a", "a:", ":v1", "A:v1", "ml/a:v1", "harbor.example/ml/a:v1", "a:v 1", "a:-x",
        "a:v1:v2", "a@sha256:12", "a:v1@md5:aa", "a:v1\nb", "-a:v1", "oci:dir:tag", "a:v1]"}) {
    INFO(text);
    const auto parsed = Annotation::parse(text);
    // "oci:dir:tag" would be a layout elsewhere; here it is a name with two tags.
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    CHECK(parsed.error().hint().find("[env: NAME:TAG]") != std::string::npos);
  }
}

TEST_CASE("property: whatever parses is written as it was read") {
  std::mt19937 random(20250520);
  const std::string alphabet = "ab01.-_:@AZ/ ]sha256";
  std::uniform_int_distribution<std::size_t> letter(0, alphabet.size() - 1), length(0, 12);
  int accepted = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (std::size_t n = length(random); n > 0; --n) text += alphabet[letter(random)];
    const auto parsed = Annotation::parse(text);
    if (!parsed) continue;
    ++accepted;
    const auto again = Annotation::parse(parsed->to_string());
    REQUIRE(again);
    REQUIRE(*again == *parsed);
    REQUIRE(again->to_string() == parsed->to_string());
    REQUIRE(parsed->to_string().find_first_of(" /]\n") == std::string::npos);
  }
  CHECK(accepted > 100);
}

#include "oci/reference.h"

#include <random>

#include "catch.h"

using namespace imgforge;
using namespace imgforge::oci;

namespace {
const std::string kDigest = Digest::of("x").to_string();
}

TEST_CASE("names of images in registries") {
  struct Row {
    std::string text, host, repository, tag;
    bool digest = false;
  };
  const Row rows[] = {
      {"harbor.example/ml/pytorch:v1", "harbor.example", "ml/pytorch", "v1"},
      {"harbor.example/ml/pytorch", "harbor.example", "ml/pytorch", ""},
      {"localhost/a", "localhost", "a", ""},
      {"localhost:5000/a:b", "localhost:5000", "a", "b"},
      {"127.0.0.1:1/a/b/c", "127.0.0.1:1", "a/b/c", ""},
      {"[::1]:5000/a:t", "[::1]:5000", "a", "t"},
      {"h.x/a@" + kDigest, "h.x", "a", "", true},
      {"h.x/a:t@" + kDigest, "h.x", "a", "t", true},
      {"h.x/a__b/c-d/e.f:1", "h.x", "a__b/c-d/e.f", "1"},
      {"h.x/a---b", "h.x", "a---b", ""},
      {"Registry.Example/a:UPPER_ok.1-2", "Registry.Example", "a", "UPPER_ok.1-2"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const Reference reference = REQUIRE_OK(Reference::parse(row.text));
    REQUIRE(reference.registry() != nullptr);
    CHECK(reference.layout() == nullptr);
    CHECK(reference.registry()->host == row.host);
    CHECK(reference.registry()->repository == row.repository);
    CHECK((reference.registry()->tag ? reference.registry()->tag->to_string() : "") == row.tag);
    CHECK(reference.registry()->digest.has_value() == row.digest);
    CHECK(reference.to_string() == row.text);
  }
}

TEST_CASE("names of layouts and archives") {
  const auto layout = REQUIRE_OK(Reference::parse("oci:out/dir:v1.0"));
  REQUIRE(layout.layout() != nullptr);
  CHECK(layout.layout()->directory == "out/dir");
  CHECK(layout.layout()->tag->to_string() == "v1.0");
  CHECK_FALSE(REQUIRE_OK(Reference::parse("oci:out/dir")).layout()->tag);

  const auto archive = REQUIRE_OK(Reference::parse("oci-archive:/tmp/x.tar:t"));
  REQUIRE(archive.archive() != nullptr);
  CHECK(archive.archive()->format == ArchiveReference::Format::oci);
  CHECK(archive.archive()->file == "/tmp/x.tar");
  CHECK(archive.archive()->name == "t");

  const auto docker = REQUIRE_OK(Reference::parse("docker-archive:x.tar:repo/name:tag"));
  CHECK(docker.archive()->format == ArchiveReference::Format::docker);
  CHECK(docker.archive()->name == "repo/name:tag");
  for (const char* text : {"oci:out/dir:v1.0", "oci:/a", "oci-archive:/tmp/x.tar:t",
                           "oci-archive:x", "docker-archive:x.tar:repo/name:tag"}) {
    CHECK(REQUIRE_OK(Reference::parse(text)).to_string() == text);
  }
}

TEST_CASE("what is no image name is refused, and says why") {
  for (const std::string& bad : {std::string(),
                                 std::string("pytorch"),
                                 std::string("ml/pytorch:v1"),
                                 std::string("h.x/"),
                                 std::string("h.x/A"),
                                 std::string("h.x/a//b"),
                                 std::string("h.x/a..b"),
                                 std::string("h.x/a___b"),
                                 std::string("h.x/-a"),
                                 std::string("h.x/a-"),
                                 std::string("h.x/a:"),
                                 std::string("h.x/a:-t"),
                                 std::string("h.x/a:b:c"),
                                 std::string("h.x:0/a"),
                                 std::string("h.x:65536/a"),
                                 std::string("h.x:/a"),
                                 std::string("-h.x/a"),
                                 std::string("h..x/a"),
                                 std::string("[::1/a"),
                                 std::string("[x]:1/a"),
                                 std::string("h.x/a@sha256:1"),
                                 std::string("h.x/a@") + kDigest + "@" + kDigest,
                                 std::string("h.x/a b"),
                                 std::string("h.x/a\n"),
                                 "h.x/" + std::string(255, 'a'),
                                 "h.x/a:" + std::string(129, 't'),
                                 std::string("oci:"),
                                 std::string("oci::t"),
                                 std::string("oci:d:"),
                                 std::string("oci:d:t:u"),
                                 "oci:d@" + kDigest,
                                 std::string("oci-archive:"),
                                 std::string("oci-archive:f:"),
                                 std::string("docker-archive:f:a b"),
                                 std::string("docker://h.x/a"),
                                 std::string("https://h.x/a")}) {
    INFO(bad);
    const auto parsed = Reference::parse(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    CHECK_FALSE(parsed.error().hint().empty());
  }
  CHECK(Reference::parse("h.x/a@sha512:" + std::string(128, 'a')).error().code() ==
        Errc::unsupported);
  CHECK(REQUIRE_OK(Reference::parse("h.x/" + std::string(251, 'a'))).registry() != nullptr);
}

TEST_CASE("an accepted name is its own text again, whatever the bytes") {
  // Words of the grammar in random order: most are refused, some are names.
  const std::string words[] = {"a",
                               "B",
                               ".",
                               "..",
                               "/",
                               ":",
                               "@",
                               "-",
                               "_",
                               "__",
                               "1",
                               "[",
                               "]",
                               "::1",
                               "h.x",
                               "localhost",
                               "oci:",
                               "5000",
                               "oci-archive:",
                               kDigest};
  std::mt19937 random(7);
  int accepted = 0;
  for (int i = 0; i < 40000; ++i) {
    std::string text;
    for (unsigned n = random() % 9; n > 0; --n) text += words[random() % std::size(words)];
    const auto parsed = Reference::parse(text);
    if (!parsed) continue;
    ++accepted;
    INFO(text);
    REQUIRE(parsed->to_string() == text);
    REQUIRE(REQUIRE_OK(Reference::parse(parsed->to_string())) == *parsed);
  }
  CHECK(accepted > 500);
}

#include "catch.h"
#include "content/platform_choice.h"
#include "error_text.h"

using namespace imgforge;
using content::choose_platform;

namespace {

oci::Platform platform(const char* text) { return REQUIRE_OK(oci::Platform::parse(text)); }

oci::Descriptor entry(const char* text, const std::string& content) {
  return {.media_type = oci::media_type::kManifest,
          .digest = oci::Digest::of(content),
          .size = content.size(),
          .platform = platform(text)};
}

oci::Index index(std::vector<oci::Descriptor> entries) { return {.manifests = std::move(entries)}; }

// The content of the chosen entry.
bool chooses(const oci::Index& index, const char* wanted, const std::string& content) {
  return REQUIRE_OK(choose_platform(index, platform(wanted), "x")).digest ==
         oci::Digest::of(content);
}

}  // namespace

TEST_CASE("the entry of the system and architecture") {
  const auto all = index({entry("windows/amd64", "w"), entry("linux/arm64", "arm"),
                          entry("linux/amd64", "amd"), entry("linux/amd64", "second")});
  CHECK(chooses(all, "linux/amd64", "amd"));
  CHECK(chooses(all, "linux/arm64", "arm"));
  CHECK(chooses(all, "windows/amd64", "w"));
}

TEST_CASE("variants: the wanted, the plain, any, in that order") {
  const auto amd = index({entry("linux/amd64/v3", "v3"), entry("linux/amd64", "plain")});
  CHECK(chooses(amd, "linux/amd64", "plain"));
  CHECK(chooses(amd, "linux/amd64/v3", "v3"));
  CHECK_FALSE(choose_platform(amd, platform("linux/amd64/v4"), "x"));
  CHECK(chooses(index({entry("linux/amd64/v3", "v3")}), "linux/amd64", "v3"));
  const auto arm = index(
      {entry("linux/arm/v5", "v5"), entry("linux/arm/v7", "v7"), entry("linux/arm64/v8", "v8")});
  CHECK(chooses(arm, "linux/arm", "v7"));
  CHECK(chooses(arm, "linux/arm/v5", "v5"));
  CHECK(chooses(arm, "linux/arm64", "v8"));
  CHECK(chooses(index({entry("linux/arm64", "none")}), "linux/arm64/v8", "none"));
}

TEST_CASE("attestations are no images, and an absent platform names what there is") {
  auto attestation = entry("linux/amd64", "attestation");
  attestation.platform = oci::Platform{.os = "unknown", .architecture = "unknown"};
  auto bare = entry("linux/amd64", "bare");
  bare.platform.reset();
  const auto all = index({attestation, bare, entry("linux/s390x", "s"), entry("linux/arm64", "a")});
  const auto chosen = choose_platform(all, platform("linux/amd64"), "host.example/x:1");
  REQUIRE_FALSE(chosen);
  CHECK(chosen.error().code() == Errc::not_found);
  CHECK(error_text(chosen.error()) ==
        "host.example/x:1 has no image for linux/amd64\n"
        "hint: it has images for linux/arm64, linux/s390x\n");
  CHECK(error_text(choose_platform(index({bare}), platform("linux/amd64"), "y").error()) ==
        "y has no image for linux/amd64\nhint: its index names no platform\n");
}

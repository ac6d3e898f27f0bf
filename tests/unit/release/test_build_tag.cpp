#include "release/build_tag.h"

#include <vector>

#include "catch.h"

using namespace imgforge;
using namespace imgforge::release;

TEST_CASE("the tag of the flagship is made of its components and parsed back") {
  const BuildTag tag = REQUIRE_OK(BuildTag::make(
      {.pytorch = "2.6.0+cu118", .cuda = "11.8.89", .os = "ubuntu20.04", .build = "v2.6.1"}));
  CHECK(tag.to_string() == "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1");
  CHECK(REQUIRE_OK(BuildTag::parse(tag.to_string())) == tag);
}

TEST_CASE("every combination of parts is its own inverse") {
  const std::vector<std::string> pytorch = {"", "2.6", "13.10"}, cuda = {"", "12.4"},
                                 os = {"", "debian12", "ubuntu20.04", "rhel9"},
                                 python = {"", "3.11"}, arch = {"", "amd64", "arm64"},
                                 build = {"v1", "v2.6.1", "v2025.11.23_rc1"};
  int seen = 0;
  for (const auto& p : pytorch)
    for (const auto& c : cuda)
      for (const auto& o : os)
        for (const auto& y : python)
          for (const auto& a : arch)
            for (const auto& b : build) {
              const BuildTag tag = REQUIRE_OK(BuildTag::make({p, c, o, y, a, b}));
              INFO(tag.to_string());
              CHECK(REQUIRE_OK(BuildTag::parse(tag.to_string())) == tag);
              ++seen;
            }
  CHECK(seen == 3 * 2 * 4 * 2 * 3 * 3);
}

TEST_CASE("channels and slips are not build tags") {
  for (const char* wrong :
       {"", "v", "latest", "nightly", "v2.6-lts", "v2.6-gpu", "v2.7-alpha",
        "pytorch2.6-cuda11.8-ubuntu20.04", "cuda11.8-pytorch2.6-v1", "pytorch2.6.0-v1",
        "pytorch2.6--v1", "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1-"}) {
    INFO(wrong);
    CHECK_FALSE(BuildTag::parse(wrong));
    CHECK_FALSE(looks_like_build_tag(wrong));
  }
  CHECK(BuildTag::parse("pytorch2.6-cuda11.8-ubuntu-v1").error().message() ==
        "'pytorch2.6-cuda11.8-ubuntu-v1' is not a build tag: 'ubuntu' is not understood");
  CHECK_FALSE(BuildTag::make({.os = "Ubuntu 20.04", .build = "v1"}));
  CHECK_FALSE(BuildTag::make({.build = "2.6"}));
  CHECK_FALSE(BuildTag::make({.build = "v1" + std::string(200, '0')}));
}

TEST_CASE("versions are cut to major.minor") {
  CHECK(minor_version("2.6.0+cu118") == "2.6");
  CHECK(minor_version("12.4.127") == "12.4");
  CHECK(minor_version("12") == "12");
  CHECK(minor_version("9.1.0.70") == "9.1");
}

#include <fmt/format.h>

#include "catch.h"
#include "layer/wheels_split.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

sources::LockedWheel wheel(std::string project, std::uint64_t size) {
  return {.project = project,
          .version = "1.0",
          .input = {.name = project + "-1.0-py3-none-any.whl",
                    .digest = oci::Digest::of(project),
                    .size = size}};
}

/// "cuda(a b) deps(c)".
std::string show(const std::vector<sources::LockedWheel>& wheels,
                 const std::vector<WheelGroup>& groups) {
  std::string text;
  for (const auto& group : groups) {
    if (!text.empty()) text += ' ';
    text += group.name + '(';
    for (std::size_t i = 0; i < group.wheels.size(); ++i) {
      text += (i > 0 ? " " : "") + wheels[group.wheels[i]].project;
    }
    text += ')';
  }
  return text;
}

}  // namespace

TEST_CASE("heavy wheels get layers of their own, CUDA lowest") {
  const std::vector<sources::LockedWheel> wheels = {
      wheel("filelock", 16'000),
      wheel("nvidia-cublas-cu12", 363'000'000),
      wheel("nvidia-cuda-nvrtc-cu12", 24'000'000),
      wheel("nvidia-cudnn-cu12", kHeavyWheel),
      wheel("numpy", kHeavyWheel - 1),
      wheel("scipy", 37'000'000),
      wheel("torch", 766'000'000),
  };
  CHECK(show(wheels, split_wheels(wheels, {})) ==
        "nvidia-cublas-cu12(nvidia-cublas-cu12) nvidia-cudnn-cu12(nvidia-cudnn-cu12) scipy(scipy) "
        "torch(torch) deps(filelock nvidia-cuda-nvrtc-cu12 numpy)");
}

TEST_CASE("rules of the author come first, and nothing is lost") {
  const std::vector<sources::LockedWheel> wheels = {
      wheel("a", 1), wheel("nvidia-x", 1), wheel("nvidia-y", 400'000'000), wheel("torch", 1)};
  const std::vector<SplitRule> rules = {
      {"cuda", REQUIRE_OK(GlobSet::parse({"nvidia-*"}))},
      {"nothing", REQUIRE_OK(GlobSet::parse({"zzz"}))},
      {"pytorch", REQUIRE_OK(GlobSet::parse({"torch", "nvidia-y"}))}};
  CHECK(show(wheels, split_wheels(wheels, rules)) ==
        "cuda(nvidia-x nvidia-y) pytorch(torch) deps(a)");
}

TEST_CASE("the number of layers is bounded") {
  std::vector<sources::LockedWheel> wheels;
  for (int i = 0; i < 200; ++i) {
    wheels.push_back(wheel(fmt::format("heavy-{:03}", i), kHeavyWheel + (i * 7919) % 1000));
  }
  const auto groups = split_wheels(wheels, {});
  CHECK(groups.size() == kMostWheelLayers);
  std::size_t sum = 0, smallest_alone = SIZE_MAX, largest_grouped = 0;
  for (const auto& group : groups) {
    sum += group.wheels.size();
    for (const auto i : group.wheels) {
      if (group.name == "deps") {
        largest_grouped = std::max(largest_grouped, wheels[i].input.size);
      } else {
        smallest_alone = std::min(smallest_alone, wheels[i].input.size);
      }
    }
  }
  CHECK(sum == 200);
  CHECK(smallest_alone >= largest_grouped);
  CHECK(split_wheels({}, {}).empty());
}

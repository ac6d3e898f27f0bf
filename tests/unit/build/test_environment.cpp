#include "build/environment.h"

#include <algorithm>

#include "catch.h"

using namespace imgforge;
using namespace imgforge::build;

namespace {
bool has(const std::vector<std::string>& env, const std::string& entry) {
  return std::find(env.begin(), env.end(), entry) != env.end();
}
}  // namespace

TEST_CASE("an image without CUDA gets a PATH and what the spec says, nothing of GPUs") {
  spec::ImageSpec spec;
  spec.config.path = {"/opt/venv/bin", "/app"};
  spec.config.env = {{"LANG", "C.UTF-8"}};
  CHECK(environment_of(spec, {}) ==
        std::vector<std::string>{
            "PATH=/opt/venv/bin:/app:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG=C.UTF-8"});
}

TEST_CASE("an image with CUDA says what it needs, and never CUDA_VERSION") {
  spec::ImageSpec spec;
  spec.driver = ">=525";
  layer::Facts facts;
  facts.set({.name = "cuda", .version = "11.8.89"});
  const auto env = environment_of(spec, facts);
  CHECK(has(env, "NVIDIA_VISIBLE_DEVICES=all"));
  CHECK(has(env, "NVIDIA_DRIVER_CAPABILITIES=compute,utility"));
  CHECK(has(env, "NVIDIA_REQUIRE_CUDA=cuda>=11.0"));
  CHECK(has(env, "NVIDIA_REQUIRE_DRIVER=driver>=525"));
  CHECK(std::none_of(env.begin(), env.end(), [](const std::string& entry) {
    return entry.starts_with("CUDA_VERSION=") || entry.starts_with("LD_LIBRARY_PATH=");
  }));
}

TEST_CASE("determinism sets its variables, and the spec has the last word") {
  spec::ImageSpec spec;
  spec.seed = 42;
  spec.config.env = {{"PYTHONHASHSEED", "7"}, {"PATH", "/only"}};
  const auto env = environment_of(spec, {});
  CHECK(has(env, "CUBLAS_WORKSPACE_CONFIG=:4096:8"));
  CHECK(has(env, "PYTHONHASHSEED=7"));
  CHECK_FALSE(has(env, "PYTHONHASHSEED=42"));
  CHECK(env.front() == "PATH=/only");
}

TEST_CASE("a base image's variables are kept under everything else") {
  spec::ImageSpec spec;
  spec.config.path = {"/opt/venv/bin"};
  spec.config.env = {{"LANG", "C.UTF-8"}};
  layer::Facts facts;
  facts.base_env = {"LANG=de_DE.UTF-8", "PATH=/base/bin:/bin", "BASE=yes"};
  CHECK(environment_of(spec, facts) ==
        std::vector<std::string>{"PATH=/opt/venv/bin:/base/bin:/bin", "LANG=C.UTF-8", "BASE=yes"});
}

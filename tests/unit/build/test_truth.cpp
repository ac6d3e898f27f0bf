#include "build/truth.h"

#include "base/json.h"
#include "catch.h"

using namespace imgforge;
using namespace imgforge::build;

namespace {

layer::Facts torch_facts() {
  layer::Facts facts;
  facts.os_id = "debian";
  facts.os_version = "12";
  facts.python = layer::PythonFacts{"3.11.2", "/usr/bin/python3.11", "/opt/venv"};
  facts.set({.name = "python", .version = "3.11.2"});
  facts.set({.name = "torch", .version = "2.6.0", .detail = {{"cuda", "12.4"}}});
  facts.set({.name = "cuda", .version = "12.4.127"});
  facts.set({.name = "cudnn", .version = "9.1.0.70"});
  return facts;
}

spec::ImageSpec named(const std::string& file) {
  spec::ImageSpec spec;
  spec.file = file;
  spec.image = "pytorch-cuda";
  spec.build = "v2.6.1";
  return spec;
}

}  // namespace

TEST_CASE("the tag says what was found") {
  const auto tag = REQUIRE_OK(tag_of(torch_facts(), named("specs/x.yaml")));
  CHECK(tag.to_string() == "pytorch2.6-cuda12.4-debian12-v2.6.1");
  CHECK(REQUIRE_OK(tag_of({}, named("specs/x.yaml"))).to_string() == "v2.6.1");
}

TEST_CASE("words that hold pass, words that do not name the truth") {
  spec::ImageSpec spec = named("specs/x.yaml");
  spec.components = {{"torch", "2.6"}, {"cuda", "12.4"}, {"os", "debian12"}, {"python", "3.11"}};
  REQUIRE_OK(check_words(torch_facts(), spec));

  spec.components = {{"cuda", "11.8"}};
  const auto other = check_words(torch_facts(), spec);
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::mismatch);
  CHECK(other.error().message() == "specs/x.yaml says cuda 11.8, but the image has cuda 12.4.127");

  spec.components = {{"torch", "2.60"}};
  CHECK_FALSE(check_words(torch_facts(), spec));
  spec.components = {{"nccl", "2.21"}};
  CHECK(check_words(torch_facts(), spec).error().message() ==
        "specs/x.yaml says nccl 2.21, but the image has no nccl");
  spec.components = {{"os", "ubuntu20.04"}};
  CHECK_FALSE(check_words(torch_facts(), spec));
}

TEST_CASE("a file's name that reads as a tag is held to it too") {
  REQUIRE_OK(check_words(torch_facts(), named("specs/pytorch2.6-cuda12.4-debian12.yaml")));
  REQUIRE_OK(check_words(torch_facts(), named("specs/team-a.yaml")));
  CHECK(
      check_words(torch_facts(), named("specs/pytorch2.6-cuda11.8-debian12.yaml")).error().code() ==
      Errc::mismatch);
}

TEST_CASE("the promise names components, floors and libraries") {
  spec::ImageSpec spec = named("specs/x.yaml");
  spec.driver = ">=525.60.13";
  const auto facts = torch_facts();
  const auto promise = REQUIRE_OK(
      base::parse_json(promise_of(facts, spec, REQUIRE_OK(tag_of(facts, spec))), "promise"));
  CHECK(promise["promise"] == 1);
  CHECK(promise["tag"] == "pytorch2.6-cuda12.4-debian12-v2.6.1");
  CHECK(promise["gpu"]["driver_min"] == "525.60.13");
  CHECK(promise["gpu"]["sm"].size() > 3);
  CHECK(promise["libraries"][0]["path"] ==
        "/opt/venv/lib/python3.11/site-packages/nvidia/cudnn/lib/libcudnn.so.9");
}

TEST_CASE("what determinism promises is what the image's configuration says") {
  spec::ImageSpec spec = named("specs/x.yaml");
  const auto promised = [&](const layer::Facts& facts) {
    const auto tag = REQUIRE_OK(tag_of(facts, spec));
    return REQUIRE_OK(base::parse_json(promise_of(facts, spec, tag), "the promise"));
  };
  CHECK_FALSE(promised(torch_facts()).contains("determinism"));
  spec.seed = 42;
  const base::Json with = promised(torch_facts()).at("determinism");
  CHECK(with.at("module") == "imgforge_determinism");
  CHECK(with.at("environment") ==
        base::Json({{"PYTHONHASHSEED", "42"}, {"CUBLAS_WORKSPACE_CONFIG", ":4096:8"}}));
  // The spec has the last word on variables, and an image without Python gets no module.
  spec.config.env = {{"PYTHONHASHSEED", "7"}};
  CHECK(promised(torch_facts()).at("determinism").at("environment").at("PYTHONHASHSEED") == "7");
  CHECK_FALSE(promised({}).at("determinism").contains("module"));
}

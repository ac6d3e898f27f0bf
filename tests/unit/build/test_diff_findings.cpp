#include "build/diff_findings.h"

#include "catch.h"
#include "gpu/reproducibility.h"

using namespace imgforge;
using build::Change;

TEST_CASE("the built-in data is whole and every effect has a source") {
  const auto effects = gpu::parse_effects(gpu::kReproducibilityJson);
  REQUIRE(effects);
  CHECK(effects->size() == gpu::known_effects().size());
  for (const gpu::Effect& effect : *effects) {
    INFO(effect.id);
    CHECK_FALSE(effect.source.empty());
    CHECK_FALSE(effect.changes.empty());
    CHECK(effect.components.size() + effect.packages.size() + effect.env.size() > 0);
  }
  CHECK_FALSE(gpu::parse_effects(R"({"reproducibility": 2, "date": "", "effects": []})"));
  CHECK_FALSE(gpu::parse_effects(
      R"({"reproducibility": 1, "date": "", "sources": {}, "effects": [{"id": "a", "what": "a", "changes": "b", "source": "none"}]})"));
}

TEST_CASE("findings: most telling first, with what they change") {
  build::ImageDiff diff;
  diff.components = {{"cudnn", "9.1.0", "9.5.1"}, {"python", "3.11.2", "3.11.9"}};
  diff.packages = {{"deb:libc6", "2.36-9", "2.36-9+deb12u4"},
                   {"python:numpy", "1.26.4", "2.1.0"},
                   {"python:nvidia_cudnn_cu12", "9.1.0.70", "9.5.1.17"},
                   {"python:requests", "2.31.0", "2.32.0"}};
  diff.config = {{"env CUBLAS_WORKSPACE_CONFIG", ":4096:8", ""}, {"env EDITOR", "", "vi"}};
  diff.files = {{"app/train.py", "0644 10 B a", "0644 10 B b"},
                {"opt/venv/lib/python3.11/site-packages/numpy/a.py", "0644 1 B", "0644 2 B"}};
  const build::Findings findings = build::findings_of(diff);
  std::vector<std::string> what;
  for (const auto& one : findings.found) what.push_back(one.what);
  CHECK(what == std::vector<std::string>{"the project's own code", "cuDNN",
                                         "CUBLAS_WORKSPACE_CONFIG", "NumPy"});
  CHECK(findings.found[0].parts == std::vector<std::string>{"app/train.py"});
  CHECK(findings.found[1].parts ==
        std::vector<std::string>{"cudnn 9.1.0 -> 9.5.1", "nvidia_cudnn_cu12 9.1.0.70 -> 9.5.1.17"});
  CHECK(findings.found[2].parts ==
        std::vector<std::string>{"CUBLAS_WORKSPACE_CONFIG :4096:8 -> (none)"});
  CHECK(findings.conclusion == "most likely the project's own code (app/train.py), then cuDNN");
}

TEST_CASE("findings: one, none, and the same") {
  build::ImageDiff diff;
  CHECK(build::findings_of(diff).conclusion ==
        "the images hold the same; what differs between two runs is not in them");
  diff.packages = {{"python:requests", "2.31.0", "2.32.0"}};
  const auto nothing = build::findings_of(diff);
  CHECK(nothing.found.empty());
  CHECK(nothing.conclusion.starts_with("nothing that is known to change results differs (1 "));
  diff.packages.push_back({"python:torch", "2.5.1+cu124", "2.6.0+cu124"});
  CHECK(build::findings_of(diff).conclusion ==
        "most likely PyTorch (torch 2.5.1+cu124 -> 2.6.0+cu124): nothing else that is known to "
        "change results differs");
}

TEST_CASE("a patch release of Python changes no stream that is known of") {
  const auto python = [] {
    for (const gpu::Effect& one : gpu::known_effects()) {
      if (one.id == "python") return one;
    }
    return gpu::Effect();
  }();
  using gpu::Part;
  CHECK_FALSE(gpu::concerns(python, Part::component, "python", "3.11.2", "3.11.9"));
  CHECK(gpu::concerns(python, Part::component, "python", "3.11.2", "3.12.0"));
  CHECK(gpu::concerns(python, Part::component, "python", "", "3.12.0"));
  CHECK_FALSE(gpu::concerns(python, Part::package, "python", "3.11.2", "3.12.0"));
}

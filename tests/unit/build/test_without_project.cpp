#include "build/without_project.h"

#include "base/file.h"
#include "catch.h"

using namespace imgforge;

namespace {

constexpr const char* kSpec =
    "imgforge: 1\n"
    "image: demo\n"
    "build: v1\n"
    "epoch: 2025-05-20T00:00:00Z\n"
    "layers:\n"
    "  - {id: base, kind: image, ref: \"oci:base:v1\"}\n"
    "  - {id: tool, kind: archive, url: \"https://site.example/tool.tar\"}\n"
    "  - {id: wheels, kind: wheels, requirements_file: base.txt}\n"
    "  - {id: app, kind: files, from: ., dest: /app}\n";

}  // namespace

TEST_CASE("what of a spec needs its project") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-project"));
  REQUIRE_OK(base::make_directories(folder / "specs"));
  REQUIRE_OK(base::write_file_atomic(folder / "specs/demo.yaml", kSpec));
  REQUIRE_OK(base::write_file_atomic(folder / "base.txt", "six\n"));
  const auto spec = REQUIRE_OK(build::load_image(folder / "specs/demo.yaml", {}));
  spec::Lock lock;
  for (const auto& layer : spec.layers) lock.layers.push_back({layer.id, layer.kind, "{}"});

  const auto rest = REQUIRE_OK(build::without_project(spec, lock));
  CHECK(rest.missing == std::vector<build::MissingPath>{{"base", "base"}, {"app", "."}});
  CHECK(rest.keep == std::set<std::string>{"base"});
  std::vector<std::string> left, locked;
  for (const auto& layer : rest.spec.layers) left.push_back(layer.id);
  for (const auto& layer : rest.lock.layers) locked.push_back(layer.id);
  CHECK(left == std::vector<std::string>{"base", "probe", "tool", "wheels"});
  CHECK(locked == left);

  REQUIRE_OK(base::make_directories(folder / "base"));
  REQUIRE_OK(base::remove_all(folder / "base.txt"));
  CHECK(REQUIRE_OK(build::without_project(spec, lock)).keep == std::set<std::string>{"wheels"});
}

#include "spec/matrix.h"

#include "base/text.h"
#include "project.h"
#include "spec/lock.h"

using namespace imgforge;

namespace {

const std::string kSpec =
    "spec:\n  imgforge: 1\n  image: demo\n  build: v1\n  epoch: 2025-05-20T00:00:00Z\n"
    "  config: {env: {A: \"${a}\", B: \"${b|minor}\", E: \"${extra}\"}}\n"
    "  layers: [{kind: files, from: app}]\n";
const std::string kAxes =
    "axes:\n  a: [x, {value: y, with: {extra: more}}]\n  b: [\"1.2.3\", \"2.0.1\"]\n";

Result<spec::Matrix> load(const Project& project, const std::string& text) {
  project.write("specs/demo.matrix.yaml", "imgforge: 1\nmatrix: demo\n" + text);
  return spec::load_matrix(project.path("specs/demo.matrix.yaml"));
}

std::string refusal(const Project& project, const std::string& text) {
  const auto matrix = load(project, text);
  return matrix ? "accepted" : error_text(matrix.error());
}

}  // namespace

TEST_CASE("axes expand in the file's order, and the first varies slowest") {
  const Project project;
  const auto matrix = REQUIRE_OK(load(project, kAxes + kSpec));
  std::vector<std::string> names;
  for (const auto& cell : matrix.cells) names.push_back(cell.name);
  CHECK(names == std::vector<std::string>{"x-b1.2.3", "x-b2.0.1", "y-b1.2.3", "y-b2.0.1"});
  CHECK(matrix.cells[2].position ==
        std::vector<std::pair<std::string, std::string>>{{"a", "y"}, {"b", "1.2.3"}});
}

TEST_CASE("a cell is a spec, with what its values bring") {
  const Project project;
  REQUIRE_OK(load(project, kAxes + kSpec));
  const std::string file = project.path("specs/demo.matrix.yaml");
  using Env = std::vector<std::pair<std::string, std::string>>;
  CHECK(REQUIRE_OK(spec::load_spec(file + "#y-b1.2.3", {})).config.env ==
        Env{{"A", "y"}, {"B", "1.2"}, {"E", "more"}});
  // A name that this value does not bring has no value: the key is gone.
  CHECK(REQUIRE_OK(spec::load_spec(file + "#x-b2.0.1", {})).config.env ==
        Env{{"A", "x"}, {"B", "2.0"}});
  CHECK(spec::lock_path(file + "#x-b2.0.1") ==
        project.path("specs/demo.matrix.x-b2.0.1.lock.json"));
  const auto missing = spec::load_spec(file + "#y-b1.2.4", {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
  CHECK(missing.error().hint().find("y-b1.2.3") != std::string::npos);
  const auto whole = spec::load_spec(file, {});
  REQUIRE_FALSE(whole);
  CHECK(whole.error().hint().find("imgforge matrix") != std::string::npos);
}

TEST_CASE("another value of an axis leaves the digests of the other cells alone") {
  const Project project;
  REQUIRE_OK(load(project, kAxes + kSpec));
  const std::string cell = project.path("specs/demo.matrix.yaml") + "#x-b1.2.3";
  const std::string before = REQUIRE_OK(spec::load_spec(cell, {})).digest;
  REQUIRE_OK(load(project, "axes:\n  a: [x, y, z]\n  b: [\"1.2.3\"]\n" +
                               base::replace_all(kSpec, ", E: \"${extra}\"", "")));
  CHECK(REQUIRE_OK(spec::load_spec(cell, {})).digest == before);
}

TEST_CASE("exclusions carry their reason, and one that excludes nothing is a mistake") {
  const Project project;
  const auto matrix = REQUIRE_OK(load(
      project, kAxes + kSpec + "exclude: [{where: {a: y, b: [\"1.2.3\"]}, reason: too old}]\n"));
  CHECK(matrix.cells[2].excluded == "too old");
  CHECK_FALSE(matrix.cells[2].spec);
  CHECK(matrix.cells[3].excluded.empty());
  const auto cell = spec::load_cell({matrix.file, "y-b1.2.3"});
  REQUIRE_FALSE(cell);
  CHECK(cell.error().code() == Errc::refused);
  CHECK(refusal(project, kAxes + kSpec + "exclude: [{where: {a: w}, reason: r}]\n")
            .find("no value") != std::string::npos);
  CHECK(
      refusal(project, kAxes + kSpec + "exclude: [{where: {c: x}, reason: r}]\n").find("no axis") !=
      std::string::npos);
  // Everything that the second says is excluded, but by the first as well: it is used.
  CHECK(
      refusal(project, kAxes + kSpec +
                           "exclude: [{where: {a: y}, reason: r}, {where: {a: y}, reason: s}]\n") ==
      "accepted");
}

TEST_CASE("cells that are the same image, or have the same name, are mistakes") {
  const Project project;
  CHECK(refusal(project, kAxes + base::replace_all(kSpec, "${a}", "x")).find("same image") ==
        std::string::npos);  // ${extra} still tells them apart
  CHECK(refusal(project, "axes:\n  a: [x, y]\n  b: [\"1.2.3\", \"1.2.4\"]\n" +
                             base::replace_all(kSpec, ", E: \"${extra}\"", ""))
            .find("same image") != std::string::npos);
  CHECK(refusal(project, kAxes + kSpec + "cell: \"${a}\"\n").find("two cells") !=
        std::string::npos);
  CHECK(refusal(project, kAxes + kSpec + "cell: \"${a} ${b}\"\n").find("cannot be the name") !=
        std::string::npos);
  CHECK(refusal(project, "axes:\n  a: [{value: x, with: {b: y}}]\n  b: [z]\n" + kSpec)
            .find("given elsewhere") != std::string::npos);
}

TEST_CASE("axes that make too many cells are refused") {
  std::string axes = "axes:\n";
  for (const char* name : {"a", "b", "extra"}) {
    axes += std::string("  ") + name + ": [";
    for (int i = 0; i < 11; ++i) axes += "\"" + std::to_string(i) + ".0\", ";
    axes += "]\n";
  }
  CHECK(refusal(Project(), axes + kSpec).find("more than 1024 cells") != std::string::npos);
}

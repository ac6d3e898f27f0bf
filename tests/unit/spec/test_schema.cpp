// Holds the published JSON Schemas (docs/schema) and the decoders together: what is committed
// passes both, and what is broken fails both.
#include "base/text.h"
#include "project.h"
#include "schema.h"
#include "spec/layer_definition.h"
#include "spec/matrix.h"

using namespace imgforge;

namespace {

const std::string kRoot = IMGFORGE_SOURCE_DIR;

document::Node read(const std::string& path) {
  return REQUIRE_OK(document::parse_yaml(REQUIRE_OK(base::read_file(path)), path));
}

const std::string kLayers = "layers: [{kind: files, from: app}]\n";

}  // namespace

TEST_CASE("every committed spec passes the schema and the decoder") {
  const Schema schema("spec.schema.json");
  std::size_t count = 0;
  for (const std::string& name : REQUIRE_OK(base::list_directory(kRoot + "/specs"))) {
    if (!name.ends_with(".yaml") || name.ends_with(".matrix.yaml")) continue;
    INFO(name);
    CHECK(schema.check(read(kRoot + "/specs/" + name)) == "");
    REQUIRE_OK(spec::load_spec(kRoot + "/specs/" + name, {}));
    ++count;
  }
  CHECK(count >= 4);
}

TEST_CASE("every committed layer definition passes the schema and the decoder") {
  const Schema schema("layer.schema.json");
  std::size_t count = 0;
  for (const std::string& folder : REQUIRE_OK(base::list_directory(kRoot + "/layers"))) {
    const std::string path = kRoot + "/layers/" + folder;
    if (!base::is_directory(path)) continue;
    for (const std::string& file : REQUIRE_OK(base::list_directory(path))) {
      if (!file.ends_with(".yaml")) continue;
      INFO(folder << "/" << file);
      const document::Node root = read(path + "/" + file);
      CHECK(schema.check(root) == "");
      const std::string name = folder + "/" + file.substr(0, file.size() - 5);
      const auto definition = REQUIRE_OK(spec::parse_definition(root, name));
      CHECK_FALSE(definition.summary.empty());
      for (const auto& parameter : definition.parameters) {
        INFO(parameter.name);
        CHECK_FALSE(parameter.summary.empty());
      }
      ++count;
    }
  }
  CHECK(count >= 10);
}

TEST_CASE("broken specs are refused by schema and decoder") {
  const Schema schema("spec.schema.json");
  const Project project;
  REQUIRE(schema.check(kHead + kLayers) == "");
  const std::string whole[] = {
      "",
      "[]",
      kLayers,
      kHead,
      kHead + "layers: []\n",
      kHead + "layers: {kind: files, from: app}\n",
      kHead + "layers: [files]\n",
      kHead + "layers: [{from: app}]\n",
      kHead + "layers: [{use: a/b, kind: files}]\n",
      kHead + "layers: [{use: a/b, wiht: {}}]\n",
      kHead + "layers: [{use: ../b}]\n",
      kHead + "layers: [{use: os/debian12, with: [x]}]\n",
      kHead + "layers: [{kind: files, from: app, id: -x}]\n",
      "imgforge: 2\nimage: demo\nbuild: v1\nepoch: 1\n" + kLayers,
      "imgforge: 1\nimage: Demo\nbuild: v1\nepoch: 1\n" + kLayers,
      "imgforge: 1\nimage: a..b\nbuild: v1\nepoch: 1\n" + kLayers,
      "imgforge: 1\nimage: demo\nbuild: 1.0\nepoch: 1\n" + kLayers,
      "imgforge: 1\nimage: demo\nbuild: v1-2\nepoch: 1\n" + kLayers,
      "imgforge: 1\nimage: demo\nbuild: v1\nepoch: yesterday\n" + kLayers,
      "imgforge: 1\nimage: demo\nbuild: v1\nepoch: 2025-05-20\n" + kLayers,
  };
  for (const std::string& text : whole) {
    INFO(text);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(project.load(text));
  }
  for (const char* line : {"confg: {}",
                           "platform: linux/x86_64",
                           "platform: linux",
                           "compression: brotli",
                           "config: [x]",
                           "config: {env: [A=b]}",
                           "config: {env: {1A: x}}",
                           "config: {env: {A: [x]}}",
                           "config: {path: [bin]}",
                           "config: {path: /bin}",
                           "config: {workdir: app}",
                           "config: {entrypoint: python}",
                           "config: {cmd: [[a]]}",
                           "config: {user: [a]}",
                           "config: {ports: [http]}",
                           "config: {ports: [99999]}",
                           "config: {volumes: [data]}",
                           "config: {stop_signal: TERM}",
                           "config: {labels: {a: [b]}}",
                           "config: {enviroment: {}}",
                           "gpu: {driver: 525}",
                           "gpu: {driver: '>=x'}",
                           "gpu: {}",
                           "gpu: {drivers: '>=525'}",
                           "determinism: {seed: -1}",
                           "determinism: {seed: 4294967296}",
                           "determinism: {seed: x}",
                           "determinism: {sed: 1}",
                           "tags: {channels: [main]}",
                           "tags: {channels: {main: 'a b'}}",
                           "tags: {chanels: {}}",
                           "registry: x",
                           "registry: host.example/a:v1",
                           "components: [torch]",
                           "components: {torch: [2]}"}) {
    const std::string text = kHead + kLayers + line + "\n";
    INFO(line);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(project.load(text));
  }
}

TEST_CASE("broken layer definitions are refused by schema and decoder") {
  const Schema schema("layer.schema.json");
  const Project project;
  const std::string head = "imgforge: 1\nlayer: d\n";
  const std::string good = "layers: [{kind: probe}]\n";
  const auto load = [&](const std::string& text) {
    project.write("layers/d.yaml", text);
    return project.load(kHead + "layers: [{use: d}]\n");
  };
  REQUIRE(schema.check(head + good) == "");
  REQUIRE_OK(load(head + good));
  const std::string whole[] = {
      "[]",
      "layer: d\n" + good,
      "imgforge: 1\n" + good,
      head,
      head + "layer_s: []\n" + good,
      head + "layers: [{}]\n",
      head + "layers: [{use: x, kind: probe}]\n",
      head + "layers: {kind: probe}\n",
      head + good + "parameters: [a]\n",
      head + good + "parameters: {A: {default: x}}\n",
      head + good + "parameters: {a: x}\n",
      head + good + "parameters: {a: {type: text, default: x}}\n",
      head + good + "parameters: {a: {default: x, choices: x}}\n",
      head + good + "parameters: {a: {default: x, choice: [x]}}\n",
      head + good + "parameters: {a: {required: 'no'}}\n",
      head + good + "config: {evn: {}}\n",
      head + good + "config: {workdir: app}\n",
  };
  for (const std::string& text : whole) {
    INFO(text);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(load(text));
  }
}

namespace {

const std::string kMatrix =
    "imgforge: 1\nmatrix: demo\naxes: {a: [x, {value: y, with: {extra: z}}], b: ['1', '2']}\n";
const std::string kTemplate =
    "spec: {imgforge: 1, image: demo, build: v1, epoch: 2025-05-20T00:00:00Z, "
    "config: {env: {A: '${a}', B: '${b}'}}, layers: [{kind: files, from: app}]}\n";

// Whether the file and every cell of it are read.
bool reads(const Project& project, const std::string& text) {
  project.write("specs/demo.matrix.yaml", text);
  const std::string file = project.path("specs/demo.matrix.yaml");
  const auto matrix = spec::load_matrix(file);
  if (!matrix) return false;
  for (const spec::MatrixCell& cell : matrix->cells) {
    if (cell.spec && !spec::load_spec(file + "#" + cell.name, {})) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("every committed matrix passes the schema and the decoder") {
  const Schema schema("matrix.schema.json");
  std::size_t count = 0;
  for (const std::string& name : REQUIRE_OK(base::list_directory(kRoot + "/specs"))) {
    if (!name.ends_with(".matrix.yaml")) continue;
    INFO(name);
    const std::string file = kRoot + "/specs/" + name;
    CHECK(schema.check(read(file)) == "");
    for (const spec::MatrixCell& cell : REQUIRE_OK(spec::load_matrix(file)).cells) {
      if (cell.spec) REQUIRE_OK(spec::load_spec(file + "#" + cell.name, {}));
    }
    ++count;
  }
  CHECK(count >= 1);
}

TEST_CASE("broken matrices are refused by schema and decoder") {
  const Schema schema("matrix.schema.json");
  const Project project;
  const std::string good = kMatrix + kTemplate;
  REQUIRE(schema.check(good) == "");
  REQUIRE(reads(project, good));
  const std::string head = "imgforge: 1\nmatrix: demo\n";
  for (const std::string& text :
       {std::string("[]"), kMatrix, head + kTemplate, "matrix: demo\naxes: {a: [x]}\n" + kTemplate,
        "imgforge: 1\nmatrix: Demo\naxes: {a: [x]}\n" + kTemplate, head + "axes: {}\n" + kTemplate,
        head + "axes: {a: []}\n" + kTemplate, head + "axes: {a: x}\n" + kTemplate,
        head + "axes: {A: [x]}\n" + kTemplate, head + "axes: {a: [[x]]}\n" + kTemplate,
        head + "axes: {a: [{with: {b: c}}]}\n" + kTemplate,
        head + "axes: {a: [{value: x, wiht: {}}]}\n" + kTemplate, kMatrix + "spec: [x]\n",
        kMatrix + base::replace_all(kTemplate, "image: demo, ", ""),
        kMatrix + base::replace_all(kTemplate, "config:", "confg:")}) {
    INFO(text);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(reads(project, text));
  }
  for (const char* line :
       {"excludes: []", "exclude: [{where: {a: x}}]", "exclude: [{reason: x}]",
        "exclude: [{where: {}, reason: x}]", "exclude: [{where: {a: x}, reason: ' '}]",
        "exclude: [{where: {a: {b: c}}, reason: x}]", "jobs: {option: []}",
        "jobs: {options: --push}", "jobs: {share_from: much}", "jobs: {image: [x]}"}) {
    INFO(line);
    CHECK(schema.check(good + line + "\n") != "");
    CHECK_FALSE(reads(project, good + line + "\n"));
  }
}

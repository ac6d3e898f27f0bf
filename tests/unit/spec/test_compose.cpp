#include "project.h"

using namespace imgforge;

namespace {

std::vector<std::string> ids(const spec::ImageSpec& spec) {
  std::vector<std::string> out;
  for (const auto& layer : spec.layers) out.push_back(layer.id);
  return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a definition's parameters go into its layers") {
  const Project project;
  project.define(
      "app/tool",
      "parameters:\n"
      "  version: {required: true}\n"
      "  tag: {default: \"v${version|minor}\"}\n"
      "  parts: {type: list, default: [x]}\n"
      "  merged: {type: bool, default: false}\n"
      "  note: {required: false}\n"
      "layers:\n"
      "  - kind: archive\n"
      "    title: tool ${version} (${tag}, cu${version|digits}, major ${version|major})\n"
      "    flag: ${merged}\n"
      "    whole: ${parts}\n"
      "    spliced: [a, \"${parts}\", b, \"${note}\"]\n"
      "    note: ${note}\n"
      "    script: echo $${HOME} $HOME $$ costs 5$\n"
      "config: {env: {TOOL: \"${version}\"}}\n");
  const auto spec = REQUIRE_OK(project.load(
      kHead +
      "layers:\n  - use: app/tool\n    with: {version: 3.10.2, parts: [p, 'q'], merged: true}\n"
      "  - use: app/tool\n    with: {version: \"1.2\", note: hi}\n"));
  REQUIRE(spec.layers.size() == 2);
  CHECK(document::canonical(spec.layers[0].entry) ==
        R"({"flag":true,"kind":"archive","script":"echo ${HOME} $HOME $$ costs 5$",)"
        R"("spliced":["a","p","q","b"],)"
        R"--("title":"tool 3.10.2 (v3.10, cu3102, major 3)","whole":["p","q"]})--");
  CHECK(document::canonical(spec.layers[1].entry) ==
        R"({"flag":false,"kind":"archive","note":"hi","script":"echo ${HOME} $HOME $$ costs 5$",)"
        R"--("spliced":["a","x","b","hi"],"title":"tool 1.2 (v1.2, cu12, major 1)",)--"
        R"--("whole":["x"]})--");
  CHECK(ids(spec) == Texts{"app/tool", "app/tool-2"});
  CHECK(spec.layers[0].origin == "layers/app/tool.yaml:10");
  CHECK(spec.layers[0].title == "tool 3.10.2 (v3.10, cu3102, major 3)");
  // The spec's own text is not a template, and neither are the values it gives.
  const auto literal = REQUIRE_OK(
      project.load(kHead + "layers:\n  - use: app/tool\n    with: {version: 1.2, note: \"${x}\"}\n"
                           "  - {kind: run, script: \"echo ${HOME}\"}\n"));
  CHECK(literal.layers[0].entry.find("note")->text() == "${x}");
  CHECK(literal.layers[1].entry.find("script")->text() == "echo ${HOME}");
}

TEST_CASE("definitions use definitions, and hand parameters on") {
  const Project project;
  project.define("base/inner",
                 "parameters: {names: {type: list, default: []}, mode: {default: a}}\n"
                 "layers:\n  - kind: apt\n    packages: [one, \"${names}\"]\n    mode: ${mode}\n"
                 "config: {path: [/inner], env: {A: inner, B: inner}, workdir: /inner}\n");
  project.define("base/outer",
                 "parameters: {more: {type: list, default: [two]}}\n"
                 "layers:\n"
                 "  - use: base/inner\n    with: {names: [zero, \"${more}\"], mode: b}\n"
                 "  - {kind: run, script: x}\n"
                 "config: {path: [/outer], env: {B: outer, C: outer}, labels: {l: outer}}\n");
  const auto spec = REQUIRE_OK(project.load(
      kHead +
      "layers:\n  - use: base/outer\n    with: {more: [three]}\n"
      "config: {path: [/spec], env: {C: spec, D: spec}, entrypoint: [x], user: \"1000\"}\n"));
  CHECK(ids(spec) == Texts{"base/inner", "base/outer"});
  CHECK(document::canonical(spec.layers[0].entry) ==
        R"({"kind":"apt","mode":"b","packages":["one","zero","three"]})");
  CHECK(spec.config.path == Texts{"/spec", "/outer", "/inner"});
  using Env = std::vector<std::pair<std::string, std::string>>;
  CHECK(spec.config.env == Env{{"A", "inner"}, {"B", "outer"}, {"C", "spec"}, {"D", "spec"}});
  CHECK(spec.config.workdir == "/inner");
  CHECK(spec.config.user == "1000");
  CHECK(spec.config.labels == std::map<std::string, std::string>{{"l", "outer"}});
  CHECK(spec.files.size() == 3);
}

TEST_CASE("ids are unique, and what somebody wrote stays") {
  const Project project;
  project.define("two", "layers:\n  - {kind: run, script: a}\n  - {kind: run, script: b, id: b}\n");
  const auto spec =
      REQUIRE_OK(project.load(kHead + "layers:\n"
                                      "  - {kind: run, script: 1}\n"
                                      "  - {kind: run, script: 2}\n"
                                      "  - {use: two}\n"
                                      "  - {use: two, id: mine, title: T, compression: zstd}\n"
                                      "  - {kind: run, script: 3, id: run}\n"));
  CHECK(ids(spec) == Texts{"run-2", "run-3", "two", "b", "mine", "mine-b", "run"});
  CHECK(spec.layers[4].title == "T");
  CHECK(spec.layers[4].compression == "zstd");
  CHECK(document::canonical(spec.layers[4].entry) ==
        R"({"compression":"zstd","kind":"run","script":"a","title":"T"})");
  CHECK(project.refusal(kHead + "layers:\n  - {kind: run, id: x}\n  - {kind: apt, id: x}\n") == R"(
specs/demo.yaml:7:21: the id "x" stands twice in this image
    - {kind: apt, id: x}
                      ^
hint: the other one is in line 6
)");
}

TEST_CASE("definitions are found in the project first, then in the given folders") {
  const Project project;
  project.write("else/lib/a.yaml", "imgforge: 1\nlayer: lib/a\nlayers: [{kind: one}]\n");
  project.write("else/lib/b.json",
                R"({"imgforge": 1, "layer": "lib/b", "layers": [{"kind": "two"}]})");
  project.define("lib/a", "layers: [{kind: own}]\n");
  const auto spec = REQUIRE_OK(project.load(kHead + "layers: [{use: lib/a}, {use: lib/b}]\n",
                                            {project.path("nowhere"), project.path("else")}));
  CHECK(spec.layers[0].kind == "own");
  CHECK(spec.layers[1].kind == "two");
  CHECK(spec.layers[1].origin == "layers/lib/b.json:1");
}

TEST_CASE("mistakes in using a definition are shown where they stand") {
  const Project project;
  project.define("os/one",
                 "parameters:\n"
                 "  suite: {required: true, summary: the release}\n"
                 "  variant: {default: small, choices: [small, large]}\n"
                 "  version: {required: false, pattern: \"[0-9]+\", summary: a number}\n"
                 "  packages: {type: list, default: []}\n"
                 "  merged: {type: bool, default: true}\n"
                 "layers: [{kind: run, script: \"${suite}\"}]\n");
  const auto use = [&](const std::string& with) {
    return project.refusal(kHead + "layers:\n  - use: os/one\n    with: " + with + "\n");
  };
  CHECK(use("{suite: a}") == "accepted");
  CHECK(use("{}") == R"(
specs/demo.yaml:6:5: os/one needs the parameter suite: the release
    - use: os/one
      ^
hint: write with: {suite: …}
)");
  CHECK(use("{suit: a}") == R"(
specs/demo.yaml:7:12: os/one has no parameter "suit"
      with: {suit: a}
             ^
hint: did you mean "suite"?
)");
  CHECK(use("{suite: a, telephone: b}")
            .find("hint: its parameters are: suite, variant, version, packages, merged") !=
        std::string::npos);
  CHECK(use("{suite: a, variant: larg}") == R"(
specs/demo.yaml:7:31: the parameter variant of os/one cannot be "larg"
      with: {suite: a, variant: larg}
                                ^
hint: did you mean "large"? possible are: small, large
)");
  CHECK(use("{suite: a, version: x1}") == R"(
specs/demo.yaml:7:31: the parameter version of os/one cannot be "x1"
      with: {suite: a, version: x1}
                                ^
hint: it must match [0-9]+ (a number)
)");
  CHECK(use("{suite: a, packages: b}") == R"(
specs/demo.yaml:7:32: the parameter packages of os/one must be a list
      with: {suite: a, packages: b}
                                 ^
hint: write [b]
)");
  CHECK(use("{suite: a, merged: yes}").find("must be true or false") != std::string::npos);
  CHECK(use("{suite: [a]}").find("must be a text") != std::string::npos);
  CHECK(use("[a]").find("\"with\" must be a map of parameters") != std::string::npos);
  CHECK(project.refusal(kHead + "layers: [{use: os/on}]\n").find("did you mean os/one?") !=
        std::string::npos);
  CHECK(project.refusal(kHead + "layers: [{use: os/one.yaml}]\n").find("did you mean os/one?") !=
        std::string::npos);
  for (const char* name : {"../os/one", "/os/one", "os//one", "os/../one", "OS/one", "."}) {
    CHECK(project.refusal(kHead + "layers: [{use: \"" + name + "\"}]\n")
              .find("cannot be the name of a layer definition") != std::string::npos);
  }
  CHECK(project.refusal(kHead + "layers: [{uses: os/one}]\n") == R"(
specs/demo.yaml:5:10: a layer needs "use" (a definition) or "kind"
  layers: [{uses: os/one}]
           ^
hint: did you mean "use" where it says "uses"?
)");
  CHECK(project.refusal(kHead + "layers: [{use: os/one, kind: run}]\n")
            .find("either \"use\" or \"kind\", not both") != std::string::npos);
  CHECK(project.refusal(kHead + "layers: [{use: os/one, wiht: {}}]\n")
            .find("did you mean \"with\"?") != std::string::npos);
}

TEST_CASE("mistakes inside a definition are shown there") {
  const Project project;
  const auto define = [&](const std::string& text) {
    project.define("d", text);
    return project.refusal(kHead + "layers: [{use: d}]\n");
  };
  CHECK(define("parameters: {name: {default: x}}\nlayers: [{kind: run, script: \"${nam}\"}]\n") ==
        R"(
layers/d.yaml:4:30: the layer at specs/demo.yaml:5: there is no parameter "nam" here
  layers: [{kind: run, script: "${nam}"}]
                               ^
hint: did you mean ${name}?
)");
  const auto script = [&](const std::string& text) {
    return define(
        "parameters: {v: {default: \"2.6\"}, l: {type: list, default: []}, o: {required: false}}\n"
        "layers: [{kind: run, script: \"" +
        text + "\"}]\n");
  };
  CHECK(script("${v|digit}").find("did you mean \"digits\"?") != std::string::npos);
  CHECK(script("a ${l} b").find("the list l stands inside a text") != std::string::npos);
  CHECK(script("a ${o} b").find("the parameter o has no value here") != std::string::npos);
  CHECK(script("${v").find("a ${ is not closed") != std::string::npos);
  CHECK(script("${v|minor}.${v | major}") == "accepted");
  CHECK(define("parameters: {v: {default: x}}\nlayers: [{kind: \"${v|digits}\"}]\n")
            .find("\"x\", the value of v, has no digits") != std::string::npos);
  CHECK(define("parameters: {v: {default: x}}\nlayers: [{kind: \"${v|minor}\"}]\n")
            .find("\"x\", the value of v, has no minor version") != std::string::npos);
  // A default sees only the parameters before it.
  CHECK(define("parameters: {a: {default: \"${b}\"}, b: {default: x}}\nlayers: [{kind: run}]\n")
            .find("there is no parameter \"b\" here") != std::string::npos);
  CHECK(define("parameters: {A: {default: x}}\nlayers: [{kind: run}]\n")
            .find("\"A\" cannot be the name of a parameter") != std::string::npos);
  CHECK(define("parameters: {a: {type: text}}\nlayers: [{kind: run}]\n")
            .find("possible are: string, list, bool") != std::string::npos);
  CHECK(define("parameters: {a: {default: x, required: true}}\nlayers: [{kind: run}]\n")
            .find("a required parameter has no default") != std::string::npos);
  CHECK(define("parameters: {a: {default: x, pattern: \"[\"}}\nlayers: [{kind: run}]\n")
            .find("is not a regular expression") != std::string::npos);
  CHECK(define("parameters: {a: {default: x, choices: [y]}}\nlayers: [{kind: run}]\n")
            .find("the parameter a of d cannot be \"x\"") != std::string::npos);
  CHECK(define("layer_s: []\n").find("did you mean \"layers\"?") != std::string::npos);
  CHECK(define("summary: x\n").find("has neither layers nor config") != std::string::npos);
  CHECK(define("layers: [{kind: run}]\nconfig: {evn: {A: b}}\n")
            .find("config of d has no key \"evn\"") != std::string::npos);
  project.write("layers/d.yaml", "imgforge: 1\nlayer: e\nlayers: [{kind: run}]\n");
  CHECK(project.refusal(kHead + "layers: [{use: d}]\n") == R"(
layers/d.yaml:2:8: the definition is found as d, and calls itself otherwise
  layer: e
         ^
hint: write layer: d
)");
}

TEST_CASE("a circle of definitions is named") {
  const Project project;
  project.define("a", "layers: [{use: b}]\n");
  project.define("b", "layers: [{use: c}]\n");
  project.define("c", "layers: [{use: a}]\n");
  CHECK(project.refusal(kHead + "layers: [{use: a}]\n") == R"(
layers/c.yaml:3:16: the layer at specs/demo.yaml:5: layer definitions use each other in a circle: a -> b -> c -> a
  layers: [{use: a}]
                 ^
)");
}

TEST_CASE("composition that multiplies is bounded") {
  const Project project;
  for (int i = 0; i < 12; ++i) {
    const std::string next = "n" + std::to_string(i + 1);
    project.define("n" + std::to_string(i), "layers: [{use: " + next + "}, {use: " + next + "}]\n");
  }
  project.define("n12", "layers: [{kind: run}]\n");
  CHECK(project.refusal(kHead + "layers: [{use: n0}]\n").find("more than 127 layers") !=
        std::string::npos);
  for (int i = 0; i < 20; ++i) {
    project.define("m" + std::to_string(i),
                   "parameters: {t: {default: 0123456789}}\n"
                   "layers: [{use: m" +
                       std::to_string(i + 1) + ", with: {t: \"${t}${t}${t}${t}\"}}]\n");
  }
  project.define("m20", "parameters: {t: {required: true}}\nlayers: [{kind: \"${t}\"}]\n");
  CHECK(project.refusal(kHead + "layers: [{use: m0}]\n").find("grows beyond 1 MiB") !=
        std::string::npos);
  CHECK(project.refusal(kHead + "layers: [{use: m4}]\n").find("grows beyond 1 MiB") !=
        std::string::npos);
}

#include "project.h"

using namespace imgforge;

namespace {

const std::string kLayers = "layers: [{kind: files, from: app}]\n";

}  // namespace

TEST_CASE("a whole spec is read") {
  const Project project;
  const auto spec =
      REQUIRE_OK(project.load("imgforge: 1\n"
                              "image: team/pytorch-cuda\n"
                              "build: v2.6.1\n"
                              "platform: linux/arm64\n"
                              "epoch: 2025-05-20T00:00:00Z\n" +
                              kLayers +
                              "config:\n"
                              "  env: {Z: 1, A: ''}\n"
                              "  path: [/opt/venv/bin]\n"
                              "  workdir: /app\n"
                              "  entrypoint: [python, -m, app]\n"
                              "  cmd: [--help]\n"
                              "  user: app\n"
                              "  labels: {org.example.team: ml}\n"
                              "  ports: [8080/tcp]\n"
                              "  volumes: [/data]\n"
                              "  stop_signal: SIGINT\n"
                              "gpu: {driver: '>=525'}\n"
                              "determinism: {seed: 42}\n"
                              "tags: {channels: {main: v2.6-lts, 'feat/*': nightly}}\n"
                              "registry: harbor.example/ml/pytorch-cuda\n"
                              "compression: zstd\n"
                              "components: {torch: 2.10, os: debian12}\n"));
  CHECK(spec.image == "team/pytorch-cuda");
  CHECK(spec.build == "v2.6.1");
  CHECK(spec.platform.architecture == "arm64");
  CHECK(spec.epoch.value == 1747699200);
  CHECK(spec.config.env == std::vector<std::pair<std::string, std::string>>{{"Z", "1"}, {"A", ""}});
  CHECK(spec.config.path == std::vector<std::string>{"/opt/venv/bin"});
  CHECK(spec.config.workdir == "/app");
  CHECK(spec.config.entrypoint == std::vector<std::string>{"python", "-m", "app"});
  CHECK(spec.config.cmd == std::vector<std::string>{"--help"});
  CHECK(spec.config.user == "app");
  CHECK(spec.config.ports == std::vector<std::string>{"8080/tcp"});
  CHECK(spec.config.volumes == std::vector<std::string>{"/data"});
  CHECK(spec.config.stop_signal == "SIGINT");
  CHECK(spec.driver == ">=525");
  CHECK(spec.seed == 42);
  CHECK(spec.channels == std::vector<std::pair<std::string, std::string>>{{"main", "v2.6-lts"},
                                                                          {"feat/*", "nightly"}});
  CHECK(spec.registry == "harbor.example/ml/pytorch-cuda");
  CHECK(spec.compression == "zstd");
  CHECK(spec.components ==
        std::map<std::string, std::string>{{"torch", "2.10"}, {"os", "debian12"}});
  CHECK(spec.project_directory == project.path("").substr(0, project.path("").size() - 1));
  CHECK(spec.layers[0].origin == "specs/demo.yaml:6");
}

TEST_CASE("defaults") {
  const Project project;
  const auto spec = REQUIRE_OK(project.load(kHead + kLayers));
  CHECK(spec.platform.to_string() == "linux/amd64");
  CHECK(spec.compression == "gzip");
  CHECK(spec.registry.empty());
  CHECK_FALSE(spec.seed);
  project.write("elsewhere/demo.yaml", kHead + kLayers);
  const auto other = REQUIRE_OK(spec::load_spec(project.path("elsewhere/demo.yaml"), {}));
  CHECK(other.project_directory == project.path("elsewhere"));
  CHECK(other.layers[0].origin == "demo.yaml:5");
}

TEST_CASE("the digest is of the content, not of the text or the place") {
  const Project one;
  const Project two;
  const std::string definition = "summary: x\nlayers:\n  - {kind: run, script: \"a\"}\n";
  one.define("d", definition);
  two.define("d", "# said otherwise\r\nlayers:\r\n- script: 'a'\r\n  kind: run\r\nsummary: x\r\n");
  const std::string text = kHead + "layers: [{use: d}]\n";
  const std::string digest = REQUIRE_OK(one.load(text)).digest;
  CHECK(digest.size() == 64);
  CHECK(REQUIRE_OK(two.load(text)).digest == digest);
  CHECK(REQUIRE_OK(two.load("# comment\nlayers:\n  - use: d\n" + kHead)).digest == digest);
  CHECK(REQUIRE_OK(two.load(R"({"imgforge": 1, "image": "demo", "build": "v1",
        "epoch": "2025-05-20T00:00:00Z", "layers": [{"use": "d"}]})"))
            .digest == digest);
  CHECK(REQUIRE_OK(one.load(text + "config: {user: x}\n")).digest != digest);
  one.define("d", "summary: x\nlayers:\n  - {kind: run, script: \"b\"}\n");
  CHECK(REQUIRE_OK(one.load(text)).digest != digest);
}

TEST_CASE("mistakes in a spec are shown with place and advice") {
  const Project project;
  const auto with = [&](const std::string& text) {
    return project.refusal(kHead + kLayers + text + "\n");
  };
  CHECK(with("confg: {}") == R"(
specs/demo.yaml:6:1: the spec has no key "confg"
  confg: {}
  ^
hint: did you mean "config"?
)");
  CHECK(with("platform: linux/x86_64").find("hint: write linux/amd64") != std::string::npos);
  CHECK(with("gpu: {driver: 525}") == R"(
specs/demo.yaml:6:15: "525" is not a driver requirement
  gpu: {driver: 525}
                ^
hint: write the oldest driver that will do: ">=525"
)");
  CHECK(with("determinism: {seed: -1}").find("between 0 and 4294967295") != std::string::npos);
  CHECK(with("determinism: {sed: 1}").find("did you mean \"seed\"?") != std::string::npos);
  CHECK(with("tags: {channels: {main: 'a b'}}").find("must be a tag") != std::string::npos);
  CHECK(with("tags: {channels: [main]}").find("must be a map") != std::string::npos);
  CHECK(with("registry: harbor.example/ml/x:v1").find("without a tag") != std::string::npos);
  CHECK(with("registry: oci:/tmp/x").find("must be a repository in a registry") !=
        std::string::npos);
  CHECK(with("compression: brotli").find("specs/demo.yaml:6:14: ") != std::string::npos);
  CHECK(with("components: {torch: }").find("the component torch must have a version") !=
        std::string::npos);
  CHECK(with("config: {env: {1A: x}}").find("cannot be the name of a variable") !=
        std::string::npos);
  CHECK(with("config: {env: {A: }}").find("hint: write \"\" for an empty value") !=
        std::string::npos);
  CHECK(with("config: {env: [A=b]}").find("\"env\" must be a map") != std::string::npos);
  CHECK(with("config: {path: [bin]}").find("cannot be a folder of PATH") != std::string::npos);
  CHECK(with("config: {workdir: app}").find("is not an absolute path") != std::string::npos);
  CHECK(with("config: {ports: [http]}").find("is not a port") != std::string::npos);
  CHECK(with("config: {ports: [99999]}").find("is not a port") != std::string::npos);
  CHECK(with("config: {stop_signal: TERM}").find("is not a signal") != std::string::npos);
  CHECK(with("config: {entrypoint: python}").find("hint: write [python]") != std::string::npos);
  CHECK(with("image: again").find("stands twice") != std::string::npos);

  CHECK(project.refusal("imgforge: 2\n" + kLayers).find("reads format 1 only") !=
        std::string::npos);
  CHECK(project.refusal(kLayers).find("the spec lacks the key \"imgforge\"") != std::string::npos);
  CHECK(project.refusal(kHead).find("the spec lacks the key \"layers\"") != std::string::npos);
  CHECK(project.refusal(kHead + "layers: []\n").find("the spec has no layers") !=
        std::string::npos);
  CHECK(project.refusal(kHead + "layers: {use: x}\n").find("must be a list of maps") !=
        std::string::npos);
  CHECK(project.refusal("").find("the spec must be a map of keys") != std::string::npos);
  const auto named = [&](const std::string& image, const std::string& build,
                         const std::string& epoch) {
    return project.refusal("imgforge: 1\nimage: " + image + "\nbuild: " + build +
                           "\nepoch: " + epoch + "\n" + kLayers);
  };
  CHECK(named("a/b-c.d_e__f", "v1", "1") == "accepted");
  for (const char* image : {"Big", "a//b", "-a", "a-", "a..b", "a___b", "a_-b", "/a", "ä"}) {
    INFO(image);
    CHECK(named(image, "v1", "1").find("cannot be the name of a repository") != std::string::npos);
  }
  for (const char* build : {"1", "version", "v1-2", "v1/2", "v"}) {
    CHECK(named("a", build, "1").find("is not a build id") != std::string::npos);
  }
  for (const char* epoch : {"yesterday", "2025-05-20", "2025-02-30T00:00:00Z"}) {
    CHECK(named("a", "v1", epoch).find("must be a point in time") != std::string::npos);
  }
  const auto missing = spec::load_spec(project.path("specs/none.yaml"), {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
}

TEST_CASE("secrets in specs and definitions are refused and not repeated") {
  const Project project;
  const std::string token = "gh" + std::string("p_") + std::string(36, 'a');
  const auto refusal = project.refusal(kHead + kLayers + "config: {env: {X: " + token + "}}\n");
  CHECK(refusal.find("specs/demo.yaml:6:19: the value of \"X\" looks like a GitHub token") !=
        std::string::npos);
  CHECK(refusal.find(token) == std::string::npos);
  for (const std::string& text : {std::string("config: {env: {DB_PASSWORD: hunter2}}"),
                                  std::string("config: {labels: {api-token: hunter2}}"),
                                  "config: {cmd: [run, \"" + token + "\"]}",
                                  std::string("registry: https://me:hunter2@harbor.example/x")}) {
    const auto spec = project.load(kHead + kLayers + text + "\n");
    INFO(text);
    REQUIRE_FALSE(spec);
    CHECK(spec.error().code() == Errc::refused);
  }
  project.define("d", "layers:\n  - {kind: run, script: x, env: {API_TOKEN: abc}}\n");
  CHECK(project.refusal(kHead + "layers: [{use: d}]\n")
            .find("layers/d.yaml:4:45: the value of \"API_TOKEN\" looks like a password") !=
        std::string::npos);
  CHECK(project.load(kHead + kLayers + "config: {env: {TOKEN_FILE: /run/t, DB_PASSWORD: ''}}\n"));
}

TEST_CASE("the committed specs load") {
  for (const char* name : {"pytorch2.6-cuda11.8-ubuntu20.04", "pytorch2.6-cuda12.4-debian12",
                           "cuda11.8-runtime-debian12", "tiny"}) {
    INFO(name);
    const auto spec = REQUIRE_OK(
        spec::load_spec(std::string(IMGFORGE_SOURCE_DIR) + "/specs/" + name + ".yaml", {}));
    CHECK(spec.layers.size() >= 2);
  }
}

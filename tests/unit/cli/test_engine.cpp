#include "cli/engine.h"

#include "catch.h"

using namespace imgforge;
using namespace imgforge::cli;

namespace {

const ContainerRun kRun{.image = "harbor.example/ml/app:v1",
                        .program = "/opt/imgforge/bin/imgforge",
                        .options = {"--gpus", "all"},
                        .words = {"probe", "--json"}};

std::string code(const std::optional<Error>& error) {
  if (!error) return "";
  for (const auto& [key, value] : error->facts()) {
    if (key == "exit_code") return value;
  }
  return "none";
}

}  // namespace

TEST_CASE("GPUs in the words of each engine") {
  using Words = std::vector<std::string>;
  CHECK(gpu_options(Engine::podman, "all").value() == Words{"--device", "nvidia.com/gpu=all"});
  CHECK(gpu_options(Engine::podman, "0,GPU-1a").value() ==
        Words{"--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=GPU-1a"});
  CHECK(gpu_options(Engine::docker, "all").value() == Words{"--gpus", "all"});
  CHECK(gpu_options(Engine::docker, "0,1").value() == Words{"--gpus", "\"device=0,1\""});
  for (const Engine engine : {Engine::podman, Engine::docker, Engine::nerdctl}) {
    CHECK(gpu_options(engine, "none").value().empty());
    for (const char* wrong : {"", "0,", "0 1", "--privileged"}) {
      INFO(wrong);
      CHECK(gpu_options(engine, wrong).error().code() == Errc::usage);
    }
  }
}

TEST_CASE("one container, without network, removed at its end") {
  CHECK(command_line(Engine::docker, kRun) ==
        std::vector<std::string>{"docker", "run", "--rm", "--network", "none", "--gpus", "all",
                                 "--entrypoint", "/opt/imgforge/bin/imgforge",
                                 "harbor.example/ml/app:v1", "probe", "--json"});
}

TEST_CASE("what the program in the image says is its own") {
  for (const Engine engine : {Engine::podman, Engine::docker, Engine::nerdctl}) {
    for (int status = 0; status <= 7; ++status) {
      CHECK_FALSE(explain_refusal(engine, kRun, status, "a check of nvidia.com/gpu failed"));
    }
  }
}

TEST_CASE("whose fault a refusal is") {
  struct Case {
    Engine engine;
    int status;
    const char* said;
    const char* exit_code;
    const char* advice;
  };
  const Case cases[] = {
      {Engine::podman, 125, "Error: stat nvidia.com/gpu=all: no such file or directory", "4",
       "nvidia-ctk cdi generate"},
      {Engine::podman, 126,
       "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=9", "4",
       "nvidia-ctk"},
      {Engine::docker, 125,
       "docker: Error response from daemon: could not select device driver \"\" with capabilities: "
       "[[gpu]].",
       "4", "nvidia-ctk runtime configure"},
      {Engine::docker, 125,
       "docker: Error response from daemon: failed to create task for container: "
       "nvidia-container-cli: initialization "
       "error: nvml error: driver not loaded: unknown.",
       "4", "nvidia-smi"},
      {Engine::docker, 125,
       "nvidia-container-cli: requirement error: unsatisfied condition: cuda>=12.4", "4", "update"},
      {Engine::docker, 125,
       "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "4",
       "systemctl"},
      {Engine::docker, 125,
       "Unable to find image 'x' locally\ndocker: manifest unknown.\nSee 'docker run --help'.", "2",
       "tags"},
      {Engine::docker, 125,
       "Unable to find image 'x' locally\ndocker: Error response from daemon: Get "
       "\"https://registry.example/v2/\": dial tcp: lookup registry.example: no such host.",
       "2", "docker load"},
      {Engine::docker, 127,
       "exec: \"/opt/imgforge/bin/imgforge\": stat /opt/imgforge/bin/imgforge: no such file or "
       "directory: unknown",
       "5", "layer"},
      {Engine::podman, 126,
       "{\"msg\":\"exec container process `/opt/imgforge/bin/imgforge`: Exec format error\"}", "5",
       "architecture"},
      {Engine::podman, 126,
       "Error: runc: runc create failed: unable to start container process: error during container "
       "init: error setting rlimits for ready process: error setting rlimit type 7: operation not "
       "permitted: OCI permission denied",
       "4", "--ulimit=host"},
      {Engine::nerdctl, 1,
       "time=\"x\" level=fatal msg=\"cannot access containerd socket \\\"/run/containerd\\\"\"",
       "4", "sudo"},
      {Engine::podman, 137, "", "1", "memory"},
  };
  for (const Case& one : cases) {
    INFO(one.said);
    const auto error = explain_refusal(one.engine, kRun, one.status, one.said);
    CHECK(code(error) == one.exit_code);
    REQUIRE(error);
    CHECK(error->hint().find(one.advice) != std::string::npos);
  }
  const auto unknown =
      explain_refusal(Engine::podman, kRun, 125, "pulling\nError: something new\n");
  REQUIRE(unknown);
  CHECK(code(unknown) == "4");
  CHECK(unknown->summary().find("Error: something new") != std::string::npos);
}

#include "base/text.h"
#include "catch.h"
#include "cli/env_start.h"

using namespace imgforge::cli;  // the whole of this file's subject

namespace {

EnvStart plain_start() {
  return {.image = "harbor.example/ml/demo@sha256:aa",
          .tree = "/home/a b/project",
          .folder = "/home/a b/project/src",
          .annotation = "demo:v1@sha256:aa",
          .words = {"python", "train.py", "--lr", "3"}};
}

std::string line(Engine engine, const EnvStart& start) {
  return imgforge::base::join(command_line(engine, start), " ");
}

}  // namespace

TEST_CASE("a container has the working tree under its own name") {
  CHECK(line(Engine::docker, plain_start()) ==
        "docker run --rm -i --mount type=bind,source=/home/a b/project,target=/home/a b/project "
        "--workdir /home/a "
        "b/project/src --env IMGFORGE_ENV=demo:v1@sha256:aa --label "
        "io.imgforge.env.image=harbor.example/ml/demo@sha256:aa "
        "--label io.imgforge.env.tree=/home/a b/project --entrypoint python "
        "harbor.example/ml/demo@sha256:aa train.py --lr 3");
}

TEST_CASE("everything that can be asked of a container") {
  EnvStart all = plain_start();
  all.repository = "/srv/main/.git";
  all.may_write_repository = false;
  all.commit = "4f1e2d";
  all.gpu_options = {"--device", "nvidia.com/gpu=0"};
  all.ports = {"127.0.0.1:8080:80"};
  all.environment_file = "/home/a/secret.env";
  all.engine_options = {"--shm-size=8g"};
  all.user = "1000:1000";
  all.has_terminal = true;
  all.plain_http = true;
  const std::string podman = line(Engine::podman, all);
  for (const char* words :
       {"podman run --rm -it --tls-verify=false --device nvidia.com/gpu=0 --mount ",
        "--mount type=bind,source=/srv/main/.git,target=/srv/main/.git,readonly ",
        "--publish 127.0.0.1:8080:80 --env-file /home/a/secret.env ",
        "--env IMGFORGE_COMMIT=4f1e2d ",
        "--user 1000:1000 --env HOME=/tmp --shm-size=8g --entrypoint python "}) {
    INFO(podman);
    CHECK(podman.find(words) != std::string::npos);
  }
  CHECK(line(Engine::docker, all).find("tls-verify") ==
        std::string::npos);  // docker has no such option
}

TEST_CASE("ports are published on this machine, unless an address is given") {
  CHECK(*port_option("8080:80") == "127.0.0.1:8080:80");
  CHECK(*port_option("80") == "127.0.0.1:80:80");
  CHECK(*port_option("0.0.0.0:8080:80") == "0.0.0.0:8080:80");
  CHECK(*port_option("[::1]:8080:80") == "[::1]:8080:80");
  for (const char* text :
       {"", ":", "0:80", "80:65536", "a:80", "80:b", "host:1:2", ":1:2", "--privileged", "1:2,3"}) {
    INFO(text);
    CHECK_FALSE(port_option(text));
  }
}

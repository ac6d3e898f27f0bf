#include "catch.h"
#include "oci/image.h"

using namespace imgforge;
using namespace imgforge::oci;

namespace {

ImageConfig sample() {
  ImageConfig config;
  config.created = base::Seconds{1747699200};
  config.author = "platform team";
  config.platform = {"linux", "arm64", "v8"};
  config.config.user = "1000:1000";
  config.config.env = {"PATH=/usr/bin:/bin", "A=", "B=x=y", "A=again"};
  config.config.entrypoint = {"python", "-m", "app"};
  config.config.cmd = {"--help"};
  config.config.working_dir = "/app";
  config.config.labels = {{"b", "2"}, {"a", "\xc3\xa9"}};
  config.config.exposed_ports = {"80/tcp", "8888/tcp"};
  config.config.volumes = {"/data"};
  config.config.stop_signal = "SIGINT";
  config.diff_ids = {Digest::of("one"), Digest::of("two")};
  config.history = {{.created = config.created, .created_by = "imgforge apt: os", .comment = "os"},
                    {.created_by = "env", .empty_layer = true},
                    {.created = config.created, .created_by = "imgforge wheels: torch"}};
  return config;
}

void check_same(const ImageConfig& a, const ImageConfig& b) {
  CHECK(a.created == b.created);
  CHECK(a.author == b.author);
  CHECK(a.platform == b.platform);
  CHECK(a.config.user == b.config.user);
  CHECK(a.config.env == b.config.env);
  CHECK(a.config.entrypoint == b.config.entrypoint);
  CHECK(a.config.cmd == b.config.cmd);
  CHECK(a.config.working_dir == b.config.working_dir);
  CHECK(a.config.labels == b.config.labels);
  CHECK(a.config.exposed_ports == b.config.exposed_ports);
  CHECK(a.config.volumes == b.config.volumes);
  CHECK(a.config.stop_signal == b.config.stop_signal);
  CHECK(a.diff_ids == b.diff_ids);
  REQUIRE(a.history.size() == b.history.size());
  for (std::size_t i = 0; i < a.history.size(); ++i) {
    CHECK(a.history[i].created == b.history[i].created);
    CHECK(a.history[i].created_by == b.history[i].created_by);
    CHECK(a.history[i].comment == b.history[i].comment);
    CHECK(a.history[i].empty_layer == b.history[i].empty_layer);
  }
}

}  // namespace

TEST_CASE("golden: a config's bytes") {
  ImageConfig config;
  config.created = base::Seconds{1747699200};
  config.config.env = {"PATH=/bin"};
  config.diff_ids = {Digest::of("one")};
  config.history = {{.created = config.created, .created_by = "x"}};
  CHECK(to_json(config) ==
        R"({"architecture":"amd64","config":{"Env":["PATH=/bin"]},)"
        R"("created":"2025-05-20T00:00:00Z",)"
        R"("history":[{"created":"2025-05-20T00:00:00Z","created_by":"x"}],"os":"linux",)"
        R"("rootfs":{"diff_ids":["sha256:)"
        R"(7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"],)"
        R"("type":"layers"}})");
}

TEST_CASE("a config reads back as it was, order of the environment included") {
  const ImageConfig config = sample();
  const ImageConfig back = REQUIRE_OK(parse_image_config(to_json(config)));
  check_same(back, config);
  CHECK(to_json(back) == to_json(config));
}

TEST_CASE("what Docker writes is read") {
  const ImageConfig config = REQUIRE_OK(parse_image_config(
      R"({"architecture":"amd64","os":"linux","created":"2024-01-02T03:04:05.123456789Z",)"
      R"("docker_version":"27.0","container_config":{"Hostname":"x"},)"
      R"("config":{"Env":["A=b"],"Cmd":null,"Entrypoint":null,"Labels":null,"Volumes":null,)"
      R"("ExposedPorts":{"8888/tcp":{}},"OnBuild":null,"Healthcheck":{"Test":["NONE"]}},)"
      R"("history":[{"created":"2024-01-02T03:04:05+01:00","created_by":"a"},)"
      R"({"created_by":"b","empty_layer":true}],)"
      R"("rootfs":{"type":"layers","diff_ids":[]}})"));
  CHECK(base::format_time(config.created) == "2024-01-02T03:04:05Z");
  CHECK(config.config.cmd.empty());
  CHECK(config.config.exposed_ports == std::vector<std::string>{"8888/tcp"});
  REQUIRE(config.history.size() == 2);
  CHECK(base::format_time(*config.history[0].created) == "2024-01-02T02:04:05Z");
  CHECK(config.history[1].empty_layer);
}

TEST_CASE("a wrong config is refused with the field's name") {
  const auto why = [](const std::string& json) {
    INFO(json);
    const auto parsed = parse_image_config(json);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    return parsed.error().summary();
  };
  const std::string head = R"({"architecture":"amd64","os":"linux",)";
  const std::string rootfs = R"("rootfs":{"type":"layers","diff_ids":[]}})";
  REQUIRE(parse_image_config(head + rootfs));
  CHECK_THAT(why(R"({"os":"linux",)" + rootfs), Catch::Contains("architecture"));
  CHECK_THAT(why(R"({"architecture":"amd64","os":"linux"})"), Catch::Contains("rootfs"));
  CHECK_THAT(why(head + R"("rootfs":{"type":"tree","diff_ids":[]}})"), Catch::Contains("type"));
  CHECK_THAT(why(head + R"("rootfs":{"type":"layers","diff_ids":["x"]}})"),
             Catch::Contains("diff_ids"));
  CHECK_THAT(why(head + R"("created":"yesterday",)" + rootfs), Catch::Contains("created"));
  CHECK_THAT(why(head + R"("config":{"Env":"A=b"},)" + rootfs), Catch::Contains("Env"));
  CHECK_THAT(why(head + R"("config":{"ExposedPorts":["80"]},)" + rootfs),
             Catch::Contains("ExposedPorts"));
  CHECK_THAT(why(head + R"("config":{"Labels":{"a":1}},)" + rootfs), Catch::Contains("Labels"));
  CHECK_THAT(why(head + R"("history":{},)" + rootfs), Catch::Contains("history"));
}

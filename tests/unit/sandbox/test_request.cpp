#include "catch.h"
#include "sandbox/request.h"

using namespace imgforge;
using namespace imgforge::sandbox;

TEST_CASE("a request survives its own format") {
  Request request;
  request.action = Request::Action::run;
  request.enter_user_namespace = true;
  request.report_fd = 7;
  request.work = "/scratch/step";
  request.trees = {"/trees/a", "/trees/b"};
  request.step.argv = {"/bin/sh", "-c", "echo \"ä\"\n"};
  request.step.env = {{"A", "1"}, {"B", ""}};
  request.step.directory = "/srv";
  request.step.read_only_binds = {{"/host", "/run/x"}};
  request.step.tmpfs = {"/var/log"};
  request.step.epoch.value = 1747699200;
  request.step.rules = {{"etc/*-"}, {"etc/machine-id", CaptureRule::Action::empty}};
  const Request read = REQUIRE_OK(parse_request(format_request(request)));
  CHECK(read.action == Request::Action::run);
  CHECK(read.enter_user_namespace);
  CHECK(read.report_fd == 7);
  CHECK(read.trees == request.trees);
  CHECK(format_request(read) == format_request(request));
}

TEST_CASE("an unknown request is refused") {
  const auto read = parse_request(R"({"action":"dance","report_fd":1})");
  REQUIRE_FALSE(read);
}

TEST_CASE("a report carries code, sentence and hint") {
  const Error error = parse_report(
      format_report(Error(Errc::unsupported, "no overlay").hint("use ext4").context("running")));
  CHECK(error.code() == Errc::unsupported);
  CHECK(error.message() == "running: no overlay");
  CHECK(error.hint() == "use ext4");
  CHECK(parse_report("Segmentation fault").code() == Errc::invalid);
}

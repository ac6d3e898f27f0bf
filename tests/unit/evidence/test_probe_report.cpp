#include "../spec/schema.h"
#include "base/json.h"
#include "catch.h"
#include "evidence/probe_report.h"

using namespace imgforge;
using namespace imgforge::evidence;
using base::Json;

namespace {

constexpr base::Seconds kWhen{1747699200};

/// The parts of a report that are read here, as the probe prints them for one GPU.
Json good_report() {
  return Json::parse(R"({
    "probe": 1, "program": "imgforge-probe 0.1.0",
    "verdict": {"status": "ok", "exit_code": 0, "finding": null, "cause": "ok", "owner": "nobody",
                "sentence": "GPU, driver and image work together", "advice": null},
    "findings": [],
    "image": {"promise": "present", "name": "pytorch-cuda", "tag": "debian12-v1", "error": null},
    "nvml": {"loaded": true, "driver": "550.54.15", "cuda": "12.4"},
    "driver": {"loaded": true, "cuda": "12.4", "gpu_count": 1},
    "gpus": [{"index": 0, "name": "NVIDIA H100 80GB HBM3", "uuid": "GPU-1", "pci": "0000:01:00.0",
              "compute_capability": "9.0", "multiprocessors": 132, "memory_bytes": 85029158912,
              "compute": {"load": "passed", "memory": "passed", "matmul": "passed",
                          "transfer": "passed", "failed_call": null}}]})");
}

ProbeReport read(const Json& report) { return REQUIRE_OK(read_probe_report(report.dump(), kWhen)); }

}  // namespace

TEST_CASE("what a gate asks of a report") {
  const ProbeReport report = read(good_report());
  CHECK(report.passed());
  CHECK(report.status == "ok");
  CHECK(report.driver == "550.54.15");
  CHECK(report.cuda == "12.4");
  CHECK(report.image == "pytorch-cuda");
  REQUIRE(report.devices.size() == 1);
  CHECK(report.devices[0].name == "NVIDIA H100 80GB HBM3");
  CHECK(report.devices[0].compute_capability == "9.0");
  CHECK(report.devices[0].computed);
}

TEST_CASE("a report without a GPU, or with one that did not compute, does not pass") {
  Json report = good_report();
  SECTION("no GPU, which was allowed") {
    report["gpus"] = Json::array();
    report["verdict"]["status"] = "no-gpu";
  }
  SECTION("no GPU in spite of a good verdict") { report["gpus"] = Json::array(); }
  SECTION("a check that was not run") { report["gpus"][0]["compute"]["matmul"] = "not-run"; }
  SECTION("one of two GPUs") {
    report["gpus"].push_back(report["gpus"][0]);
    report["gpus"][1]["compute"]["memory"] = "failed";
  }
  SECTION("no compute stage") { report["gpus"][0].erase("compute"); }
  SECTION("a failed verdict") {
    report["verdict"]["status"] = "failed";
    report["verdict"]["exit_code"] = 6;
  }
  CHECK_FALSE(read(report).passed());
}

TEST_CASE("the predicate says what the report says, round trip, and fits its schema") {
  Schema schema("probe-report.v1.schema.json");
  Json report = good_report();
  SECTION("a good one") {}
  SECTION("with nothing known") {
    report["gpus"] = Json::array();
    report["nvml"]["driver"] = nullptr;
    report.erase("driver");
    report["image"] = {{"promise", "absent"}, {"name", nullptr}, {"tag", nullptr}};
  }
  const ProbeReport before = read(report);
  const std::string predicate = format_probe_predicate(before);
  CHECK(schema.check(predicate).empty());
  const ProbeReport after = REQUIRE_OK(parse_probe_predicate(predicate));
  CHECK(after == before);
  CHECK(after.probed_at == kWhen);
  CHECK(Json::parse(predicate)["report"] == report);
}

TEST_CASE("the schema refuses what is no predicate") {
  Schema schema("probe-report.v1.schema.json");
  Json predicate = Json::parse(format_probe_predicate(read(good_report())));
  SECTION("another verdict") { predicate["verdict"]["status"] = "fine"; }
  SECTION("a time without zone") { predicate["probedAt"] = "2025-05-20T00:00:00"; }
  SECTION("no report") { predicate.erase("report"); }
  SECTION("an unknown word") { predicate["passed"] = true; }
  CHECK_FALSE(schema.check(predicate.dump()).empty());
}

TEST_CASE("a predicate that embellishes its report is refused") {
  Json predicate = Json::parse(format_probe_predicate(read(good_report())));
  SECTION("the verdict") { predicate["report"]["verdict"]["status"] = "failed"; }
  SECTION("the driver") { predicate["driver"]["version"] = "999"; }
  SECTION("a device more") { predicate["devices"].push_back(predicate["devices"][0]); }
  SECTION("a device's result") { predicate["report"]["gpus"][0]["compute"]["memory"] = "failed"; }
  SECTION("a word more") { predicate["passed"] = true; }
  const auto parsed = parse_probe_predicate(predicate.dump());
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == Errc::mismatch);
}

TEST_CASE("text that is no report is refused with a reason") {
  const auto refused = [](const std::string& text) {
    const auto report = read_probe_report(text, kWhen);
    REQUIRE_FALSE(report);
    return report.error();
  };
  CHECK(refused("").code() == Errc::invalid);
  CHECK(refused("[]").message() == "this is no report of the probe: it has no number \"probe\"");
  CHECK(refused("{\"probe\": 1}").code() == Errc::invalid);
  Json report = good_report();
  report["probe"] = 2;
  CHECK(refused(report.dump()).code() == Errc::unsupported);
  report = good_report();
  report["verdict"]["status"] = "splendid";
  CHECK(refused(report.dump()).code() == Errc::invalid);
  report = good_report();
  report["gpus"][0].erase("compute_capability");
  CHECK(refused(report.dump()).code() == Errc::invalid);
  report = good_report();
  report["gpus"] = {1, 2};
  CHECK(refused(report.dump()).code() == Errc::invalid);
  report = good_report();
  report["verdict"] = nullptr;
  CHECK(refused(report.dump()).code() == Errc::invalid);

  Json predicate = Json::parse(format_probe_predicate(read(good_report())));
  predicate["probedAt"] = "yesterday";
  CHECK(parse_probe_predicate(predicate.dump()).error().code() == Errc::invalid);
  predicate.erase("report");
  CHECK(parse_probe_predicate(predicate.dump()).error().code() == Errc::invalid);
}

// The codec of probe report predicates. Version history: v1 first version.
//
//   {"probedAt": TIME, "program": TEXT, "verdict": {"status", "exitCode", "cause", "sentence"},
//    "driver": {"version"?, "cuda"?}, "devices": [{"name"?, "uuid"?, "computeCapability",
//    "memoryBytes", "computed"}], "image": {"name"?, "tag"?}, "report": {…}}
#include "evidence/probe_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"

namespace imgforge::evidence {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::uint64_t kReportVersion = 1;  // docs/probe.md, "The report"

/// A part of the report that may be missing or null, as an object.
const Json& part_of(const Json& object, const char* key) {
  static const Json kEmpty = Json::object();
  const auto found = object.find(key);
  return found != object.end() && found->is_object() ? *found : kEmpty;
}

std::string text_in(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool all_passed(const Json& compute) {
  constexpr const char* kChecks[] = {"load", "memory", "matmul"};
  return std::all_of(std::begin(kChecks), std::end(kChecks),
                     [&](const char* check) { return text_in(compute, check) == "passed"; });
}

Result<ProbedDevice> read_device(JsonReader& reader, const Json& object) {
  ProbedDevice device{.name = text_in(object, "name"),
                      .uuid = text_in(object, "uuid"),
                      .compute_capability = reader.text("compute_capability"),
                      .memory_bytes = reader.number("memory_bytes"),
                      .computed = all_passed(part_of(object, "compute"))};
  TRY(reader.finish_tolerant());
  return device;
}

Error no_report(std::string why) {
  return Error(Errc::invalid, "this is no report of the probe: " + std::move(why))
      .hint("a report is what `imgforge probe --json` prints inside the image");
}

Result<> check_version(const Json& json) {
  const auto version = json.is_object() ? json.find("probe") : json.end();
  if (!json.is_object() || version == json.end() || !version->is_number_unsigned()) {
    return fail(no_report("it has no number \"probe\""));
  }
  if (version->get<std::uint64_t>() == kReportVersion) return {};
  return fail(Errc::unsupported,
              fmt::format("the report has format {}, and this imgforge reads format {}",
                          version->dump(), kReportVersion));
}

Result<ProbeReport> summarise(const Json& json, base::Seconds probed_at) {
  TRY(check_version(json));
  JsonReader reader(json, "report");
  ProbeReport report{.probed_at = probed_at, .program = reader.text("program")};
  auto verdict = reader.object("verdict");
  auto devices = reader.objects("gpus");
  TRY(reader.finish_tolerant());
  report.status = verdict->text("status");
  const std::uint64_t exit_code = verdict->number("exit_code");
  if (exit_code > 255) verdict->reject("exit_code", "must be an exit code");
  report.exit_code = static_cast<int>(exit_code);
  report.cause = verdict->text("cause");
  report.sentence = verdict->text("sentence");
  TRY(verdict->finish_tolerant());
  const bool known =
      report.status == "ok" || report.status == "no-gpu" || report.status == "failed";
  if (!known) return fail(no_report("its verdict is \"" + report.status + "\""));
  for (std::size_t i = 0; i < devices.size(); ++i) {
    report.devices.push_back(TRY(read_device(devices[i], json["gpus"][i])));
  }
  report.driver = text_in(part_of(json, "nvml"), "driver");
  report.cuda = text_in(part_of(json, "driver"), "cuda");
  report.image = text_in(part_of(json, "image"), "name");
  report.tag = text_in(part_of(json, "image"), "tag");
  report.report = base::canonical_json(json);
  return report;
}

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

Json to_json(const ProbedDevice& device) {
  Json json = {{"computeCapability", device.compute_capability},
               {"memoryBytes", device.memory_bytes},
               {"computed", device.computed}};
  put(json, "name", device.name);
  put(json, "uuid", device.uuid);
  return json;
}

/// Everything but the report itself.
Json summary_json(const ProbeReport& report) {
  Json driver = Json::object(), image = Json::object(), devices = Json::array();
  put(driver, "version", report.driver);
  put(driver, "cuda", report.cuda);
  put(image, "name", report.image);
  put(image, "tag", report.tag);
  for (const ProbedDevice& device : report.devices) devices.push_back(to_json(device));
  return {{"probedAt", base::format_time(report.probed_at)},
          {"program", report.program},
          {"verdict",
           {{"status", report.status},
            {"exitCode", report.exit_code},
            {"cause", report.cause},
            {"sentence", report.sentence}}},
          {"driver", std::move(driver)},
          {"devices", std::move(devices)},
          {"image", std::move(image)}};
}

}  // namespace

bool ProbeReport::passed() const {
  return status == "ok" && exit_code == 0 && !devices.empty() &&
         std::all_of(devices.begin(), devices.end(),
                     [](const ProbedDevice& device) { return device.computed; });
}

Result<ProbeReport> read_probe_report(std::string_view text, base::Seconds probed_at) {
  const auto json = base::parse_json(text, "the probe's report");
  if (!json) return fail(no_report(json.error().message()));
  return summarise(*json, probed_at);
}

std::string format_probe_predicate(const ProbeReport& report) {
  Json json = summary_json(report);
  json["report"] = Json::parse(report.report, nullptr, false);
  return base::pretty_json(json);
}

Result<ProbeReport> parse_probe_predicate(std::string_view text) {
  Json json = TRY(base::parse_json(text, "the probe report predicate"));
  JsonReader reader(json, "predicate");
  const std::string when = reader.text("probedAt");
  const Json inner = reader.value("report");
  TRY(reader.finish_tolerant());
  const auto probed_at = base::parse_time(when);
  if (!probed_at) {
    return fail(Errc::invalid, "\"probedAt\" must be a point in time like 2025-05-20T00:00:00Z");
  }
  auto report = TRY(summarise(inner, *probed_at));
  json.erase("report");
  if (json != summary_json(report)) {
    return fail(Errc::mismatch, "the probe report predicate says something else than its report");
  }
  return report;
}

}  // namespace imgforge::evidence

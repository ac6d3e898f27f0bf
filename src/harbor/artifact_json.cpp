#include "harbor/artifact_json.h"

#include "harbor/json_answers.h"
#include "harbor/label_json.h"

namespace imgforge::harbor {

using base::Json;
using base::JsonReader;

namespace {

Result<ArtifactTag> read_tag(JsonReader reader) {
  ArtifactTag tag;
  tag.name = reader.text("name");
  tag.immutable = reader.flag_or("immutable", false);
  tag.pushed = reader.text_or("push_time", "");
  TRY(accepted(reader));
  return tag;
}

Result<> read_counts(JsonReader& report, ScanSummary& scan) {
  auto summary = report.object("summary", false);
  if (!summary) return {};
  scan.total = summary->number_or("total", 0);
  scan.fixable = summary->number_or("fixable", 0);
  const Json& counts = summary->value("summary", false);
  if (counts.is_object()) {
    for (const auto& [word, count] : counts.items()) {
      const auto severity = parse_severity(word);
      if (severity && count.is_number_unsigned())
        scan.count[*severity] += count.get<std::uint64_t>();
    }
  }
  return accepted(*summary);
}

Result<ScanSummary> read_report(JsonReader report) {
  ScanSummary scan;
  scan.status = report.text("scan_status");
  scan.finished = report.text_or("end_time", "");
  const std::string word = report.text_or("severity", "");
  const auto severity = parse_severity(word);
  // A word from a newer Harbor must not pass for harmless.
  scan.severity = word.empty() ? Severity::none : severity.value_or(Severity::critical);
  if (auto scanner = report.object("scanner", false)) {
    scan.scanner = scanner->text_or("name", "") + " " + scanner->text_or("version", "");
    TRY(accepted(*scanner));
  }
  TRY(read_counts(report, scan));
  TRY(accepted(report));
  return scan;
}

/// Of several report formats the newest: "application/vnd.security.vulnerability.report;
/// version=1.1" before "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0".
Result<std::optional<ScanSummary>> read_scan(JsonReader& artifact) {
  const Json& overview = artifact.value("scan_overview", false);
  if (!overview.is_object() || overview.empty()) return std::nullopt;
  const Json* chosen = nullptr;
  for (const auto& [type, report] : overview.items()) {
    if (chosen == nullptr || type.starts_with("application/vnd.security.vulnerability.report")) {
      chosen = &report;
    }
  }
  return std::optional(TRY(read_report(JsonReader(*chosen, artifact.path() + ".scan_overview"))));
}

Result<Artifact> read_one(JsonReader reader) {
  Artifact artifact;
  artifact.digest = reader.text("digest");
  artifact.media_type = reader.text_or("manifest_media_type", "");
  artifact.type = reader.text_or("type", "");
  artifact.size = reader.number_or("size", 0);
  artifact.pushed = reader.text_or("push_time", "");
  for (JsonReader& tag : reader.objects_or_empty("tags")) {
    artifact.tags.push_back(TRY(read_tag(std::move(tag))));
  }
  for (JsonReader& label : reader.objects_or_empty("labels")) {
    artifact.labels.push_back(TRY(read_label(std::move(label))));
  }
  artifact.scan = TRY(read_scan(reader));
  TRY(accepted(reader));
  return artifact;
}

}  // namespace

Result<Artifact> read_artifact(std::string_view json) {
  const Json value = TRY(read_answer(json, "the artifact"));
  return read_one(JsonReader(value, "artifact"));
}

Result<std::vector<Artifact>> read_artifacts(const std::vector<std::string>& pages) {
  return read_list<Artifact>(pages, "artifacts", read_one);
}

Result<std::vector<Accessory>> read_accessories(const std::vector<std::string>& pages) {
  return read_list<Accessory>(pages, "accessories", [](JsonReader reader) -> Result<Accessory> {
    Accessory accessory;
    accessory.digest = reader.text("digest");
    accessory.type = reader.text_or("type", "");
    accessory.size = reader.number_or("size", 0);
    TRY(accepted(reader));
    return accessory;
  });
}

std::string tag_json(const std::string& name) { return base::canonical_json({{"name", name}}); }

std::string label_reference_json(std::int64_t id) { return base::canonical_json({{"id", id}}); }

std::string scan_json() { return base::canonical_json({{"scan_type", "vulnerability"}}); }

}  // namespace imgforge::harbor

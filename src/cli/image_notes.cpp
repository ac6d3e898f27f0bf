#include "cli/image_notes.h"

#include <fmt/format.h>

#include "base/text.h"
#include "base/time.h"
#include "gpu/check.h"

namespace imgforge::cli {
namespace {

std::string of(const std::map<std::string, std::string>& components, const char* name) {
  const auto found = components.find(name);
  return found != components.end() ? found->second : "";
}

}  // namespace

std::vector<release::CatalogueNote> end_of_life_notes(
    const std::map<std::string, std::string>& components, const std::string& date) {
  gpu::Request request;
  for (const char* id : {"debian", "ubuntu"}) {
    if (of(components, id).empty()) continue;
    request.os_id = id;
    request.os_version = of(components, id);
  }
  request.python = of(components, "python");
  request.date = date;
  std::vector<release::CatalogueNote> notes;
  for (const gpu::Finding& finding : gpu::check(request)) {
    if (!finding.code.ends_with("-end-of-life")) continue;
    notes.push_back(
        {std::string(to_string(finding.severity)), finding.code, finding.sentence, finding.remedy});
  }
  return notes;
}

std::vector<release::CatalogueNote> vulnerability_notes(const release::VulnerabilitySummary& scan) {
  if (!scan.complete) {
    return {{"info", "not-scanned", "Harbor has no finished scan of it: " + scan.state, "scan it"}};
  }
  std::vector<std::string> counts;
  for (auto at = scan.counts.rbegin(); at != scan.counts.rend(); ++at) {
    if (at->second == 0 || at->first == release::Severity::none) continue;
    counts.push_back(fmt::format("{} {}", at->second, base::to_lower(to_string(at->first))));
  }
  if (counts.empty()) return {};
  const bool serious = scan.worst >= release::Severity::high;
  return {{serious ? "error" : "warning", "vulnerabilities",
           fmt::format("{} known vulnerabilities: {}; {} have a fix", serious ? "serious" : "some",
                       base::join(counts, ", "), scan.fixable),
           scan.fixable > 0 ? "lock and build it again" : ""}};
}

Result<std::string> date_word(const std::optional<std::string>& word) {
  if (!word) return base::format_time(base::now()).substr(0, 10);
  const auto time = base::parse_time(*word + "T00:00:00Z");
  if (time && base::format_time(*time).substr(0, 10) == *word) return *word;
  return fail(Errc::usage, "--date takes a day like 2026-01-31, not '" + *word + "'");
}

}  // namespace imgforge::cli

#include "build/diff_findings.h"

#include <fmt/format.h>

#include "base/text.h"
#include "gpu/reproducibility.h"

namespace imgforge::build {
namespace {

constexpr std::size_t kNamedParts = 6;

std::string shown(const std::string& name, const Change& change) {
  return fmt::format("{} {} -> {}", name, change.before.empty() ? "(none)" : change.before,
                     change.after.empty() ? "(none)" : change.after);
}

/// "python:torch" -> "torch".
std::string package_name(const std::string& name) { return name.substr(name.find(':') + 1); }

/// Python files outside of what packages install.
bool is_own_code(const std::string& path) {
  return path.ends_with(".py") && path.find("site-packages/") == std::string::npos &&
         path.find("dist-packages/") == std::string::npos && !path.starts_with("usr/") &&
         !path.starts_with("opt/python/") && path.find("/lib/python3") == std::string::npos;
}

std::optional<Finding> own_code(const ImageDiff& diff) {
  Finding finding{.what = "the project's own code",
                  .parts = {},
                  .changes = "whatever it computes",
                  .source = {}};
  std::size_t count = 0;
  for (const Change& file : diff.files) {
    if (!is_own_code(file.name)) continue;
    ++count;
    if (finding.parts.size() < kNamedParts) finding.parts.push_back(file.name);
  }
  if (count == 0) return std::nullopt;
  if (count > kNamedParts) finding.parts.push_back(fmt::format("{} more", count - kNamedParts));
  return finding;
}

Finding found_by(const gpu::Effect& effect, const ImageDiff& diff) {
  Finding finding{
      .what = effect.what, .parts = {}, .changes = effect.changes, .source = effect.source};
  for (const Change& change : diff.components) {
    if (gpu::concerns(effect, gpu::Part::component, change.name, change.before, change.after)) {
      finding.parts.push_back(shown(change.name, change));
    }
  }
  for (const Change& change : diff.packages) {
    const std::string name = package_name(change.name);
    if (gpu::concerns(effect, gpu::Part::package, name, change.before, change.after)) {
      finding.parts.push_back(shown(name, change));
    }
  }
  for (const Change& change : diff.config) {
    constexpr std::string_view kVariable = "env ";
    if (!change.name.starts_with(kVariable)) continue;
    const std::string name = change.name.substr(kVariable.size());
    if (gpu::concerns(effect, gpu::Part::environment, name, change.before, change.after)) {
      finding.parts.push_back(shown(name, change));
    }
  }
  return finding;
}

std::string conclude(const ImageDiff& diff, const std::vector<Finding>& found) {
  if (!found.empty()) {
    const Finding& first = found.front();
    std::string sentence = fmt::format("most likely {} ({})", first.what, first.parts.front());
    if (found.size() == 1)
      return sentence + ": nothing else that is known to change results differs";
    return sentence + fmt::format(", then {}", found[1].what);
  }
  if (diff.empty()) return "the images hold the same; what differs between two runs is not in them";
  const std::size_t others = diff.packages.size() + diff.components.size();
  return fmt::format(
      "nothing that is known to change results differs ({} packages and components, "
      "{} files are different): look at data, driver and GPU, which no image holds",
      others, diff.files.size());
}

}  // namespace

Findings findings_of(const ImageDiff& diff) {
  Findings findings;
  if (auto code = own_code(diff)) findings.found.push_back(*std::move(code));
  for (const gpu::Effect& effect : gpu::known_effects()) {
    Finding finding = found_by(effect, diff);
    if (!finding.parts.empty()) findings.found.push_back(std::move(finding));
  }
  findings.conclusion = conclude(diff, findings.found);
  return findings;
}

}  // namespace imgforge::build

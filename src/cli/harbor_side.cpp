#include "cli/harbor_side.h"

#include <algorithm>

#include "harbor/artifacts.h"
#include "harbor/client.h"
#include "harbor/tag_rules.h"

namespace imgforge::cli {
namespace {

release::Severity severity_of(harbor::Severity severity) {
  return release::parse_severity(harbor::to_string(severity)).value_or(release::Severity::critical);
}

// A time that cannot be read is not known.
std::optional<base::Seconds> time_of(const std::string& text) {
  const auto time = base::parse_time(text);
  return time ? std::optional(*time) : std::nullopt;
}

bool is_not_ours_to_see(const Error& error) {
  return error.code() == Errc::forbidden || error.code() == Errc::unauthorized;
}

// Whether the answer to the ping leaves it open what stands there.
bool is_undecided(const Error& error) {
  switch (error.code()) {
    case Errc::unavailable:
    case Errc::timed_out:
    case Errc::rate_limited:
    case Errc::cancelled:
    case Errc::io:
      return true;
    default:
      return false;
  }
}

}  // namespace

Result<harbor::Artifact> HarborRepository::artifact(const std::string& reference) const {
  if (!connection_) return fail(connection_.error());
  return harbor::Artifacts(*connection_).get(repository_, reference, stop_);
}

Result<release::VulnerabilitySummary> HarborRepository::vulnerabilities(const oci::Digest& image) {
  const harbor::Artifact found = TRY(artifact(image.to_string()));
  release::VulnerabilitySummary summary;
  if (!found.scan) {
    summary.state = "not scanned";
    return summary;
  }
  const harbor::ScanSummary& scan = *found.scan;
  summary.complete = scan.finished_well();
  summary.state = scan.status;
  summary.worst = severity_of(scan.severity);
  for (const auto& [severity, count] : scan.count) summary.counts[severity_of(severity)] = count;
  summary.fixable = scan.fixable;
  summary.scanned = time_of(scan.finished);
  summary.scanner = scan.scanner;
  return summary;
}

Result<std::optional<base::Seconds>> HarborRepository::pushed(const oci::Digest& image) {
  const harbor::Artifact found = TRY(artifact(image.to_string()));
  return time_of(found.pushed);
}

Result<std::optional<std::string>> HarborRepository::immutability_rule(const oci::Tag& tag) {
  if (!connection_) return fail(connection_.error());
  const auto rules = harbor::Client(*connection_).immutable_rules(repository_.project, stop_);
  if (rules) {
    const auto rule = harbor::covering_rule(*rules, repository_, tag.to_string());
    if (!rule) return std::nullopt;
    return "the immutability rule for " + harbor::describe(*rule);
  }
  if (!is_not_ours_to_see(rules.error())) return fail(rules.error());
  const auto found = artifact(tag.to_string());
  // A new tag is nobody's to keep; and what nobody lets us see is for the registry to refuse.
  if (!found) {
    if (found.error().code() == Errc::not_found || is_not_ours_to_see(found.error())) {
      return std::nullopt;
    }
    return fail(found.error());
  }
  const bool kept =
      std::any_of(found->tags.begin(), found->tags.end(), [&](const harbor::ArtifactTag& one) {
        return one.name == tag.to_string() && one.immutable;
      });
  return kept ? std::optional<std::string>("an immutability rule") : std::nullopt;
}

Result<std::vector<std::string>> HarborRepository::tags_of(const oci::Digest& image) {
  const harbor::Artifact found = TRY(artifact(image.to_string()));
  std::vector<std::string> names;
  for (const harbor::ArtifactTag& one : found.tags) names.push_back(one.name);
  return names;
}

bool HarborRepository::can_copy_from(const std::string& repository) const {
  return connection_ && repository.starts_with(host_ + "/") &&
         harbor::Repository::parse(repository.substr(host_.size() + 1)).has_value();
}

Result<> HarborRepository::copy_from(const std::string& repository, const oci::Digest& image) {
  if (!connection_) return fail(connection_.error());
  const auto from = TRY(harbor::Repository::parse(repository.substr(host_.size() + 1)));
  return harbor::Artifacts(*connection_).copy(from, image.to_string(), repository_, stop_);
}

Result<std::vector<std::string>> HarborRepository::label(const oci::Digest& image,
                                                         const std::vector<std::string>& names) {
  if (!connection_) return fail(connection_.error());
  const harbor::Client client(*connection_);
  const auto project = TRY(client.project(repository_.project, stop_));
  std::vector<std::string> put;
  if (!project) return put;
  for (const harbor::Label& label : TRY(client.labels(*project, stop_))) {
    if (std::find(names.begin(), names.end(), label.name) == names.end()) continue;
    TRY(harbor::Artifacts(*connection_).add_label(repository_, image.to_string(), label, stop_));
    put.push_back(label.name);
  }
  return put;
}

std::unique_ptr<HarborRepository> find_harbor(RegistryImages& images,
                                              const oci::RegistryReference& image,
                                              std::stop_token stop) {
  const auto repository = harbor::Repository::parse(image.repository);
  if (!repository) return nullptr;  // in a Harbor everything is in a project
  auto connection = images.harbor(image.host, repository->project, stop);
  if (connection) {
    auto answer = harbor::Client(*connection).ping(stop);
    if (!answer && !is_undecided(answer.error())) return nullptr;
    if (!answer) {
      connection = fail(std::move(answer.error())
                            .context("asking whether " + image.host + " is a Harbor"));
    }
  }
  return std::make_unique<HarborRepository>(std::move(connection), image.host, *repository, stop);
}

}  // namespace imgforge::cli

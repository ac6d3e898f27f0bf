#include "harbor/artifacts.h"

#include <fmt/format.h>

#include "harbor/artifact_json.h"

namespace imgforge::harbor {
namespace {

constexpr const char* kWithAll =
    "?with_tag=true&with_immutable_status=true&with_label=true&with_scan_overview=true";

bool has_rule(const Error& error, std::string_view rule) {
  for (const auto& [key, value] : error.facts()) {
    if (key == "rule" && value == rule) return true;
  }
  return false;
}

std::string name_of(const Repository& repository, const std::string& reference) {
  return repository.to_string() + (reference.find(':') == std::string::npos ? ":" : "@") +
         reference;
}

}  // namespace

Result<Artifact> Artifacts::get(const Repository& repository, const std::string& reference,
                                std::stop_token stop) const {
  return read_artifact(TRY(connection_.get(artifact_path(repository, reference) + kWithAll,
                                           "read " + name_of(repository, reference), stop)));
}

Result<std::vector<Artifact>> Artifacts::list(const Repository& repository,
                                              std::stop_token stop) const {
  return read_artifacts(
      TRY(connection_.get_pages(repository_path(repository) + "/artifacts" + kWithAll,
                                "list " + repository.to_string(), stop)));
}

Result<std::vector<Accessory>> Artifacts::accessories(const Repository& repository,
                                                      const std::string& reference,
                                                      std::stop_token stop) const {
  return read_accessories(TRY(
      connection_.get_pages(artifact_path(repository, reference) + "/accessories",
                            "list what is attached to " + name_of(repository, reference), stop)));
}

Result<> Artifacts::copy(const Repository& from, const std::string& digest, const Repository& to,
                         std::stop_token stop) const {
  TRY(connection_.send(
      "POST",
      repository_path(to) + "/artifacts?from=" + encode_segment(from.to_string() + "@" + digest),
      "", fmt::format("copy {} to {}", name_of(from, digest), to.to_string()), stop));
  return {};
}

Result<> Artifacts::create_tag(const Repository& repository, const std::string& reference,
                               const std::string& tag, std::stop_token stop) const {
  TRY(connection_.send("POST", artifact_path(repository, reference) + "/tags", tag_json(tag),
                       fmt::format("create the tag {} of {}", tag, repository.to_string()), stop));
  return {};
}

Result<> Artifacts::delete_tag(const Repository& repository, const std::string& tag,
                               std::stop_token stop) const {
  TRY(connection_.send("DELETE", artifact_path(repository, tag) + "/tags/" + encode_segment(tag),
                       "", fmt::format("delete the tag {} of {}", tag, repository.to_string()),
                       stop));
  return {};
}

Result<> Artifacts::add_label(const Repository& repository, const std::string& reference,
                              const Label& label, std::stop_token stop) const {
  auto added = connection_.send(
      "POST", artifact_path(repository, reference) + "/labels", label_reference_json(label.id),
      fmt::format("label {} with {}", name_of(repository, reference), label.name), stop);
  if (!added && !has_rule(added.error(), "conflict")) return fail(std::move(added).error());
  return {};
}

Result<> Artifacts::remove_label(const Repository& repository, const std::string& reference,
                                 const Label& label, std::stop_token stop) const {
  auto removed = connection_.send(
      "DELETE", fmt::format("{}/labels/{}", artifact_path(repository, reference), label.id), "",
      fmt::format("take the label {} from {}", label.name, name_of(repository, reference)), stop);
  if (!removed && removed.error().code() != Errc::not_found) {
    return fail(std::move(removed).error());
  }
  return {};
}

Result<> Artifacts::start_scan(const Repository& repository, const std::string& reference,
                               std::stop_token stop) const {
  auto started = connection_.send("POST", artifact_path(repository, reference) + "/scan",
                                  scan_json(), "scan " + name_of(repository, reference), stop);
  if (!started && !has_rule(started.error(), "conflict")) return fail(std::move(started).error());
  return {};
}

}  // namespace imgforge::harbor

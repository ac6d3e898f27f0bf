// What releasing asks of a Harbor, over its REST interface. Whether a registry is a Harbor is asked
// once, of something that every Harbor answers without a login.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/registry_images.h"
#include "harbor/connection.h"
#include "harbor/names.h"
#include "harbor/types.h"
#include "oci/reference.h"
#include "release/repository.h"

namespace imgforge::cli {

class HarborRepository final : public release::HarborSide {
 public:
  /// `connection` may be the reason why nobody can say whether this is a Harbor: every question is
  /// then answered with it, so that no gate takes an outage for a registry without a scanner.
  HarborRepository(Result<harbor::Connection> connection, std::string host,
                   harbor::Repository repository, std::stop_token stop)
      : connection_(std::move(connection)),
        host_(std::move(host)),
        repository_(std::move(repository)),
        stop_(std::move(stop)) {}

  Result<release::VulnerabilitySummary> vulnerabilities(const oci::Digest& image) override;
  Result<std::optional<base::Seconds>> pushed(const oci::Digest& image) override;
  /// Whoever may not read the rules is told what Harbor says of the tag itself.
  Result<std::optional<std::string>> immutability_rule(const oci::Tag& tag) override;
  Result<std::vector<std::string>> tags_of(const oci::Digest& image) override;
  bool can_copy_from(const std::string& repository) const override;
  Result<> copy_from(const std::string& repository, const oci::Digest& image) override;

  /// Puts those labels on the image that the project has, and returns them.
  Result<std::vector<std::string>> label(const oci::Digest& image,
                                         const std::vector<std::string>& names);

 private:
  Result<harbor::Artifact> artifact(const std::string& reference) const;

  Result<harbor::Connection> connection_;
  std::string host_;
  harbor::Repository repository_;
  std::stop_token stop_;
};

/// Null: the registry is no Harbor.
std::unique_ptr<HarborRepository> find_harbor(RegistryImages& images,
                                              const oci::RegistryReference& image,
                                              std::stop_token stop);

}  // namespace imgforge::cli

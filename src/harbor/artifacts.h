// What promotion asks of Harbor about one artifact: its tags, labels, scan and accessories; server-
// side copy; tags made and deleted. A channel is not moved here: Harbor's REST API only creates
// tags (409 for one that exists); moving is one manifest PUT through /v2/.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "harbor/connection.h"
#include "harbor/names.h"
#include "harbor/types.h"

namespace imgforge::harbor {

class Artifacts {
 public:
  explicit Artifacts(Connection connection) : connection_(std::move(connection)) {}

  /// By tag or digest, with tags (and whether a rule keeps them), labels and scan summary.
  Result<Artifact> get(const Repository& repository, const std::string& reference,
                       std::stop_token stop = {}) const;
  Result<std::vector<Artifact>> list(const Repository& repository, std::stop_token stop = {}) const;
  Result<std::vector<Accessory>> accessories(const Repository& repository,
                                             const std::string& reference,
                                             std::stop_token stop = {}) const;

  /// Server-side, by digest. Two caveats of Harbor (2.15): every tag of the source comes along, and
  /// accessories (signatures) only where the target does not have the artifact yet; compare
  /// accessories() afterwards.
  Result<> copy(const Repository& from, const std::string& digest, const Repository& to,
                std::stop_token stop = {}) const;

  /// Errc::refused with the fact "rule"="conflict" when the tag exists anywhere in the repository,
  /// even on the same artifact.
  Result<> create_tag(const Repository& repository, const std::string& reference,
                      const std::string& tag, std::stop_token stop = {}) const;
  /// The tag alone: artifact and other tags stay.
  Result<> delete_tag(const Repository& repository, const std::string& tag,
                      std::stop_token stop = {}) const;

  /// Has it already: success.
  Result<> add_label(const Repository& repository, const std::string& reference, const Label& label,
                     std::stop_token stop = {}) const;
  /// Has it not: success.
  Result<> remove_label(const Repository& repository, const std::string& reference,
                        const Label& label, std::stop_token stop = {}) const;

  /// Starts a vulnerability scan; one that runs already is success.
  Result<> start_scan(const Repository& repository, const std::string& reference,
                      std::stop_token stop = {}) const;

 private:
  Connection connection_;
};

}  // namespace imgforge::harbor

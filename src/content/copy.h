// The copy algorithm, the same between any two ends: children first, each digest once, nothing that
// the target has, signatures before tags. Documents keep their bytes, and so their digests.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "content/pusher.h"

namespace imgforge::content {

struct CopyOptions {
  std::vector<std::string> tags;  // at the target, written last
  /// Of an index only this one's image; unset: the index with all its images.
  std::optional<oci::Platform> platform;
  /// What points at the image, its parts and itself: signatures, attestations, SBOMs, as referrers
  /// and under cosign's tags (sha256-HEX.sig, .att, .sbom). Their arrival is verified.
  bool referrers = false;
  bool dry_run = false;
  std::size_t parallel = 6;
  std::vector<std::string> mount_from;  // as Pusher::Options
  std::string verb = "copy";
  std::string subject;
};

struct CopyReport {
  oci::Descriptor image;             // what the tags point at
  Moved moved;                       // with dry_run: `sent` is what would be sent or mounted
  bool document_there = false;       // the target had the image before
  std::vector<std::string> written;  // tags that were not there, or pointed elsewhere
  std::vector<oci::Descriptor> referrers;
};

/// `reference` is a tag or a digest at the origin. When the target has everything, no blob is
/// looked at: two or three small requests.
Result<CopyReport> copy(Origin& origin, const std::string& reference, Target& target,
                        const CopyOptions& options, base::Progress& progress, std::stop_token stop);

}  // namespace imgforge::content

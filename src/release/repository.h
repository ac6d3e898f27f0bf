// What releasing asks of a registry: the seam that the distribution client, Harbor's REST API and
// the tests' registry in memory fill. Every implementation verifies what it reads by digest, and is
// safe from several threads.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/time.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "release/severity.h"

namespace imgforge::release {

/// A manifest or index whose identity is its bytes.
struct RawManifest {
  oci::Descriptor descriptor;  // media type, digest, size
  std::string bytes;
};

struct Blob {
  oci::Descriptor descriptor;
  std::string bytes;
};

/// Something that stands beside an image: a signature, an attestation, an SBOM.
struct Artifact {
  RawManifest manifest;
  std::vector<Blob> blobs;      // config and layers; empty until fetch()
  std::optional<oci::Tag> tag;  // of cosign's legacy forms, "sha256-HEX.sig"; else it is a referrer
};

/// What Harbor's scanner last said of an image.
struct VulnerabilitySummary {
  bool complete = false;  // the scan ended well; what else it may be stands in `state`
  std::string state;      // "Success", "Running", "Error", "not scanned"
  Severity worst = Severity::none;
  std::map<Severity, std::uint64_t> counts;
  std::uint64_t fixable = 0;
  std::optional<base::Seconds> scanned;
  std::string scanner;  // "Trivy v0.63.0"
};

/// What only Harbor offers.
class HarborSide {
 public:
  virtual ~HarborSide() = default;
  virtual Result<VulnerabilitySummary> vulnerabilities(const oci::Digest& image) = 0;
  /// When the registry got the image.
  virtual Result<std::optional<base::Seconds>> pushed(const oci::Digest& image) = 0;
  /// The immutability rule that forbids moving the tag, as people find it; nullopt: none.
  virtual Result<std::optional<std::string>> immutability_rule(const oci::Tag& tag) = 0;
  /// The tags of the image; a server-side copy brings them all along (Harbor 2.15).
  virtual Result<std::vector<std::string>> tags_of(const oci::Digest& image) = 0;
  virtual bool can_copy_from(const std::string& repository) const = 0;
  /// Copies image, tags, and the accessories if the image is not there yet.
  virtual Result<> copy_from(const std::string& repository, const oci::Digest& image) = 0;
};

class Repository {
 public:
  virtual ~Repository() = default;
  /// "host[:port]/path", the identity that records carry.
  virtual const std::string& name() const = 0;

  /// Asks anew at every call. nullopt: no such tag, or no such repository yet.
  virtual Result<std::optional<oci::Descriptor>> resolve(const oci::Tag& tag) = 0;
  virtual Result<RawManifest> manifest(const oci::Digest& digest) = 0;
  /// One request; readers of the tag see the old image or the new one.
  virtual Result<> put_manifest(const oci::Tag& tag, const RawManifest& manifest) = 0;
  /// All tags, in any order; none of a repository that does not exist.
  virtual Result<std::vector<std::string>> tags() = 0;

  /// Everything beside the image, by the referrers API, by the fallback tag, and cosign's legacy
  /// tags; manifests only.
  virtual Result<std::vector<Artifact>> artifacts(const oci::Digest& image) = 0;
  /// The same with its blobs. Errc::invalid above 32 MiB.
  virtual Result<Artifact> fetch(const Artifact& artifact) = 0;
  /// Uploads the blobs and the manifest, and sees to it that artifacts() finds it from then on.
  virtual Result<> attach(const Artifact& artifact) = 0;
  /// Takes back what attach() did. Errc::unsupported where the registry deletes nothing.
  virtual Result<> detach(const Artifact& artifact) = 0;

  /// Brings the image from `source`, whatever it consists of, by digest and without a tag. What is
  /// there already is not sent.
  virtual Result<> copy_image(Repository& source, const oci::Descriptor& image,
                              std::stop_token stop) = 0;

  virtual HarborSide* harbor() { return nullptr; }
};

}  // namespace imgforge::release

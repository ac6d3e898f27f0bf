// What is known about an image that wants to enter a channel: values that gates judge. Whoever
// gathers them (gather.h) says what was looked for and not found, too.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/descriptor.h"
#include "release/build_tag.h"
#include "release/record.h"
#include "release/repository.h"

namespace imgforge::release {

namespace predicate {
inline constexpr const char* kProvenance = "https://slsa.dev/provenance/v1";
inline constexpr const char* kSpdx = "https://spdx.dev/Document";
inline constexpr const char* kCycloneDx = "https://cyclonedx.org/bom";
}  // namespace predicate

/// A verified signature on the image itself.
struct Signature {
  std::string signer;  // a name of the trust policy's key, else fingerprint or certificate subject
  std::string format;  // "cosign", "bundle", "notation"
  bool trusted = false;  // the trust policy accepts this signer
};

/// A statement about the image whose signature verifies.
struct Attestation {
  std::string predicate_type;
  std::string predicate;  // JSON
  std::string signer;
  bool trusted = false;
};

/// What verifying everything beside an image under a trust policy came to.
struct Verification {
  bool satisfied = false;  // the policy's demands on signatures are met
  std::string reason;      // why not
  std::vector<Signature> signatures;
  std::vector<Attestation> attestations;
  std::vector<std::string> problems;  // what did not verify, one sentence each
};

/// A probe's report, as its attestation tells it.
struct ProbeReport {
  struct Gpu {
    std::string name;                // "NVIDIA H100 80GB HBM3"
    std::string compute_capability;  // "9.0"
  };
  bool passed = false;  // all checks, on every GPU that it names
  std::string owner;    // of a failure: "image", "host", "hardware", "run command", "nobody"
  std::string sentence;
  std::vector<Gpu> gpus;
  std::string driver;
  base::Seconds when;
  std::string signer;
  bool trusted = false;
};

struct SbomEvidence {
  std::string format;  // "spdx", "cyclonedx"
  std::string signer;  // empty: attached without a signature
  bool trusted = false;
};

struct ProvenanceEvidence {
  std::string builder;
  std::optional<base::Seconds> finished;
  std::string signer;
  bool trusted = false;
};

/// Since when the image exists where it is seen, and from whom that is known.
struct Since {
  base::Seconds when;
  std::string known_from;
};

/// The channel below and this image.
struct BelowEvidence {
  bool is_there_now = false;
  std::optional<oci::Digest> now;            // what the channel below names
  std::optional<PromotionRecord> was_there;  // the newest trusted record of its coming there
};

/// The image.
struct Candidate {
  oci::Descriptor image;
  std::optional<BuildTag> build_tag;  // which names this digest
  std::optional<base::Seconds> created;
  Verification verification;
  std::vector<SbomEvidence> sboms;
  std::vector<ProvenanceEvidence> provenances;
  std::vector<ProbeReport> probes;
  std::optional<VulnerabilitySummary> vulnerabilities;  // nullopt: the registry has no scanner
  std::optional<Since> since;
  BelowEvidence below;
  std::vector<std::string> problems;  // evidence that could not be read
};

/// What the channel names before the move; all empty for a new channel.
struct ChannelState {
  std::optional<oci::Descriptor> now;
  std::optional<BuildTag> build_tag;
  std::optional<base::Seconds> created;
};

/// Reads the predicates of SBOM and provenance attestations, and the artifact types of plainly
/// attached SBOMs, into `candidate`; what cannot be read becomes a problem.
void take_attestations(const std::vector<Attestation>& attestations, Candidate& candidate);
void take_attached_sboms(const std::vector<Artifact>& artifacts, Candidate& candidate);

}  // namespace imgforge::release

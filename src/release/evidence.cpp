#include "release/evidence.h"

#include <fmt/format.h>

#include "base/json.h"
#include "oci/image.h"

namespace imgforge::release {
namespace {

// SLSA v1.0, "Schema": only what gates ask for. A time that cannot be read is no time.
Result<ProvenanceEvidence> read_provenance(const Attestation& from) {
  const base::Json root = TRY(base::parse_json(from.predicate, "the provenance"));
  base::JsonReader reader(root, "provenance");
  ProvenanceEvidence out{.signer = from.signer, .trusted = from.trusted};
  if (auto details = reader.object("runDetails")) {
    if (auto builder = details->object("builder")) {
      out.builder = builder->text("id");
      TRY(builder->finish_tolerant());
    }
    if (auto metadata = details->object("metadata", false)) {
      if (const auto text = metadata->optional_text("finishedOn")) {
        if (const auto time = base::parse_time(*text)) out.finished = *time;
      }
      TRY(metadata->finish_tolerant());
    }
    TRY(details->finish_tolerant());
  }
  TRY(reader.finish_tolerant());
  return out;
}

std::string sbom_format(std::string_view type) {
  if (type.starts_with("application/spdx+json")) return "spdx";
  if (type.starts_with("application/vnd.cyclonedx+json")) return "cyclonedx";
  return {};
}

}  // namespace

void take_attestations(const std::vector<Attestation>& attestations, Candidate& candidate) {
  for (const Attestation& one : attestations) {
    if (one.predicate_type == predicate::kSpdx) {
      candidate.sboms.push_back({"spdx", one.signer, one.trusted});
    } else if (one.predicate_type == predicate::kCycloneDx) {
      candidate.sboms.push_back({"cyclonedx", one.signer, one.trusted});
    } else if (one.predicate_type == predicate::kProvenance) {
      auto provenance = read_provenance(one);
      if (provenance) {
        candidate.provenances.push_back(*std::move(provenance));
      } else {
        candidate.problems.push_back(fmt::format("a provenance signed by {} cannot be read: {}",
                                                 one.signer, provenance.error().summary()));
      }
    }
  }
}

void take_attached_sboms(const std::vector<Artifact>& artifacts, Candidate& candidate) {
  for (const Artifact& artifact : artifacts) {
    // The manifest's own word: descriptors of fallback indexes are wrong where cosign 3.1 wrote
    // them (artifactType of the empty config).
    const auto manifest = oci::parse_manifest(artifact.manifest.bytes);
    if (!manifest) continue;
    std::string format = sbom_format(manifest->artifact_type);
    if (format.empty() && manifest->config) format = sbom_format(manifest->config->media_type);
    if (!format.empty()) candidate.sboms.push_back({.format = std::move(format)});
  }
}

}  // namespace imgforge::release

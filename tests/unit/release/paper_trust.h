// Signatures on paper: a signer's name and a checksum that only the signer of that name could have
// made, as far as these tests are concerned. Stands in for the sign room behind release/trust.h.
#pragma once

#include <map>
#include <set>
#include <string>

#include "release/gather.h"

class PaperTrust {
 public:
  /// Trust policy -> whose signatures it accepts.
  std::map<std::string, std::set<std::string>> policies = {{"release", {"ci", "owner"}}};

  imgforge::release::Tools tools(const std::string& record_signer = "owner");

  imgforge::release::Artifact signature(const std::string& signer,
                                        const imgforge::oci::Descriptor& image) const;
  /// Cosign's legacy form, under sha256-HEX.sig.
  imgforge::release::Artifact legacy_signature(const std::string& signer,
                                               const imgforge::oci::Descriptor& image) const;
  imgforge::release::Artifact statement(const std::string& signer,
                                        const imgforge::oci::Descriptor& image,
                                        const std::string& predicate_type,
                                        const std::string& predicate) const;
  /// Attached without a signature.
  imgforge::release::Artifact plain_sbom(const imgforge::oci::Descriptor& image) const;

  int signed_records = 0;
};

inline constexpr const char* kTestProbe = "https://example.test/probe";
std::string probe_predicate(bool passed, const std::string& gpu, const std::string& when,
                            const std::string& owner = "nobody");
std::string provenance_predicate(const std::string& builder, const std::string& finished);

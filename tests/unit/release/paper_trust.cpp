#include "paper_trust.h"

#include "base/json.h"
#include "base/sha256.h"
#include "catch.h"
#include "oci/image.h"

using namespace imgforge;
using namespace imgforge::release;
using base::Json;

namespace {

std::string checksum(const Json& body) {
  return base::sha256_hex("paper" + base::canonical_json(body));
}

Artifact make_artifact(const oci::Descriptor& image, const std::string& type,
                       const std::string& blob) {
  oci::Manifest manifest;
  manifest.artifact_type = type;
  manifest.config = oci::Descriptor{.media_type = "application/vnd.oci.empty.v1+json",
                                    .digest = oci::Digest::of("{}"),
                                    .size = 2};
  const oci::Descriptor layer{
      .media_type = type, .digest = oci::Digest::of(blob), .size = blob.size()};
  manifest.layers = {layer};
  manifest.subject = image;
  const std::string bytes = oci::to_json(manifest);
  return {.manifest = {{.media_type = oci::media_type::kManifest,
                        .digest = oci::Digest::of(bytes),
                        .size = bytes.size()},
                       bytes},
          .blobs = {{layer, blob}}};
}

Artifact make_signed(const oci::Descriptor& image, Json body) {
  body["subject"] = image.digest.to_string();
  body["checksum"] = checksum(body);
  return make_artifact(image, "application/x-paper", base::canonical_json(body));
}

// The signer's word out of a blob, or why it counts for nothing.
Result<Json> read_paper(const Blob& blob, const oci::Descriptor& image) {
  if (oci::Digest::of(blob.bytes) != blob.descriptor.digest) {
    return fail(Errc::mismatch, "a blob has another digest");
  }
  Json body = TRY(base::parse_json(blob.bytes, "paper"));
  const std::string claimed = body.value("checksum", "");
  body.erase("checksum");
  if (claimed != checksum(body)) return fail(Errc::mismatch, "a signature does not verify");
  if (body.value("subject", "") != image.digest.to_string()) {
    return fail(Errc::mismatch, "a signature is about another image");
  }
  return body;
}

Result<Verification> verify(const std::map<std::string, std::set<std::string>>& policies,
                            const std::string& policy, const oci::Descriptor& image,
                            std::span<const Artifact> beside) {
  std::set<std::string> accepted;
  if (!policy.empty()) {
    const auto found = policies.find(policy);
    if (found == policies.end()) return fail(Errc::not_found, "no trust policy " + policy);
    accepted = found->second;
  }
  Verification out;
  for (const Artifact& artifact : beside) {
    for (const Blob& blob : artifact.blobs) {
      if (blob.descriptor.media_type != "application/x-paper") continue;
      const auto body = read_paper(blob, image);
      if (!body) {
        out.problems.push_back(body.error().message());
        continue;
      }
      const std::string signer = (*body)["signer"];
      const bool trusted = accepted.count(signer) > 0;
      if (body->contains("predicateType")) {
        out.attestations.push_back({.predicate_type = (*body)["predicateType"],
                                    .predicate = (*body)["predicate"],
                                    .signer = signer,
                                    .trusted = trusted});
      } else {
        out.signatures.push_back({signer, artifact.tag ? "cosign" : "bundle", trusted});
        out.satisfied |= trusted;
      }
    }
  }
  return out;
}

Result<ProbeReport> read_probe(std::string_view text) {
  const Json root = TRY(base::parse_json(text, "the probe report"));
  base::JsonReader reader(root, "probe");
  ProbeReport report{.passed = reader.flag_or("passed", false),
                     .owner = reader.text("owner"),
                     .sentence = reader.text_or("sentence", ""),
                     .driver = reader.text_or("driver", ""),
                     .when = TRY(base::parse_time(reader.text("when")))};
  for (base::JsonReader& gpu : reader.objects("gpus")) {
    report.gpus.push_back({gpu.text("name"), gpu.text("compute_capability")});
  }
  TRY(reader.finish());
  return report;
}

}  // namespace

Tools PaperTrust::tools(const std::string& record_signer) {
  Tools tools;
  tools.verify = [this](const std::string& policy, const std::string&, const oci::Descriptor& image,
                        std::span<const Artifact> beside) {
    return verify(policies, policy, image, beside);
  };
  tools.probe = {kTestProbe, read_probe};
  if (!record_signer.empty()) {
    tools.sign = [this, record_signer](
                     const oci::Descriptor& subject, const std::string&, const std::string& type,
                     const std::string& predicate) -> Result<std::vector<Artifact>> {
      ++signed_records;
      return std::vector<Artifact>{statement(record_signer, subject, type, predicate)};
    };
  }
  tools.parallel = 4;
  return tools;
}

Artifact PaperTrust::signature(const std::string& signer, const oci::Descriptor& image) const {
  return make_signed(image, {{"signer", signer}});
}

Artifact PaperTrust::legacy_signature(const std::string& signer,
                                      const oci::Descriptor& image) const {
  Artifact artifact = signature(signer, image);
  oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(artifact.manifest.bytes));
  manifest.subject.reset();
  artifact.manifest.bytes = oci::to_json(manifest);
  artifact.manifest.descriptor.digest = oci::Digest::of(artifact.manifest.bytes);
  artifact.manifest.descriptor.size = artifact.manifest.bytes.size();
  artifact.tag = REQUIRE_OK(oci::Tag::parse("sha256-" + image.digest.hex() + ".sig"));
  return artifact;
}

Artifact PaperTrust::statement(const std::string& signer, const oci::Descriptor& image,
                               const std::string& predicate_type,
                               const std::string& predicate) const {
  return make_signed(
      image, {{"signer", signer}, {"predicateType", predicate_type}, {"predicate", predicate}});
}

Artifact PaperTrust::plain_sbom(const oci::Descriptor& image) const {
  return make_artifact(image, "application/spdx+json", "{\"spdxVersion\":\"SPDX-2.3\"}");
}

std::string probe_predicate(bool passed, const std::string& gpu, const std::string& when,
                            const std::string& owner) {
  return base::canonical_json({{"passed", passed},
                               {"owner", owner},
                               {"sentence", passed ? "" : "libcudnn.so.9 is missing"},
                               {"driver", "550.54.15"},
                               {"when", when},
                               {"gpus", {{{"name", "NVIDIA H100"}, {"compute_capability", gpu}}}}});
}

std::string provenance_predicate(const std::string& builder, const std::string& finished) {
  return base::canonical_json(
      {{"buildDefinition", Json::object()},
       {"runDetails", {{"builder", {{"id", builder}}}, {"metadata", {{"finishedOn", finished}}}}}});
}

// SBOM documents and provenance of an image that was built here: written from its spec, its lock
// and its layers in the store, and put beside the image in a registry.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "build/build.h"
#include "cli/app.h"
#include "cli/signing.h"
#include "release/repository.h"

namespace imgforge::cli {

enum class DocumentKind { spdx, cyclonedx, provenance };
std::string_view to_string(DocumentKind kind);
/// "spdx", "cyclonedx", "provenance"; Errc::usage otherwise.
Result<DocumentKind> parse_document_kind(std::string_view text);
inline constexpr DocumentKind kAllDocuments[] = {DocumentKind::spdx, DocumentKind::cyclonedx,
                                                 DocumentKind::provenance};

struct EvidenceDocument {
  DocumentKind kind = DocumentKind::spdx;
  std::string predicate_type;
  std::string content;  // JSON
};

struct DocumentRequest {
  std::string spec_file;              // its lock beside it
  oci::Descriptor image;              // a manifest in the store, built from that lock
  std::string repository;             // "host/path"; may be empty
  const build::Plan* plan = nullptr;  // when it is at hand; borrowed
  std::optional<base::Seconds> started, finished;
  std::vector<DocumentKind> kinds{std::begin(kAllDocuments), std::end(kAllDocuments)};
};
/// Errc::mismatch when the image was built from another lock.
Result<std::vector<EvidenceDocument>> write_documents(App& app, const DocumentRequest& request);

/// As referrers without a signature: SBOM documents as they are, provenance as an in-toto
/// statement. One sentence each; what is there already is not sent.
Result<std::vector<std::string>> attach_documents(App& app, release::Repository& repository,
                                                  const oci::Descriptor& image,
                                                  const std::vector<EvidenceDocument>& documents);
/// As attestations by the signing key, in the settings' formats. Provenance of the same build by
/// the same builder is written once, whenever and wherever it ran.
Result<std::vector<Written>> attest_documents(App& app, release::Repository& repository,
                                              const oci::Descriptor& image,
                                              const std::vector<EvidenceDocument>& documents);

/// For `build --push`: all three documents of what was just built, beside the image, which must be
/// in `repository` already. Signed when `attest`. One sentence each.
struct BuildEvidence {
  bool attest = false;
  std::optional<base::Seconds> started, finished;
};
Result<std::vector<std::string>> publish_evidence(App& app, const build::BuiltImage& image,
                                                  const std::string& spec_file,
                                                  release::Repository& repository,
                                                  const BuildEvidence& options);

}  // namespace imgforge::cli

#include "cli/evidence_documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "build/describe.h"
#include "cli/beside.h"
#include "cli/build_facts.h"
#include "cli/version.h"
#include "evidence/cyclonedx.h"
#include "evidence/inventory.h"
#include "evidence/spdx.h"
#include "oci/artifact.h"
#include "sign/cosign.h"
#include "sign/dsse.h"
#include "sign/statement.h"

namespace imgforge::cli {
namespace {

constexpr std::pair<DocumentKind, std::string_view> kNames[] = {
    {DocumentKind::spdx, "spdx"},
    {DocumentKind::cyclonedx, "cyclonedx"},
    {DocumentKind::provenance, "provenance"}};

/// What an artifact of this kind is, without a signature.
const char* artifact_type(DocumentKind kind) {
  switch (kind) {
    case DocumentKind::spdx:
      return evidence::kSpdxMediaType;
    case DocumentKind::cyclonedx:
      return evidence::kCycloneDxMediaType;
    case DocumentKind::provenance:
      return sign::kInTotoPayload;
  }
  return "";
}

Result<sign::Artifact> plain_artifact(const EvidenceDocument& document,
                                      const oci::Descriptor& image) {
  std::string content = document.content;
  if (document.kind == DocumentKind::provenance) {
    sign::Statement statement;
    statement.subjects = {{"", {{"sha256", image.digest.hex()}}, {}}};
    statement.predicate_type = document.predicate_type;
    statement.predicate = document.content;
    content = TRY(sign::to_json(statement));
  }
  oci::Manifest manifest;
  manifest.artifact_type = artifact_type(document.kind);
  manifest.config = oci::describe(oci::kEmptyType, oci::kEmptyJson);
  manifest.layers = {oci::describe(artifact_type(document.kind), content)};
  if (document.kind == DocumentKind::provenance) {
    manifest.annotations[sign::annotation::kPredicateType] = document.predicate_type;
  }
  manifest.subject = oci::Descriptor{image.media_type, image.digest, image.size, {}, {}, {}};
  sign::Artifact artifact;
  artifact.manifest = oci::to_json(manifest);
  artifact.blobs = {oci::kEmptyJson, std::move(content)};
  return artifact;
}

/// Provenance without when and where it ran.
std::string without_metadata(const std::string& provenance) {
  auto json = base::parse_json(provenance, "the provenance");
  if (!json) return {};
  if (json->contains("runDetails") && (*json)["runDetails"].is_object()) {
    (*json)["runDetails"].erase("metadata");
  }
  return base::canonical_json(*json);
}

bool wants(const DocumentRequest& request, DocumentKind kind) {
  return std::find(request.kinds.begin(), request.kinds.end(), kind) != request.kinds.end();
}

}  // namespace

std::string_view to_string(DocumentKind kind) {
  for (const auto& [known, name] : kNames) {
    if (known == kind) return name;
  }
  return "?";
}

Result<DocumentKind> parse_document_kind(std::string_view text) {
  std::vector<std::string_view> names;
  for (const auto& [kind, name] : kNames) {
    if (name == text) return kind;
    names.push_back(name);
  }
  const auto near = base::nearest(text, names);
  return fail(Error(Errc::usage, fmt::format("there is no document '{}'", text))
                  .hint(near ? "did you mean " + *near + "?" : "spdx, cyclonedx or provenance"));
}

Result<std::vector<EvidenceDocument>> write_documents(App& app, const DocumentRequest& request) {
  store::Store& store = *TRY(app.store());
  const auto held = TRY(store.hold());
  const auto manifest = TRY(oci::parse_manifest(TRY(store.read_blob(request.image.digest))));
  if (!manifest.config) return fail(Errc::invalid, "it is not an image: it has no config");
  const auto config = TRY(oci::parse_image_config(TRY(store.read_blob(manifest.config->digest))));
  const auto spec = TRY(build::load_image(request.spec_file, app.settings().layer_paths));
  const auto lock = TRY(spec::load_lock(spec::lock_path(request.spec_file)));
  TRY(build::check_lock_of_image(manifest, lock));

  evidence::Image image = build::describe(spec.image, request.image, manifest, config);
  image.repository = request.repository;
  if (request.plan != nullptr) build::add_inputs(image, *request.plan);
  std::vector<EvidenceDocument> documents;
  if (wants(request, DocumentKind::spdx) || wants(request, DocumentKind::cyclonedx)) {
    const auto inventory = TRY(evidence::take_inventory(
        image, lock, store, {.workers = app.workers()}, app.progress(), app.stop()));
    const evidence::Tool tool{"imgforge", kVersion};
    if (wants(request, DocumentKind::spdx)) {
      std::string text = evidence::to_spdx(inventory, image, tool);
      documents.push_back({DocumentKind::spdx, evidence::kSpdxPredicate, std::move(text)});
    }
    if (wants(request, DocumentKind::cyclonedx)) {
      std::string text = evidence::to_cyclonedx(inventory, image, tool);
      documents.push_back(
          {DocumentKind::cyclonedx, evidence::kCycloneDxPredicate, std::move(text)});
    }
  }
  if (wants(request, DocumentKind::provenance)) {
    evidence::BuildFacts facts = build_facts(app.settings(), request.spec_file);
    facts.started = request.started;
    facts.finished = request.finished;
    std::string text = TRY(evidence::provenance(image, spec, lock, facts));
    documents.push_back(
        {DocumentKind::provenance, evidence::kProvenancePredicate, std::move(text)});
  }
  return documents;
}

Result<std::vector<std::string>> attach_documents(App&, release::Repository& repository,
                                                  const oci::Descriptor& image,
                                                  const std::vector<EvidenceDocument>& documents) {
  const auto there = TRY(repository.artifacts(image.digest));
  std::vector<std::string> sentences;
  for (const EvidenceDocument& document : documents) {
    const sign::Artifact artifact = TRY(plain_artifact(document, image));
    const oci::Digest digest = artifact.digest();
    const bool already = std::any_of(there.begin(), there.end(), [&](const auto& one) {
      return one.manifest.descriptor.digest == digest;
    });
    if (!already) TRY(repository.attach(TRY(to_release(artifact))));
    sentences.push_back(fmt::format("{} {} {}", to_string(document.kind),
                                    already ? "was attached already as" : "attached as",
                                    digest.to_string()));
  }
  return sentences;
}

Result<std::vector<Written>> attest_documents(App& app, release::Repository& repository,
                                              const oci::Descriptor& image,
                                              const std::vector<EvidenceDocument>& documents) {
  std::vector<Written> written;
  for (const EvidenceDocument& document : documents) {
    const SamePredicate same = document.kind == DocumentKind::provenance
                                   ? SamePredicate([wanted = without_metadata(document.content)](
                                                       const std::string& there) {
                                       return without_metadata(there) == wanted;
                                     })
                                   : SamePredicate();
    for (Written& one :
         TRY(attest_in_formats(app, repository, image, document.predicate_type, document.content,
                               app.settings().signing.formats, same))) {
      one.what = to_string(document.kind);
      written.push_back(std::move(one));
    }
  }
  return written;
}

Result<std::vector<std::string>> publish_evidence(App& app, const build::BuiltImage& image,
                                                  const std::string& spec_file,
                                                  release::Repository& repository,
                                                  const BuildEvidence& options) {
  // The key is asked for before the work begins.
  if (options.attest) TRY(app.signer());
  DocumentRequest request{.spec_file = spec_file,
                          .image = image.manifest,
                          .repository = repository.name(),
                          .plan = &image.plan,
                          .started = options.started,
                          .finished = options.finished};
  const auto documents = TRY(write_documents(app, request));
  if (!options.attest) return attach_documents(app, repository, image.manifest, documents);
  std::vector<std::string> sentences;
  for (const Written& one : TRY(attest_documents(app, repository, image.manifest, documents))) {
    sentences.push_back(sentence(one));
  }
  return sentences;
}

}  // namespace imgforge::cli

#include "build/documents.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "build/assemble.h"
#include "build/define.h"
#include "oci/artifact.h"
#include "spec/matrix.h"
#include "spec/read_document.h"

namespace imgforge::build {
namespace {

// image-spec v1.1.1, annotations.md.
constexpr const char* kTitle = "org.opencontainers.image.title";
constexpr const char* kSource = "org.opencontainers.image.source";
constexpr const char* kRevision = "org.opencontainers.image.revision";
constexpr const char* kBuildId = "io.imgforge.build-id";
constexpr const char* kCell = "io.imgforge.cell";
constexpr const char* kVersion = "io.imgforge.version";

std::string extension(const std::string& path) {
  return path.ends_with(".json") ? ".json" : ".yaml";
}

/// Files of the project that kind `wheels` reads when it is locked, and compares at every build.
constexpr const char* kFileKeys[] = {"requirements_file", "pylock"};

/// The spec, its lock and definitions lie below specs/ and layers/, other files in the project and
/// not there.
bool is_safe(const std::string& path, const std::string& media_type) {
  const bool is_ours = path.starts_with("specs/") || path.starts_with("layers/");
  if (is_ours == (media_type == kProjectFileType)) return false;
  for (const std::string_view part : base::split(path, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return path.find('\0') == std::string::npos && path.size() < 1000;
}

std::string value_of(const std::map<std::string, std::string>& entries, const char* name) {
  const auto found = entries.find(name);
  return found == entries.end() ? std::string() : found->second;
}

}  // namespace

Result<BuildDocuments> collect_documents(const std::string& spec_file,
                                         const std::vector<std::string>& layer_paths) {
  const spec::ImageSpec spec = TRY(load_image(spec_file, layer_paths));
  const std::string lock_file = spec::lock_path(spec_file);
  spec::Lock lock = TRY(spec::load_lock(lock_file));
  TRY(spec::check_lock(lock, spec, lock_file));
  lock.records.clear();
  lock.manifest.clear();
  BuildDocuments documents;
  documents.build_id = spec.build;
  const spec::SpecAddress address = spec::parse_address(spec_file);
  documents.spec = {"specs/" + base::base_name(address.file), TRY(base::read_file(address.file))};
  documents.cell = address.cell;
  documents.lock = {spec::lock_path(spec_address(documents)), spec::format_lock(lock)};
  for (const std::string& file : spec.files) {
    if (file == spec.files.front()) continue;
    const auto root = TRY(spec::read_document(file));
    const auto name = root.find("layer");
    if (!name || !name->is_scalar()) {
      return fail(Errc::invalid, file + " has no name as a layer definition any more");
    }
    documents.definitions.push_back(
        {"layers/" + name->text() + extension(file), TRY(base::read_file(file))});
  }
  for (const spec::LayerUse& layer : spec.layers) {
    for (const char* key : kFileKeys) {
      const auto path = layer.kind == "wheels" ? layer.entry.find(key) : std::nullopt;
      if (!path || !path->is_scalar() || !is_safe(path->text(), kProjectFileType)) continue;
      documents.files.push_back({path->text(), TRY(base::read_file(base::join_path(
                                                   spec.project_directory, path->text())))});
    }
  }
  return documents;
}

release::Artifact documents_artifact(const BuildDocuments& documents,
                                     const oci::Descriptor& image) {
  oci::Manifest manifest;
  release::Artifact artifact{.manifest = {oci::describe(oci::media_type::kManifest, ""), ""},
                             .blobs = {},
                             .tag = std::nullopt};
  const auto add = [&](const char* media_type, const KeptFile& file) {
    oci::Descriptor descriptor = oci::describe(media_type, file.content);
    artifact.blobs.push_back({descriptor, file.content});
    descriptor.annotations[kTitle] = file.path;
    manifest.layers.push_back(std::move(descriptor));
  };
  manifest.artifact_type = kDocumentsType;
  manifest.config = oci::describe(oci::kEmptyType, oci::kEmptyJson);
  artifact.blobs.push_back({*manifest.config, oci::kEmptyJson});
  add(kSpecType, documents.spec);
  add(kLockType, documents.lock);
  for (const KeptFile& file : documents.definitions) add(kDefinitionType, file);
  for (const KeptFile& file : documents.files) add(kProjectFileType, file);
  manifest.subject = oci::Descriptor{image.media_type, image.digest, image.size, {}, {}, {}};
  manifest.annotations[kBuildId] = documents.build_id;
  manifest.annotations[kVersion] = documents.version;
  if (!documents.cell.empty()) manifest.annotations[kCell] = documents.cell;
  if (!documents.source.empty()) manifest.annotations[kSource] = documents.source;
  if (!documents.commit.empty()) manifest.annotations[kRevision] = documents.commit;
  artifact.manifest.bytes = oci::to_json(manifest);
  artifact.manifest.descriptor = oci::describe(oci::media_type::kManifest, artifact.manifest.bytes);
  return artifact;
}

bool is_documents(const oci::Manifest& manifest) {
  return manifest.artifact_type == kDocumentsType;
}

Result<BuildDocuments> read_documents(const release::Artifact& artifact) {
  const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest.bytes));
  if (!is_documents(manifest)) return fail(Errc::invalid, "it holds no documents of a build");
  BuildDocuments documents;
  documents.build_id = value_of(manifest.annotations, kBuildId);
  documents.version = value_of(manifest.annotations, kVersion);
  documents.cell = value_of(manifest.annotations, kCell);
  documents.source = value_of(manifest.annotations, kSource);
  documents.commit = value_of(manifest.annotations, kRevision);
  for (const oci::Descriptor& layer : manifest.layers) {
    const auto blob = std::find_if(
        artifact.blobs.begin(), artifact.blobs.end(),
        [&](const release::Blob& one) { return one.descriptor.digest == layer.digest; });
    if (blob == artifact.blobs.end()) {
      return fail(Errc::invalid, "it lacks the blob " + layer.digest.to_string());
    }
    KeptFile file{value_of(layer.annotations, kTitle), blob->bytes};
    if (!is_safe(file.path, layer.media_type)) {
      return fail(Errc::invalid,
                  fmt::format("it holds a document under the path '{}', where it does not belong",
                              file.path));
    }
    if (layer.media_type == kSpecType) {
      documents.spec = std::move(file);
    } else if (layer.media_type == kLockType) {
      documents.lock = std::move(file);
    } else if (layer.media_type == kDefinitionType) {
      documents.definitions.push_back(std::move(file));
    } else if (layer.media_type == kProjectFileType) {
      documents.files.push_back(std::move(file));
    }
  }
  if (documents.spec.path.empty() ||
      documents.lock.path != spec::lock_path(spec_address(documents))) {
    return fail(Errc::invalid, "it does not hold one spec with its lock");
  }
  return documents;
}

std::string spec_address(const BuildDocuments& documents) {
  return documents.spec.path + (documents.cell.empty() ? "" : "#" + documents.cell);
}

Result<std::string> write_project(const BuildDocuments& documents, const std::string& directory) {
  const auto write = [&](const KeptFile& file) -> Result<> {
    const std::string path = base::join_path(directory, file.path);
    TRY(base::make_directories(base::parent_path(path)));
    return base::write_file_atomic(path, file.content);
  };
  TRY(base::make_directories(base::join_path(directory, "layers")));
  TRY(write(documents.spec));
  TRY(write(documents.lock));
  for (const KeptFile& file : documents.definitions) TRY(write(file));
  for (const KeptFile& file : documents.files) TRY(write(file));
  return base::join_path(directory, spec_address(documents));
}

Result<> check_documents_of_image(const oci::Manifest& image, const spec::ImageSpec& spec,
                                  const spec::Lock& lock) {
  const auto check = [&](const char* annotation, const std::string& ours,
                         const char* what) -> Result<> {
    const std::string said = value_of(image.annotations, annotation);
    if (said == ours) return {};
    if (said.empty()) {
      return fail(Error(Errc::mismatch,
                        fmt::format("the image does not say from which {} it was built", what))
                      .hint("only images that imgforge built can be built again by it"));
    }
    return fail(Error(Errc::mismatch, fmt::format("the image was built from another {}", what))
                    .with("image", said)
                    .with("document", ours)
                    .hint(fmt::format("take the {} as it was when the image was built; beside the "
                                      "image it is with --attest or --keep-inputs",
                                      what)));
  };
  TRY(check(kSpecAnnotation, "sha256:" + spec.digest, "spec"));
  return check(kLockAnnotation, "sha256:" + lock_identity(lock), "lock");
}

}  // namespace imgforge::build

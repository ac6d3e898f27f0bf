// What an image was built from, as an artifact beside it: the spec, the layer definitions and
// the requirements files as their authors wrote them, and the lock without records. With its inputs
// that is all that building it again takes. The image's manifest names the digests of spec and
// lock, so whoever trusts the image can check the documents, whoever attached them. Format:
// docs/formats/kept.md.
#pragma once

#include <string>
#include <vector>

#include "oci/image.h"
#include "release/repository.h"
#include "spec/image_spec.h"
#include "spec/lock.h"

namespace imgforge::build {

inline constexpr const char* kDocumentsType = "application/vnd.imgforge.documents.v1";
inline constexpr const char* kSpecType = "application/vnd.imgforge.spec.v1";
inline constexpr const char* kDefinitionType = "application/vnd.imgforge.layer-definition.v1";
inline constexpr const char* kProjectFileType = "application/vnd.imgforge.project-file.v1";
inline constexpr const char* kLockType = "application/vnd.imgforge.lock.v1+json";

struct KeptFile {
  std::string path;  // in the project: "specs/app.yaml", "layers/os/debian12.yaml"
  std::string content;
  bool operator==(const KeptFile&) const = default;
};

struct BuildDocuments {
  KeptFile spec;     // or the matrix file that has it
  std::string cell;  // of the matrix; or empty
  KeptFile lock;
  std::vector<KeptFile> definitions;
  std::vector<KeptFile> files;  // that the lock was made from: requirements files, pylocks
  std::string build_id;         // under which it was built: the spec may say another one
  std::string version;          // of the imgforge that built it
  std::string source, commit;   // git repository of the project, where the builder knew; or empty
  bool operator==(const BuildDocuments&) const = default;
};

/// Reads the spec's files again. Errc::refused when they have changed since the lock was made.
Result<BuildDocuments> collect_documents(const std::string& spec_file,
                                         const std::vector<std::string>& layer_paths);

/// The same documents about the same image give the same bytes.
release::Artifact documents_artifact(const BuildDocuments& documents, const oci::Descriptor& image);

bool is_documents(const oci::Manifest& manifest);
/// With its blobs. Errc::invalid for what is no such artifact, and for paths that lead out of the
/// project, or where the others belong.
Result<BuildDocuments> read_documents(const release::Artifact& artifact);

/// What commands that take a spec call it in its project: "specs/app.yaml",
/// "specs/app.matrix.yaml#CELL".
std::string spec_address(const BuildDocuments& documents);

/// Writes them as a project: specs/, layers/, files. Returns the spec's address.
Result<std::string> write_project(const BuildDocuments& documents, const std::string& directory);

/// Errc::mismatch when `image` says that it was built from another spec or lock.
Result<> check_documents_of_image(const oci::Manifest& image, const spec::ImageSpec& spec,
                                  const spec::Lock& lock);

}  // namespace imgforge::build

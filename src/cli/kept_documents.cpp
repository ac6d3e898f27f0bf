#include "cli/kept_documents.h"

#include <fmt/format.h>

#include <optional>

#include "base/file.h"
#include "build/define.h"
#include "oci/image.h"

namespace imgforge::cli {
namespace {

Error no_documents(const std::string& image) {
  return Error(Errc::not_found, fmt::format("{} has no spec and lock beside it", image))
      .hint(
          "give the project that it was built from: --spec specs/NAME.yaml (with its lock); "
          "'imgforge build --push --attest' and '--keep-inputs' put them beside the image");
}

}  // namespace

Result<LockedSpec> load_locked(const std::string& spec_file,
                               const std::vector<std::string>& layer_paths) {
  LockedSpec loaded{spec_file, TRY(build::load_image(spec_file, layer_paths)), {}};
  const std::string lock_file = spec::lock_path(spec_file);
  loaded.lock = TRY(spec::load_lock(lock_file));
  TRY(spec::check_lock(loaded.lock, loaded.spec, lock_file));
  return loaded;
}

Result<KeptBeside> look_for_kept(release::Repository& repository, const oci::Digest& image) {
  KeptBeside kept;
  for (release::Artifact& one : TRY(repository.artifacts(image))) {
    const auto manifest = oci::parse_manifest(one.manifest.bytes);
    if (!manifest) continue;
    if (build::is_documents(*manifest)) kept.documents.push_back(std::move(one));
    kept.inputs.merge(build::kept_inputs(*manifest));
  }
  return kept;
}

Result<AttachedDocuments> open_documents(release::Repository& repository, const std::string& name,
                                         const release::RawManifest& image, const KeptBeside& kept,
                                         const std::string& scratch) {
  const oci::Manifest manifest = TRY(oci::parse_manifest(image.bytes));
  std::optional<Error> trouble;
  for (const release::Artifact& one : kept.documents) {
    const std::string digest = one.manifest.descriptor.digest.to_string();
    const auto open = [&]() -> Result<AttachedDocuments> {
      build::BuildDocuments documents = TRY(build::read_documents(TRY(repository.fetch(one))));
      const std::string folder =
          base::join_path(scratch, "project-" + one.manifest.descriptor.digest.short_hex());
      LockedSpec locked = TRY(load_locked(TRY(build::write_project(documents, folder)), {}));
      TRY(build::check_documents_of_image(manifest, locked.spec, locked.lock));
      return AttachedDocuments{std::move(locked), std::move(documents), digest};
    };
    auto opened = base::with_context(open(), "the documents " + digest + " beside the image");
    if (opened) return opened;
    if (!trouble) trouble = std::move(opened.error());
  }
  return fail(trouble ? *std::move(trouble) : no_documents(name));
}

}  // namespace imgforge::cli

#include "store/layout_reading.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/sha256.h"
#include "oci/graph.h"
#include "store/image_blobs.h"
#include "store/index_json.h"

namespace imgforge::store {
namespace {

constexpr std::size_t kMaximumDocument = 16 << 20;

std::string blob_file(const std::string& directory, const oci::Digest& digest) {
  return directory + "/blobs/sha256/" + digest.hex();
}

Error damaged(const std::string& directory, const oci::Digest& digest, const std::string& how) {
  return Error(Errc::mismatch,
               fmt::format("blob {} in {} is damaged: {}", digest.to_string(), directory, how))
      .hint("imgforge cache verify --quarantine, then build or pull the image again");
}

}  // namespace

Result<oci::Index> read_layout_index(const std::string& directory) {
  const std::string file = directory + "/index.json";
  const auto text = base::read_file(file, kMaximumDocument);
  if (!text) {
    return fail(Error(text.error().code(),
                      directory + " is not an OCI layout: its index.json cannot be read")
                    .hint("an OCI layout is a folder with oci-layout, index.json and blobs/"));
  }
  return base::with_context(oci::parse_index(*text), "reading " + file);
}

Result<oci::Descriptor> pick_image(const oci::Index& index, const std::string& name,
                                   const std::string& where) {
  std::vector<std::string> names;
  for (const oci::Descriptor& descriptor : index.manifests) {
    const std::string found = ref_name(descriptor);
    if (!name.empty() && found == name) return descriptor;
    names.push_back(found.empty() ? "(no name)" : found);
  }
  if (name.empty() && index.manifests.size() == 1) return index.manifests[0];
  std::string there;
  for (const std::string& one : names) there += (there.empty() ? "there are " : ", ") + one;
  if (names.empty()) return fail(Errc::not_found, where + " holds no image");
  if (name.empty()) return fail(Error(Errc::usage, where + " holds several images").hint(there));
  return fail(Error(Errc::not_found, where + " has no image '" + name + "'").hint(there));
}

Result<content::Document> read_document(const std::string& directory, const oci::Digest& digest) {
  const std::string file = blob_file(directory, digest);
  if (!base::exists(file)) {
    return fail(Errc::not_found, fmt::format("{} has no {}", directory, digest.to_string()));
  }
  std::string bytes = TRY(base::read_file(file, kMaximumDocument));
  if (const oci::Digest found = oci::Digest::of(bytes); found != digest) {
    return fail(damaged(directory, digest, "its content has digest " + found.to_string()));
  }
  const auto as_index = oci::parse_index(bytes);
  std::string type =
      as_index ? as_index->media_type
               : TRY(base::with_context(oci::parse_manifest(bytes), "reading " + file)).media_type;
  const std::uint64_t size = bytes.size();
  return content::Document{{.media_type = std::move(type), .digest = digest, .size = size},
                           std::move(bytes)};
}

Result<std::unique_ptr<base::RandomAccess>> open_layout_blob(const std::string& directory,
                                                             const oci::Descriptor& blob) {
  const std::string file = blob_file(directory, blob.digest);
  if (!base::exists(file)) {
    return fail(Errc::not_found,
                fmt::format("{} has no blob {}", directory, blob.digest.to_string()));
  }
  auto opened = std::make_unique<base::File>(TRY(base::File::open_read(file)));
  if (opened->size() != blob.size) {
    return fail(
        damaged(directory, blob.digest,
                fmt::format("it has {} bytes, the image says {}", opened->size(), blob.size)));
  }
  return std::unique_ptr<base::RandomAccess>(std::move(opened));
}

Result<> copy_layout_blob(const std::string& directory, const oci::Descriptor& blob,
                          base::Sink& sink, base::ProgressTask& task, std::stop_token stop) {
  const auto data = TRY(open_layout_blob(directory, blob));
  base::RangeSource source(*data, 0, blob.size);
  WatchedSource watched(source, task, std::move(stop));
  base::HashingSink hashing(&sink);
  TRY(base::copy(watched, hashing));
  if (const std::string hex = hashing.finish_hex(); hex != blob.digest.hex()) {
    return fail(damaged(directory, blob.digest, "its content has digest sha256:" + hex));
  }
  return {};
}

Result<std::vector<oci::Descriptor>> entries_with_subject(const std::string& directory,
                                                          const oci::Index& index,
                                                          const oci::Digest& subject) {
  std::vector<oci::Descriptor> found;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!oci::is_manifest(entry.media_type)) continue;
    const content::Document document = TRY(read_document(directory, entry.digest));
    const oci::Manifest manifest = TRY(oci::parse_manifest(document.bytes));
    if (!manifest.subject || manifest.subject->digest != subject) continue;
    oci::Descriptor referrer = document.descriptor;
    referrer.artifact_type = !manifest.artifact_type.empty() ? manifest.artifact_type
                             : manifest.config               ? manifest.config->media_type
                                                             : "";
    referrer.annotations = manifest.annotations;
    found.push_back(std::move(referrer));
  }
  return found;
}

}  // namespace imgforge::store

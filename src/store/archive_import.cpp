// Images into the store: from a layout folder, or from a tar of one. Everything is verified on the
// way.
#include <archive.h>
#include <archive_entry.h>

#include <set>

#include "oci/graph.h"
#include "store/export.h"
#include "store/image_blobs.h"

namespace imgforge::store {
namespace {

constexpr std::size_t kMaximumDocument = 16 << 20;

// One blob by digest from wherever the image comes.
using Fetch = std::function<Result<>(const oci::Descriptor& blob, Ingest& into)>;

Result<oci::Descriptor> pick(const oci::Index& index, const std::string& name,
                             const std::string& where) {
  std::vector<std::string> names;
  for (const oci::Descriptor& descriptor : index.manifests) {
    const auto found = descriptor.annotations.find(kRefName);
    names.push_back(found == descriptor.annotations.end() ? "(no name)" : found->second);
    if (!name.empty() && names.back() == name) return descriptor;
  }
  if (name.empty() && index.manifests.size() == 1) return index.manifests[0];
  std::string there;
  for (const std::string& one : names) there += (there.empty() ? "there are " : ", ") + one;
  const std::string what =
      name.empty() ? "it holds several images" : "it has no image '" + name + "'";
  return fail(
      Error(name.empty() && !names.empty() ? Errc::usage : Errc::not_found, where + ": " + what)
          .hint(there.empty() ? "it holds no image" : there));
}

class Importer {
 public:
  Importer(Store& store, Fetch fetch, std::stop_token stop)
      : store_(store), fetch_(std::move(fetch)), stop_(std::move(stop)) {}

  Result<> take(const oci::Descriptor& descriptor) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (!seen_.insert(descriptor.digest).second) return {};
    const auto size = store_.blob_size(descriptor.digest);
    if (!size || *size != descriptor.size) {
      Ingest blob = TRY(store_.new_blob(descriptor.size));
      TRY(fetch_(descriptor, blob));
      (void)TRY(blob.commit(Ingest::Expected{descriptor.digest, descriptor.size}));
    }
    return {};
  }

  Result<> take_with_children(const oci::Descriptor& descriptor) {
    TRY(take(descriptor));
    if (!oci::is_manifest(descriptor.media_type)) return {};
    const std::string text = TRY(store_.read_blob(descriptor.digest, kMaximumDocument));
    for (const oci::Descriptor& child : TRY(oci::successors(descriptor.media_type, text))) {
      TRY(base::with_context(take(child), "blob " + child.digest.to_string()));
    }
    return {};
  }

  Result<oci::Descriptor> choose(const oci::Descriptor& descriptor, const oci::Platform& platform) {
    if (!oci::is_index(descriptor.media_type)) return descriptor;
    TRY(take(descriptor));
    const oci::Index index =
        TRY(oci::parse_index(TRY(store_.read_blob(descriptor.digest, kMaximumDocument))));
    std::vector<std::string> platforms;
    for (const oci::Descriptor& child : index.manifests) {
      if (!child.platform) continue;
      if (*child.platform == platform) return child;
      platforms.push_back(child.platform->to_string());
    }
    std::string there;
    for (const std::string& one : platforms) there += (there.empty() ? "it has " : ", ") + one;
    return fail(
        Error(Errc::not_found, "the image is not there for " + platform.to_string()).hint(there));
  }

 private:
  Store& store_;
  Fetch fetch_;
  std::stop_token stop_;
  std::set<oci::Digest> seen_;
};

struct ArchiveCloser {
  void operator()(::archive* archive) const { ::archive_read_free(archive); }
};

// Unpacks index.json, oci-layout and blobs/ of the tar into `folder`: names are checked, nothing
// else is written.
Result<> unpack_archive(const std::string& file, const std::string& folder, std::stop_token stop) {
  std::unique_ptr<::archive, ArchiveCloser> reader(::archive_read_new());
  ::archive_read_support_format_tar(reader.get());
  ::archive_read_support_filter_all(reader.get());
  if (::archive_read_open_filename(reader.get(), file.c_str(), 1 << 18) != ARCHIVE_OK) {
    return fail(base::exists(file) ? Errc::invalid : Errc::not_found,
                "cannot read " + file + ": " + ::archive_error_string(reader.get()));
  }
  TRY(base::make_directories(folder + "/blobs/sha256"));
  for (;;) {
    ::archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) return {};
    if (status != ARCHIVE_OK) {
      return fail(Errc::invalid,
                  "cannot read " + file + ": " + ::archive_error_string(reader.get()));
    }
    std::string name =
        ::archive_entry_pathname(entry) != nullptr ? ::archive_entry_pathname(entry) : "";
    if (name.starts_with("./")) name.erase(0, 2);
    const bool blob = name.starts_with("blobs/sha256/") &&
                      oci::Digest::parse("sha256:" + name.substr(13)).has_value();
    if (::archive_entry_filetype(entry) != AE_IFREG ||
        (!blob && name != "index.json" && name != "oci-layout"))
      continue;
    if (base::exists(folder + "/" + name))
      return fail(Errc::invalid, file + " has " + name + " twice");
    base::File target = TRY(base::File::create(folder + "/" + name));
    std::vector<std::byte> buffer(base::kChunk);
    for (;;) {
      if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
      const la_ssize_t n = ::archive_read_data(reader.get(), buffer.data(), buffer.size());
      if (n < 0)
        return fail(Errc::invalid,
                    "cannot read " + file + ": " + ::archive_error_string(reader.get()));
      if (n == 0) break;
      TRY(target.write(base::Bytes(buffer).first(static_cast<std::size_t>(n))));
    }
    TRY(target.close());
  }
}

}  // namespace

Result<oci::Descriptor> import_layout(Store& store, const std::string& directory,
                                      const std::string& name, const oci::Platform& platform,
                                      base::Progress& progress, std::stop_token stop) {
  const auto index_text = base::read_file(directory + "/index.json", kMaximumDocument);
  if (!index_text) {
    return fail(
        Error(index_text.error().code(), directory + " is not an OCI layout: it has no index.json")
            .hint("an OCI layout is a folder with oci-layout, index.json and blobs/"));
  }
  const oci::Index index = TRY(oci::parse_index(*index_text));
  const oci::Descriptor root = TRY(pick(index, name, directory));
  auto task = progress.start("import", directory, std::nullopt);
  const Fetch fetch = [&](const oci::Descriptor& blob, Ingest& into) -> Result<> {
    base::File file = TRY(base::File::open_read(directory + "/blobs/sha256/" + blob.digest.hex()));
    task->advance(TRY(base::copy(file, into)));
    return {};
  };
  Importer importer(store, fetch, stop);
  const oci::Descriptor chosen = TRY(importer.choose(root, platform));
  TRY(importer.take_with_children(chosen));
  task->finish("imported");
  oci::Descriptor plain = chosen;
  plain.annotations.clear();
  plain.platform.reset();
  return plain;
}

Result<oci::Descriptor> import_oci_archive(Store& store, const std::string& file,
                                           const std::string& name, const oci::Platform& platform,
                                           base::Progress& progress, std::stop_token stop) {
  // A tar cannot be read by name, and manifests often come after their layers: unpacked into
  // scratch first.
  const auto scratch = TRY(store.scratch("import"));
  TRY(unpack_archive(file, scratch.path(), stop));
  return import_layout(store, scratch.path(), name, platform, progress, stop);
}

}  // namespace imgforge::store

// Images into the store: from a layout folder, or from a tar of one. Everything is verified on the
// way.
#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <set>

#include "oci/graph.h"
#include "store/export.h"
#include "store/image_blobs.h"
#include "store/index_json.h"
#include "store/layout_reading.h"

namespace imgforge::store {
namespace {

constexpr std::size_t kMaximumDocument = 16 << 20;

// One blob by digest from wherever the image comes.
using Fetch = std::function<Result<>(const oci::Descriptor& blob, Ingest& into)>;

// Without a variant any will do: "linux/arm64" is what indexes call linux/arm64/v8.
bool fits(const oci::Platform& there, const oci::Platform& wanted) {
  return there.os == wanted.os && there.architecture == wanted.architecture &&
         (wanted.variant.empty() || there.variant == wanted.variant);
}

class Importer {
 public:
  Importer(Store& store, Fetch fetch, std::stop_token stop)
      : store_(store), fetch_(std::move(fetch)), stop_(std::move(stop)) {}

  /// The image that index.json and `platform` choose, with all its blobs.
  Result<oci::Descriptor> take_image(std::string_view index, const std::string& name,
                                     const oci::Platform& platform, const std::string& where) {
    const oci::Index parsed =
        TRY(base::with_context(oci::parse_index(index), "reading index.json of " + where));
    oci::Descriptor image = TRY(choose(TRY(pick_image(parsed, name, where)), platform));
    if (!oci::is_manifest(image.media_type)) {
      return fail(Errc::unsupported, where + ": " + image.media_type + " is not an image");
    }
    TRY(base::with_context(take_with_children(image), "taking the image from " + where));
    image.annotations.clear();
    image.platform.reset();
    return image;
  }

 private:
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
      if (fits(*child.platform, platform)) return child;
      platforms.push_back(child.platform->to_string());
    }
    std::string there;
    for (const std::string& one : platforms) there += (there.empty() ? "it has " : ", ") + one;
    return fail(
        Error(Errc::not_found, "the image is not there for " + platform.to_string()).hint(there));
  }

  Store& store_;
  Fetch fetch_;
  std::stop_token stop_;
  std::set<oci::Digest> seen_;
};

struct ArchiveCloser {
  void operator()(::archive* archive) const { ::archive_read_free(archive); }
};

class ArchiveReader {
 public:
  static Result<ArchiveReader> open(const std::string& file) {
    ArchiveReader reader(file);
    ::archive_read_support_format_tar(reader.archive_.get());
    ::archive_read_support_filter_all(reader.archive_.get());
    if (::archive_read_open_filename(reader.archive_.get(), file.c_str(), base::kChunk) !=
        ARCHIVE_OK) {
      return fail(base::exists(file) ? reader.broken()
                                     : Error(Errc::not_found, "there is no file " + file));
    }
    return reader;
  }

  struct Entry {
    std::string name;  // without "./"; empty when this is no regular file
    std::uint64_t size = 0;
  };
  /// nullopt at the end.
  Result<std::optional<Entry>> next() {
    ::archive_entry* entry = nullptr;
    const int status = ::archive_read_next_header(archive_.get(), &entry);
    if (status == ARCHIVE_EOF) return std::nullopt;
    if (status != ARCHIVE_OK) return fail(broken());
    Entry found;
    const char* name = ::archive_entry_pathname(entry);
    if (name == nullptr || ::archive_entry_filetype(entry) != AE_IFREG) return found;
    found.name = std::string_view(name).starts_with("./") ? name + 2 : name;
    found.size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, ::archive_entry_size(entry)));
    return found;
  }

  /// The content of the entry that next() gave last.
  Result<> copy_to(base::Sink& sink, base::ProgressTask& task, const std::stop_token& stop) {
    for (;;) {
      if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
      const la_ssize_t n = ::archive_read_data(archive_.get(), buffer_.data(), buffer_.size());
      if (n < 0) return fail(broken());
      if (n == 0) return {};
      TRY(sink.write(base::Bytes(buffer_).first(static_cast<std::size_t>(n))));
      task.advance(static_cast<std::uint64_t>(n));
    }
  }

 private:
  explicit ArchiveReader(std::string file)
      : file_(std::move(file)), archive_(::archive_read_new()), buffer_(base::kChunk) {}
  Error broken() const {
    const char* why = ::archive_error_string(archive_.get());
    return Error(Errc::invalid,
                 "cannot read " + file_ + ": " + (why != nullptr ? why : "it is no tar"));
  }

  std::string file_;
  std::unique_ptr<::archive, ArchiveCloser> archive_;
  std::vector<std::byte> buffer_;
};

// Takes every blob of the archive into the store, each verified against its name, and returns
// index.json. A tar is read once, in its own order, and manifests often come after their layers, so
// what the image needs is only known at the end. What it does not need is for prune.
Result<std::string> take_blobs(Store& store, const std::string& file, base::ProgressTask& task,
                               const std::stop_token& stop) {
  constexpr std::string_view kBlobs = "blobs/sha256/";
  ArchiveReader reader = TRY(ArchiveReader::open(file));
  std::optional<std::string> index;
  while (const auto entry = TRY(reader.next())) {
    if (entry->name == "index.json") {
      if (index) return fail(Errc::invalid, file + " has index.json twice");
      if (entry->size > kMaximumDocument) return fail(Errc::invalid, file + ": index.json is huge");
      index.emplace();
      base::StringSink sink(*index);
      TRY(reader.copy_to(sink, task, stop));
    } else if (entry->name.starts_with(kBlobs)) {
      const auto digest = oci::Digest::parse("sha256:" + entry->name.substr(kBlobs.size()));
      if (!digest) continue;
      if (const auto size = store.blob_size(*digest); size && *size == entry->size) continue;
      Ingest blob = TRY(store.new_blob(entry->size));
      TRY(reader.copy_to(blob, task, stop));
      TRY(base::with_context(blob.commit(Ingest::Expected{*digest, entry->size}),
                             "reading " + entry->name + " of " + file));
    }
  }
  if (!index) {
    return fail(Error(Errc::not_found, file + " is not an oci-archive: it has no index.json")
                    .hint("an oci-archive is a tar of oci-layout, index.json and blobs/"));
  }
  return *std::move(index);
}

}  // namespace

Result<oci::Descriptor> import_layout(Store& store, const std::string& directory,
                                      const std::string& name, const oci::Platform& platform,
                                      base::Progress& progress, std::stop_token stop) {
  const auto index = base::read_file(directory + "/index.json", kMaximumDocument);
  if (!index) {
    return fail(Error(index.error().code(),
                      directory + " is not an OCI layout: its index.json cannot be read")
                    .hint("an OCI layout is a folder with oci-layout, index.json and blobs/"));
  }
  auto task = progress.start("import", directory, std::nullopt);
  const Fetch fetch = [&](const oci::Descriptor& blob, Ingest& into) -> Result<> {
    base::File file = TRY(base::File::open_read(directory + "/blobs/sha256/" + blob.digest.hex()));
    WatchedSource watched(file, *task, stop);
    TRY(base::copy(watched, into));
    return {};
  };
  Importer importer(store, fetch, stop);
  oci::Descriptor image = TRY(importer.take_image(*index, name, platform, directory));
  task->finish("imported");
  return image;
}

Result<oci::Descriptor> import_oci_archive(Store& store, const std::string& file,
                                           const std::string& name, const oci::Platform& platform,
                                           base::Progress& progress, std::stop_token stop) {
  auto task = progress.start("import", file, base::file_size(file).value_or(0));
  const std::string index = TRY(take_blobs(store, file, *task, stop));
  const Fetch fetch = [&](const oci::Descriptor&, Ingest&) -> Result<> {
    return fail(Errc::invalid, "it is missing in " + file);
  };
  Importer importer(store, fetch, stop);
  oci::Descriptor image = TRY(importer.take_image(index, name, platform, file));
  task->finish("imported");
  return image;
}

}  // namespace imgforge::store

#include "store/archive_reading.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>

#include "base/file.h"

namespace imgforge::store {
namespace {

constexpr std::size_t kMaximumDocument = 16 << 20;

}  // namespace

void ArchiveReader::Closer::operator()(::archive* archive) const { ::archive_read_free(archive); }

ArchiveReader::ArchiveReader(std::string file)
    : file_(std::move(file)), archive_(::archive_read_new()), buffer_(base::kChunk) {}

Result<ArchiveReader> ArchiveReader::open(const std::string& file) {
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

Error ArchiveReader::broken() const {
  const char* why = ::archive_error_string(archive_.get());
  return Error(Errc::invalid,
               "cannot read " + file_ + ": " + (why != nullptr ? why : "it is no tar"));
}

Result<std::optional<ArchiveReader::Entry>> ArchiveReader::next() {
  ::archive_entry* entry = nullptr;
  const int status = ::archive_read_next_header(archive_.get(), &entry);
  if (status == ARCHIVE_EOF) return std::nullopt;
  if (status != ARCHIVE_OK) return fail(broken());
  Entry found;
  const char* name = ::archive_entry_pathname(entry);
  const auto type = ::archive_entry_filetype(entry);
  const char* hard = ::archive_entry_hardlink(entry);
  if (name == nullptr || (type != AE_IFREG && type != AE_IFLNK && hard == nullptr)) return found;
  found.name = std::string_view(name).starts_with("./") ? name + 2 : name;
  const char* link = hard != nullptr ? hard : ::archive_entry_symlink(entry);
  found.symbolic = hard == nullptr && type == AE_IFLNK;
  if (hard != nullptr || found.symbolic) found.link = link != nullptr ? link : "";
  found.size = static_cast<std::uint64_t>(std::max<la_int64_t>(0, ::archive_entry_size(entry)));
  return found;
}

Result<> ArchiveReader::copy_to(base::Sink& sink, base::ProgressTask& task,
                                const std::stop_token& stop) {
  for (;;) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const la_ssize_t n = ::archive_read_data(archive_.get(), buffer_.data(), buffer_.size());
    if (n < 0) return fail(broken());
    if (n == 0) return {};
    TRY(sink.write(base::Bytes(buffer_).first(static_cast<std::size_t>(n))));
    task.advance(static_cast<std::uint64_t>(n));
  }
}

Result<std::string> ArchiveReader::read_text(const Entry& entry, base::ProgressTask& task,
                                             const std::stop_token& stop) {
  if (entry.size > kMaximumDocument) {
    return fail(Errc::invalid, file_ + ": " + entry.name + " is huge");
  }
  std::string text;
  base::StringSink sink(text);
  TRY(copy_to(sink, task, stop));
  return text;
}

// A tar is read once, in its own order, and manifests often come after their layers, so what the
// image needs is only known at the end.
Result<std::string> take_oci_archive(Store& store, const std::string& file,
                                     base::ProgressTask& task, const std::stop_token& stop) {
  constexpr std::string_view kBlobs = "blobs/sha256/";
  ArchiveReader reader = TRY(ArchiveReader::open(file));
  std::optional<std::string> index;
  while (const auto entry = TRY(reader.next())) {
    if (entry->name == "index.json") {
      if (index) return fail(Errc::invalid, file + " has index.json twice");
      index = TRY(reader.read_text(*entry, task, stop));
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

}  // namespace imgforge::store

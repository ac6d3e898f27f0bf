#include "store/store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/sha256.h"
#include "store/image_blobs.h"
#include "store/index_json.h"
#include "store/store_state.h"

namespace imgforge::store {
namespace {

// Format history: 1 first version.
constexpr int kStoreFormat = 1;
constexpr const char* kFormatFile = "imgforge-store.json";
constexpr const char* kLayoutFile = "oci-layout";
constexpr const char* kFolders[] = {"blobs/sha256", "inputs/sha256", "layers",
                                    "trees",        "locks",         "tmp"};

Result<> check_format(const std::string& directory) {
  const std::string file = directory + "/" + kFormatFile;
  const auto json = TRY(base::parse_json(TRY(base::read_file(file)), file));
  base::JsonReader reader(json, "store");
  const std::uint64_t format = reader.number("format");
  TRY(reader.finish_tolerant());
  if (format > kStoreFormat) {
    return fail(
        Error(Errc::unsupported, fmt::format("the store {} has format {}; this imgforge knows {}",
                                             directory, format, kStoreFormat))
            .hint("use the newer imgforge that made it, or another --store"));
  }
  return {};
}

// Only an empty (or new) folder becomes a store. Files appear before the format file, which says
// that it is whole.
Result<> create(const std::string& directory) {
  const auto names = TRY(base::list_directory(directory));
  for (const std::string& name : names) {
    // What an interrupted creation, or one at the same time, may have left.
    const bool ours = name == kLayoutFile || name == "index.json" || name == "blobs" ||
                      name == "inputs" || name == "layers" || name == "trees" || name == "locks" ||
                      name == "tmp" || name == kFormatFile ||
                      name.find(".tmp-") != std::string::npos;
    if (!ours) {
      return fail(
          Error(Errc::invalid, fmt::format("{} is not a store: it holds {}", directory, name))
              .hint("name an empty folder, or one that does not exist"));
    }
  }
  for (const char* folder : kFolders) TRY(base::make_directories(directory + "/" + folder));
  if (!base::exists(directory + "/" + kLayoutFile)) {
    TRY(base::write_file_atomic(directory + "/" + kLayoutFile, kOciLayout));
  }
  const auto lock =
      TRY(base::FileLock::acquire(directory + "/locks/index", base::FileLock::Mode::exclusive));
  if (!base::exists(directory + "/index.json")) {
    TRY(base::write_file_atomic(directory + "/index.json", empty_index()));
  }
  return base::write_file_atomic(directory + "/" + kFormatFile,
                                 base::pretty_json({{"format", kStoreFormat}}));
}

}  // namespace

Store::Store(std::unique_ptr<State> state) : state_(std::move(state)) {}
Store::Store(Store&&) noexcept = default;
Store::~Store() = default;

Result<Store> Store::open(const std::string& directory) {
  TRY(base::with_context(base::make_directories(directory), "opening the store"));
  if (base::exists(directory + "/" + kFormatFile)) {
    TRY(check_format(directory));
    // Somebody may have emptied the store by hand.
    for (const char* folder : kFolders) TRY(base::make_directories(directory + "/" + folder));
  } else {
    TRY(base::with_context(create(directory), "creating the store"));
  }
  if (::access((directory + "/tmp").c_str(), W_OK) != 0) {
    return fail(base::io_error("cannot write into the store " + directory));
  }
  auto state = std::make_unique<State>();
  state->directory = directory;
  return Store(std::move(state));
}

const std::string& Store::directory() const { return state_->directory; }

bool Store::has_blob(const oci::Digest& digest) const { return base::exists(blob_path(digest)); }

Result<std::uint64_t> Store::blob_size(const oci::Digest& digest) const {
  return base::file_size(blob_path(digest));
}

std::string Store::blob_path(const oci::Digest& digest) const { return state_->blob(digest); }

Result<base::File> Store::open_blob(const oci::Digest& digest) const {
  return base::File::open_read(blob_path(digest));
}

Result<std::string> Store::read_blob(const oci::Digest& digest, std::size_t limit) const {
  std::string content = TRY(base::read_file(blob_path(digest), limit));
  if (oci::Digest::of(content) != digest) {
    return fail(Error(Errc::mismatch,
                      fmt::format("the blob {} in the store is damaged", digest.to_string()))
                    .hint("imgforge cache verify --quarantine, then build again"));
  }
  return content;
}

Result<oci::Descriptor> Store::put_document(std::string_view json, const std::string& media_type) {
  oci::Descriptor descriptor{
      .media_type = media_type, .digest = oci::Digest::of(json), .size = json.size()};
  if (const auto size = blob_size(descriptor.digest); size && *size == json.size())
    return descriptor;
  Ingest blob = TRY(new_blob(json.size(), false));
  TRY(blob.write(base::as_bytes(json)));
  TRY(blob.commit_hashed(descriptor.digest));
  return descriptor;
}

bool Store::has_input(const oci::Digest& digest) const { return base::exists(input_path(digest)); }

std::string Store::input_path(const oci::Digest& digest) const { return state_->input(digest); }

Result<base::File> Store::open_input(const oci::Digest& digest) const {
  return base::File::open_read(input_path(digest));
}

Result<> Store::adopt_input(const std::string& file, const oci::Digest& digest,
                            std::uint64_t size) {
  if (has_input(digest)) return {};
  base::File source = TRY(base::File::open_read(file));
  Ingest input = TRY(new_input(size));
  (void)TRY(base::copy(source, input));
  TRY(base::with_context(input.commit(Ingest::Expected{digest, size}), "taking " + file));
  return {};
}

Result<base::TempDir> Store::scratch(const std::string& prefix) const {
  return base::TempDir::create(state_->path("tmp"), prefix);
}

std::string Store::tree_path(const oci::Digest& diff_id) const {
  return state_->path("trees/" + diff_id.hex());
}

Result<base::FileLock> Store::hold() const {
  return base::FileLock::acquire(state_->path("locks/hold"), base::FileLock::Mode::shared);
}

}  // namespace imgforge::store

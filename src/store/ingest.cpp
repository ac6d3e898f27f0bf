#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "store/store_state.h"

namespace imgforge::store {

struct Ingest::State {
  std::string temporary;
  std::string folder;
  base::File file;
  std::optional<base::Sha256> hash;
  std::uint64_t written = 0;
  std::uint64_t reserved = 0;

  ~State() {
    if (!temporary.empty()) ::unlink(temporary.c_str());
  }

  // From here on the name stands for the whole content: synced, read-only, renamed.
  Result<> publish(const oci::Digest& digest) {
    if (reserved > written && ::ftruncate(file.fd(), static_cast<off_t>(written)) != 0) {
      return fail(base::io_error("cannot cut " + temporary));
    }
    if (::fchmod(file.fd(), 0444) != 0) {
      return fail(base::io_error("cannot set the mode of " + temporary));
    }
    const std::string target = folder + "/" + digest.hex();
    // Content that is there already is the same by its name, unless it was cut short by a dying
    // disk.
    if (const auto size = base::file_size(target); size && *size == written) return {};
    TRY(file.sync());
    TRY(file.close());
    TRY(base::rename(temporary, target));
    temporary.clear();
    return {};
  }
};

Ingest::Ingest(std::unique_ptr<State> state) : state_(std::move(state)) {}
Ingest::~Ingest() = default;
Ingest::Ingest(Ingest&&) noexcept = default;
Ingest& Ingest::operator=(Ingest&&) noexcept = default;

Result<> Ingest::write(base::Bytes bytes) {
  TRY(state_->file.write(bytes));
  if (state_->hash) state_->hash->update(bytes);
  state_->written += bytes.size();
  return {};
}

std::uint64_t Ingest::written() const { return state_->written; }

Result<oci::Digest> Ingest::commit(const std::optional<Expected>& expected) {
  if (!state_->hash) return fail(Errc::internal, "an unhashed ingest was committed without digest");
  const oci::Digest digest = TRY(oci::Digest::from_sha256_hex(state_->hash->finish_hex()));
  if (expected && expected->size && *expected->size != state_->written) {
    return fail(Errc::mismatch, fmt::format("the content has {} bytes, expected were {}",
                                            state_->written, *expected->size));
  }
  if (expected && expected->digest != digest) {
    return fail(Errc::mismatch, fmt::format("the content has digest {}, expected was {}",
                                            digest.to_string(), expected->digest.to_string()));
  }
  TRY(state_->publish(digest));
  return digest;
}

Result<> Ingest::commit_hashed(const oci::Digest& digest) { return state_->publish(digest); }

Result<Ingest> Store::new_blob(std::optional<std::uint64_t> expected_size, bool hash) {
  return open_ingest(state_->path("blobs/sha256"), expected_size, hash);
}

Result<Ingest> Store::new_input(std::optional<std::uint64_t> expected_size) {
  return open_ingest(state_->path("inputs/sha256"), expected_size, true);
}

Result<Ingest> Store::open_ingest(const std::string& folder,
                                  std::optional<std::uint64_t> expected_size, bool hash) const {
  auto state = std::make_unique<Ingest::State>();
  std::string temporary = state_->path("tmp/ingest-XXXXXX");
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return fail(base::io_error("cannot write into the store " + state_->directory));
  ::close(fd);
  state->file = TRY(base::File::open_or_create(temporary));  // knows its path, for errors
  state->temporary = std::move(temporary);
  state->folder = folder;
  if (hash) state->hash.emplace();
  if (expected_size) {
    TRY(state->file.preallocate(*expected_size));
    state->reserved = *expected_size;
  }
  return Ingest(std::move(state));
}

}  // namespace imgforge::store

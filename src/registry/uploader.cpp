#include "registry/uploader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "http/url.h"

namespace imgforge::registry {
namespace {

/// What proxies that limit requests usually let through: nginx' default is 1 MB, but whoever runs a
/// registry behind it has raised that; Cloudflare's is 100 MB.
constexpr std::uint64_t kFirstPiece = 32 << 20;
constexpr std::uint64_t kSmallestPiece = 256 << 10;
/// A registry may move a large blob into slow storage before it answers.
constexpr std::chrono::seconds kAnswerTimeout{900};
constexpr std::chrono::seconds kDocumentTimeout{60};
constexpr std::chrono::seconds kCancelTimeout{5};
/// This often a whole blob may break before a proxy that ends long requests is suspected.
constexpr int kBrokenWhole = 2;

// "0-1023": the last byte that the server has. "0-0" is also what distribution says of nothing at
// all.
std::optional<std::uint64_t> last_byte(const http::Response& response) {
  const auto range = response.headers.get("Range");
  if (!range) return std::nullopt;
  std::string_view text = *range;
  if (text.starts_with("bytes=")) text.remove_prefix(6);
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos || text.substr(0, dash) != "0") return std::nullopt;
  return base::parse_uint(text.substr(dash + 1));
}

bool says(const http::Response& response, std::string_view code) {
  for (const ErrorEntry& entry : parse_error_body(response.error_body)) {
    if (entry.code == code) return true;
  }
  return false;
}

}  // namespace

// Tells the progress about each byte once, however often it is sent.
class Uploader::Watched final : public base::RandomAccess {
 public:
  Watched(std::unique_ptr<base::RandomAccess> data, base::ProgressTask& task)
      : data_(std::move(data)), task_(task) {}
  std::uint64_t size() const override { return data_->size(); }
  Result<> read_at(std::uint64_t offset, base::MutableBytes buffer) const override {
    TRY(data_->read_at(offset, buffer));
    reach(offset + buffer.size());
    return {};
  }
  void reach(std::uint64_t end) const {
    if (end <= reached_) return;
    task_.advance(end - reached_);
    reached_ = end;
  }

 private:
  std::unique_ptr<base::RandomAccess> data_;
  base::ProgressTask& task_;
  mutable std::uint64_t reached_ = 0;  // one thread sends a blob
};

Uploader::Uploader(Client& client, const std::string& repository, const oci::Descriptor& blob,
                   const Client::OpenBlob& open, const UploadOptions& options,
                   base::ProgressTask& task, std::stop_token stop)
    : client_(client),
      repository_(repository),
      blob_(blob),
      open_(open),
      options_(options),
      task_(task),
      stop_(std::move(stop)),
      what_(fmt::format("blob {} for {}", blob.digest.to_string(), repository)),
      patience_(client.options_.retry, client.options_.patience) {}

Uploader::~Uploader() {
  // With a journal the next process goes on; without one nobody will.
  if (options_.journal == nullptr || offset_ == 0) cancel();
}

Result<Client::Upload> Uploader::run() {
  std::optional<UploadJournal::Place> known;
  if (options_.journal != nullptr) {
    known = options_.journal->find(client_.host(), repository_, blob_.digest);
  }
  if (!known && TRY(mount())) return Client::Upload::mounted;
  data_ = std::make_unique<Watched>(TRY(open_()), task_);
  if (known && !TRY(take_up(*known))) forget();
  TRY(send_all());
  place_.reset();
  forget();
  return Client::Upload::sent;
}

Result<> Uploader::send_all() {
  for (;;) {
    auto step = [&]() -> Result<Uploader::Step> {
      if (!place_) TRY(begin());
      return offset_ == 0 && piece_size() == 0 ? send_whole() : send_pieces();
    }();
    if (step && *step == Step::done) return {};
    if (step) continue;
    const auto delay = patience_.after(step.error());
    if (!delay) return fail(std::move(step.error()));
    TRY(client_.wait(step.error(), *delay, stop_));
  }
}

// ---- Beginning
// -----------------------------------------------------------------------------------

Result<bool> Uploader::mount() {
  for (const std::string& from : options_.mount_from) {
    if (from == repository_) continue;
    if (TRY(mount_from(from))) return true;
  }
  return false;
}

// Whatever is not 201 or 202 means that it does not go: Harbor says 401 where it has no right to
// look (goharbor/harbor#17097), others 403, 404, 405 or 5xx.
Result<bool> Uploader::mount_from(const std::string& from) {
  const std::string pair = repository_ + " " + from;
  {
    const std::lock_guard lock(client_.mounts_mutex_);
    if (client_.refused_mounts_.contains(pair)) return false;
  }
  const http::Request request{.method = "POST",
                              .url = client_.url(fmt::format(
                                  "{}/blobs/uploads/?mount={}&from={}", repository_,
                                  blob_.digest.to_string(), http::append_path("", from).substr(1))),
                              .total_timeout = kDocumentTimeout};
  const auto response = client_.send(
      request, Access{repository_, Scopes::push(repository_).with(Scopes::pull(from))}, stop_);
  if (!response && response.error().code() == Errc::cancelled) return fail(response.error());
  if (!response || response->status == 202) {
    // The upload that was begun instead is used, unless another one is under way.
    if (response && !place_ && !go_to(*response)) place_.reset();
    return false;
  }
  if (response->status == 201) {
    cancel();
    return true;
  }
  if (response->status == 401 || response->status == 403) {
    const std::lock_guard lock(client_.mounts_mutex_);
    client_.refused_mounts_.insert(pair);
  }
  return false;
}

Result<> Uploader::begin() {
  const http::Request request{.method = "POST",
                              .url = client_.url(repository_ + "/blobs/uploads/"),
                              .total_timeout = kDocumentTimeout};
  const http::Response response = TRY(client_.send(request, access(), stop_));
  if (response.status != 202) return fail(refusal(request, response));
  offset_ = 0;
  TRY(go_to(response));
  smallest_ = response.headers.number("OCI-Chunk-Min-Length").value_or(0);
  return {};
}

Result<bool> Uploader::take_up(const UploadJournal::Place& place) {
  auto location = next_location(client_.url(repository_ + "/blobs/uploads/"), place.location);
  if (!location || place.offset > blob_.size) return false;
  place_ = *std::move(location);
  if (!TRY(ask_place())) {
    place_.reset();
    return false;
  }
  data_->reach(offset_);
  task_.set_phase("going on");
  return true;
}

// The newest Location is the only one that counts. What it is relative to may be elsewhere, after a
// redirect; whether it is ours does not depend on that.
Result<> Uploader::go_to(const http::Response& response) {
  const std::string location = response.headers.get("Location").value_or("");
  const std::string ours = client_.url("");
  place_ =
      TRY(next_location(ours, location.empty() ? "" : TRY(http::resolve(response.url, location))));
  return {};
}

// ---- Sending
// -------------------------------------------------------------------------------------

Result<Uploader::Step> Uploader::send_whole() {
  const http::Request request{.method = "PUT",
                              .url = with_digest(place_->url, blob_.digest.to_string()),
                              .headers = {{"Content-Type", "application/octet-stream"}},
                              .body = http::Body{.data = data_.get(), .size = blob_.size},
                              .answer_timeout = kAnswerTimeout};
  auto response = client_.send(request, access(), stop_);
  if (response) {
    if (response->ok()) return Step::done;
    return rejected(request, *response);
  }
  if (!http::is_transient(response.error())) return fail(std::move(response.error()));
  cancel();  // its bytes cannot be taken back
  if (blob_.size > kFirstPiece && ++broken_whole_ >= kBrokenWhole) too_large(blob_.size);
  // The answer may have been lost, and not the blob.
  if (TRY(client_.has_blob(repository_, blob_, stop_))) return Step::done;
  return fail(std::move(response.error()));
}

Result<Uploader::Step> Uploader::send_pieces() {
  while (offset_ < blob_.size) {
    if (TRY(send_piece()) == Step::again) return Step::again;
  }
  return close();
}

Result<Uploader::Step> Uploader::send_piece() {
  const std::uint64_t wanted = piece_size() == 0 ? kFirstPiece : piece_size();
  const std::uint64_t size = std::min(wanted, blob_.size - offset_);
  const http::Request request{
      .method = "PATCH",
      .url = place_->url,
      .headers = {{"Content-Type", "application/octet-stream"},
                  {"Content-Range", fmt::format("{}-{}", offset_, offset_ + size - 1)}},
      .body = http::Body{.data = data_.get(), .offset = offset_, .size = size},
      .answer_timeout = kAnswerTimeout};
  auto response = client_.send(request, access(), stop_);
  if (!response) {
    if (!http::is_transient(response.error())) return fail(std::move(response.error()));
    if (!TRY(ask_place())) place_.reset();
    return fail(std::move(response.error()));
  }
  if (response->status == 413) {
    too_large(size);
    if (piece_size() < size && piece_size() >= kSmallestPiece) return Step::done;
    return fail(refusal(request, *response));
  }
  if (!response->ok()) {
    // Out of step: the server may say where it is.
    if (response->status == 416 && TRY(ask_place())) return Step::done;
    return rejected(request, *response);
  }
  TRY(go_to(*response));
  // Servers may take less than they were given; more they cannot have.
  const std::uint64_t before = offset_, sent = offset_ + size;
  const auto last = last_byte(*response);
  offset_ = last && *last < sent && sent > 1 ? (*last == 0 ? 0 : *last + 1) : sent;
  if (offset_ <= before) {
    return fail(
        Error(Errc::unavailable, fmt::format("{} takes nothing of {}", client_.host(), what_)));
  }
  if (offset_ > furthest_) {  // an upload that is lost again and again ends all the same
    furthest_ = offset_;
    patience_.progressed();
  }
  note();
  return Step::done;
}

Result<Uploader::Step> Uploader::close() {
  const http::Request request{.method = "PUT",
                              .url = with_digest(place_->url, blob_.digest.to_string()),
                              .answer_timeout = kAnswerTimeout};
  auto response = client_.send(request, access(), stop_);
  if (response && response->ok()) return Step::done;
  if (response) return rejected(request, *response);
  if (!http::is_transient(response.error())) return fail(std::move(response.error()));
  place_.reset();
  offset_ = 0;
  if (TRY(client_.has_blob(repository_, blob_, stop_))) return Step::done;
  return fail(std::move(response.error()));
}

Result<bool> Uploader::ask_place() {
  const http::Request request{.url = place_->url, .total_timeout = kDocumentTimeout};
  const auto response = client_.send(request, access(), stop_);
  if (!response) {
    if (response.error().code() == Errc::cancelled) return fail(response.error());
    return false;
  }
  const auto last = last_byte(*response);
  if (!response->ok() || !last || *last >= blob_.size) return false;
  offset_ = *last == 0 ? 0 : *last + 1;
  if (response->headers.get("Location")) TRY(go_to(*response));
  return true;
}

// ---- Refusals
// ------------------------------------------------------------------------------------

// Whether to begin again at once, or the Error.
Result<Uploader::Step> Uploader::rejected(const http::Request& request,
                                          const http::Response& response) {
  if (response.status == 413 && piece_size() == 0 && blob_.size > kSmallestPiece) {
    cancel();
    too_large(blob_.size);
    return Step::again;
  }
  if (says(response, "DIGEST_INVALID") || says(response, "SIZE_INVALID")) {
    cancel();
    TRY(check_content());
    return fail(
        Error(Errc::unavailable, fmt::format("what reached {} of {} is not what was sent (HTTP {})",
                                             client_.host(), what_, response.status))
            .with("url", http::redacted(request.url))
            .with("status", std::to_string(response.status)));
  }
  const bool lost = response.status == 404 || response.status == 416 ||
                    says(response, "BLOB_UPLOAD_INVALID") || says(response, "BLOB_UPLOAD_UNKNOWN");
  // Replicas that do not share their secret forget uploads at random (goharbor/harbor#17504).
  if (lost) {
    place_.reset();
    offset_ = 0;
    forget();
    // Done, and asked once more: by libcurl or by a proxy, after a lost answer.
    if (request.method == "PUT" && TRY(client_.has_blob(repository_, blob_, stop_))) {
      return Step::done;
    }
    return fail(gone());
  }
  Error error = refusal(request, response);
  cancel();
  return fail(std::move(error));
}

// The server found the digest wrong: is it our copy that is damaged?
Result<> Uploader::check_content() {
  base::RangeSource source(*data_, 0, blob_.size);
  base::HashingSink hash;
  TRY(base::copy(source, hash));
  const std::string hex = hash.finish_hex();
  if (hex == blob_.digest.hex()) return {};
  return fail(Error(Errc::mismatch,
                    fmt::format("the content for blob {} has the digest sha256:{}: the source is "
                                "damaged",
                                blob_.digest.to_string(), hex))
                  .hint("imgforge cache verify --quarantine, then build or pull the image again"));
}

// Learnt for all blobs of this registry.
void Uploader::too_large(std::uint64_t size) {
  const std::uint64_t next = std::max(std::min(size / 2, kFirstPiece), kSmallestPiece / 2);
  std::uint64_t now = client_.piece_;
  while ((now == 0 || next < now) && !client_.piece_.compare_exchange_weak(now, next)) {
  }
  task_.set_phase("in pieces of " + base::human_bytes(client_.piece_));
}

void Uploader::cancel() {
  if (!place_) return;
  // Best effort, also when the user has interrupted us; the server purges what is left.
  (void)client_.send(http::Request{.method = "DELETE",
                                   .url = place_->url,
                                   .total_timeout = std::chrono::milliseconds(kCancelTimeout)},
                     access(), {});
  place_.reset();
  offset_ = 0;
  forget();
}

// ---- Small
// ---------------------------------------------------------------------------------------

std::uint64_t Uploader::piece_size() const {
  const std::uint64_t learnt = client_.piece_, wanted = options_.chunk_size;
  const std::uint64_t size = learnt == 0 ? wanted : wanted == 0 ? learnt : std::min(learnt, wanted);
  return size == 0 ? 0 : std::max(size, smallest_);
}

std::optional<Access> Uploader::access() const {
  if (place_ && !place_->ours) return std::nullopt;
  return Access{repository_, Scopes::push(repository_)};
}

Error Uploader::gone() const {
  return Error(Errc::unavailable,
               fmt::format("{} has lost the upload of {}", client_.host(), what_))
      .hint(
          "if this goes on: do several replicas of the registry have different secrets "
          "(http.secret), or no sticky sessions?");
}

Error Uploader::refusal(const http::Request& request, const http::Response& response) {
  return client_.refusal(request, response, repository_, what_, Asked::Action::write);
}

void Uploader::note() {
  if (options_.journal == nullptr) return;
  // Without a note there is no going on, and nothing else.
  (void)options_.journal->note(client_.host(), repository_, blob_.digest, {place_->url, offset_});
}

void Uploader::forget() {
  if (options_.journal == nullptr) return;
  options_.journal->forget(client_.host(), repository_, blob_.digest);
}

Result<Client::Upload> Client::put_blob(const std::string& repository, const oci::Descriptor& blob,
                                        const OpenBlob& open, const UploadOptions& options,
                                        base::ProgressTask& task, std::stop_token stop) {
  return Uploader(*this, repository, blob, open, options, task, std::move(stop)).run();
}

}  // namespace imgforge::registry

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "http/url.h"
#include "registry/uploader.h"

namespace imgforge::registry {
namespace {

/// What proxies that limit requests usually let through: nginx' default is 1 MB, but whoever runs a
/// registry behind it has raised that; Cloudflare's is 100 MB.
constexpr std::uint64_t kFirstPiece = 32 << 20;
constexpr std::uint64_t kSmallestPiece = 256 << 10;
/// A registry may move a large blob into slow storage before it answers.
constexpr std::chrono::seconds kAnswerTimeout{900};
constexpr std::chrono::seconds kDocumentTimeout{60};
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

// Not about this upload: the server, or a proxy before it, can do nothing now.
bool is_trouble(const http::Response& response) {
  return response.status == 429 || (response.status >= 500 && response.status != 501);
}

}  // namespace

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
  if (unsure_) {
    const bool known = TRY(ask_place());
    unsure_ = false;
    if (!known) {
      place_.reset();
      return Step::again;
    }
    if (offset_ == blob_.size) return Step::done;
  }
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
    unsure_ = http::is_transient(response.error());
    return fail(std::move(response.error()));
  }
  if (response->status == 413) {
    too_large(size);
    if (piece_size() < size && piece_size() >= kSmallestPiece) return Step::done;
    return fail(refusal(request, *response));
  }
  if (!response->ok()) {
    if (response->status == 416 && TRY(ask_place())) {
      return fail(Error(Errc::unavailable, fmt::format("{} has another part of {} than it said",
                                                       client_.host(), what_)));
    }
    // The upload outlives its server's trouble; how much of the piece was taken, it will say.
    if (is_trouble(*response)) {
      unsure_ = true;
      return fail(refusal(request, *response));
    }
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
  if (!response) return fail(response.error());
  if (is_trouble(*response)) return fail(refusal(request, *response));
  const auto last = last_byte(*response);
  if (!response->ok() || !last || *last >= blob_.size) return false;
  offset_ = *last == 0 ? 0 : *last + 1;
  if (response->headers.get("Location")) TRY(go_to(*response));
  return true;
}

// Whether to begin again at once, or the Error.
Result<Uploader::Step> Uploader::rejected(const http::Request& request,
                                          const http::Response& response) {
  const bool whole = request.body.has_value();
  if (response.status == 413 && whole && blob_.size > kSmallestPiece) {
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

}  // namespace imgforge::registry

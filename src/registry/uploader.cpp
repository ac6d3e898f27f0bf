#include "registry/uploader.h"

#include <fmt/format.h>

#include "http/url.h"

namespace imgforge::registry {
namespace {

constexpr std::chrono::seconds kDocumentTimeout{60};
constexpr std::chrono::seconds kCancelTimeout{5};

}  // namespace

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
  data_ = std::make_unique<WatchedBlob>(TRY(open_()), task_);
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
    if (!delay) return fail(Client::given_up(std::move(step.error())));
    TRY(client_.wait(step.error(), *delay, stop_));
  }
}

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
  const auto known = ask_place();
  if (!known || !*known) {
    place_.reset();
    if (!known && known.error().code() == Errc::cancelled) return fail(known.error());
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

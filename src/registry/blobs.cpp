#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "registry/client.h"
#include "registry/patience.h"

namespace imgforge::registry {
namespace {

/// A connection that brought this much before it broke was no failed attempt.
constexpr std::uint64_t kWorthwhile = 1 << 20;

}  // namespace

// One blob on its way: hashed, counted, never longer than announced, without what came twice.
struct Client::Transfer final : public base::Sink {
  Transfer(const std::string& repository_, const oci::Descriptor& blob_, base::Sink& sink_,
           base::ProgressTask& task_)
      : repository(repository_), blob(blob_), sink(sink_), task(task_) {}

  Result<> write(base::Bytes bytes) override {
    const std::size_t dropped = std::min<std::uint64_t>(skip, bytes.size());
    skip -= dropped;
    bytes = bytes.subspan(dropped);
    if (bytes.empty()) return {};
    if (bytes.size() > blob.size - received) return fail(wrong_size("longer"));
    TRY(sink.write(bytes));
    hash.update(bytes);
    received += bytes.size();
    task.advance(bytes.size());
    return {};
  }
  // Where the answer goes on, before its first byte.
  Result<> begin(const http::Response& response) {
    if (!response.ok()) return {};
    web_page = is_web_page(response);
    const std::uint64_t start = response.range_start();
    if (start > received) {
      return fail(Error(Errc::protocol, url + " answers with another range than was asked for")
                      .with("url", url));
    }
    skip = received - start;
    const auto whole = response.whole_size();
    if (whole && *whole != blob.size) {
      return fail(wrong_size(*whole < blob.size ? "shorter" : "longer"));
    }
    return {};
  }
  Error wrong_size(std::string_view how) const {
    return mismatch(fmt::format("what {} sends for blob {} is {} than its {} bytes", host,
                                blob.digest.to_string(), how, blob.size));
  }
  Error mismatch(std::string sentence) const {
    Error error = Error(Errc::mismatch, std::move(sentence)).with("url", url);
    if (resumed) (void)std::move(error).with("resumed", "yes");
    (void)std::move(error).hint(
        web_page ? "the answer is a web page: does a proxy or a login page stand before the "
                   "registry?"
                 : "the registry, or a proxy before it, serves damaged content");
    return error;
  }

  const std::string& repository;
  const oci::Descriptor& blob;
  base::Sink& sink;
  base::ProgressTask& task;
  std::string host, url;
  base::Sha256 hash;
  std::uint64_t received = 0;
  std::uint64_t skip = 0;
  bool resumed = false;
  bool web_page = false;
};

Result<bool> Client::has_blob(const std::string& repository, const oci::Descriptor& blob,
                              std::stop_token stop) {
  const std::string digest = blob.digest.to_string();
  const http::Response response =
      TRY(ask({.request = {.method = "HEAD", .url = url(repository + "/blobs/" + digest)},
               .access = {repository, Scopes::push(repository)},
               .what = fmt::format("blob {} of {}", digest, repository),
               .fine = [](const http::Response& answer,
                          int) { return answer.ok() || answer.status == 404; }},
              stop));
  if (!response.ok()) return false;
  // A blob of another size is one that was cut short by a dying disk: it is sent again.
  const auto size = response.headers.number("Content-Length");
  return !size || *size == blob.size;
}

Result<> Client::get_blob(const std::string& repository, const oci::Descriptor& blob,
                          base::Sink& sink, base::ProgressTask& task, std::stop_token stop) {
  Transfer transfer(repository, blob, sink, task);
  TRY(finish_blob(transfer, stop));
  const std::string digest = "sha256:" + transfer.hash.finish_hex();
  if (digest != blob.digest.to_string()) {
    return fail(transfer.mismatch(fmt::format("what {} sends for blob {} has the digest {}",
                                              options_.host, blob.digest.to_string(), digest)));
  }
  return {};
}

Result<> Client::get_blob_from(const std::string& repository, const oci::Descriptor& blob,
                               std::uint64_t offset, base::Sink& sink, base::ProgressTask& task,
                               std::stop_token stop) {
  if (offset == 0) return get_blob(repository, blob, sink, task, stop);
  Transfer transfer(repository, blob, sink, task);
  transfer.received = std::min(offset, blob.size);
  transfer.resumed = true;
  return finish_blob(transfer, stop);
}

Result<> Client::finish_blob(Transfer& transfer, std::stop_token stop) {
  const oci::Descriptor& blob = transfer.blob;
  transfer.host = options_.host;
  transfer.url = url(transfer.repository + "/blobs/" + blob.digest.to_string());
  if (blob.size > 0 && transfer.received == blob.size) return {};
  Patience patience(options_.retry, options_.patience);
  for (;;) {
    const std::uint64_t before = transfer.received;
    auto done = try_blob(transfer, stop);
    if (done) break;
    // All bytes came, and then the connection broke.
    const bool transient = http::is_transient(done.error());
    if (transient && blob.size > 0 && transfer.received == blob.size) break;
    if (transfer.received - before >= kWorthwhile) patience.progressed();
    const auto delay = patience.after(done.error());
    if (!delay) return fail(given_up(std::move(done.error())));
    TRY(wait(done.error(), *delay, stop));
    transfer.resumed = transfer.resumed || transfer.received > 0;
  }
  if (transfer.received < blob.size) return fail(transfer.wrong_size("shorter"));
  return {};
}

Result<> Client::try_blob(Transfer& transfer, std::stop_token stop) {
  http::Request request{
      .url = transfer.url, .sink = &transfer, .on_headers = [&](const http::Response& response) {
        return transfer.begin(response);
      }};
  if (transfer.received > 0) request.range = std::to_string(transfer.received) + "-";
  const http::Response response =
      TRY(send(request, Access{transfer.repository, Scopes::pull(transfer.repository)}, stop));
  if (response.ok()) return {};
  return fail(
      refusal(request, response, transfer.repository,
              fmt::format("blob {} of {}", transfer.blob.digest.to_string(), transfer.repository),
              Doing::read));
}

}  // namespace imgforge::registry

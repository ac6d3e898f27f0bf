#include "registry/client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/sha256.h"
#include "base/text.h"
#include "http/url.h"
#include "oci/graph.h"
#include "registry/limited_sink.h"
#include "registry/manifest_type.h"

namespace imgforge::registry {
namespace {

// What registries agree on (distribution-spec v1.1.1, "Pushing Manifests").
constexpr std::size_t kLargestManifest = 4 << 20;
constexpr std::chrono::seconds kDocumentTimeout{60};
/// A connection that brought this much before it broke was no failed attempt.
constexpr std::uint64_t kWorthwhile = 1 << 20;
/// Nobody there, no such name, no TLS: mostly a mistake in the name, seldom a moment's trouble.
constexpr int kConnectAttempts = 3;
constexpr std::size_t kMostWarnings = 20;

// Without all of these, distribution 2.8 answers 404 for what it has.
const std::string& accepted() {
  static const std::string types =
      base::join({oci::media_type::kIndex, oci::media_type::kManifest,
                  oci::media_type::kDockerManifestList, oci::media_type::kDockerManifest},
                 ", ");
  return types;
}

std::string fact(const Error& error, std::string_view name) {
  for (const auto& [key, value] : error.facts()) {
    if (key == name) return value;
  }
  return {};
}

bool is_tls_failure(const Error& error) { return fact(error, "curl") == "35"; }
bool is_no_connection(const Error& error) {
  const std::string code = fact(error, "curl");  // proxy's name, name, connection, TLS
  return code == "5" || code == "6" || code == "7" || is_tls_failure(error);
}

bool same_endpoint(const std::string& a, const std::string& b) {
  const auto left = http::endpoint(a), right = http::endpoint(b);
  return left && right && *left == *right;
}

// "299 - \"text\"" (RFC 7234 section 5.5).
std::string warning_text(std::string_view field) {
  const std::size_t first = field.find('"'), last = field.rfind('"');
  if (first == std::string_view::npos || first == last) return {};
  std::string text(field.substr(first + 1, last - first - 1));
  std::erase_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return text.substr(0, 500);
}

}  // namespace

bool is_loopback(std::string_view host) {
  if (host.starts_with("[")) return host.starts_with("[::1]");
  const std::string name = base::to_lower(host.substr(0, host.find(':')));
  if (name == "localhost" || name.ends_with(".localhost")) return true;
  const auto parts = base::split(name, '.');
  return parts.size() == 4 && parts[0] == "127" &&
         std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           const auto number = base::parse_uint(part);
           return number && *number <= 255;
         });
}

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

Client::Client(Options options, http::Pool& pool, base::Progress& progress)
    : options_(std::move(options)),
      pool_(pool),
      progress_(progress),
      authenticator_({.host = options_.host,
                      .plain_http = options_.plain_http,
                      .credentials = options_.credentials,
                      .retry = options_.retry},
                     pool, progress) {}

std::string Client::url(std::string_view path) const {
  return fmt::format("{}://{}/v2/{}", options_.plain_http ? "http" : "https",
                     options_.address.empty() ? options_.host : options_.address, path);
}

Result<http::Response> Client::send(http::Request request, const Access& access,
                                    std::stop_token stop) {
  auto lease = TRY(pool_.borrow());
  std::string header = TRY(authenticator_.header(access, stop));
  for (bool renewed = false;; renewed = true) {
    if (!header.empty()) request.headers.set("Authorization", header);
    auto response = lease->send(request, stop);
    if (!response) return fail(explained(std::move(response.error())));
    pass_warnings(*response);
    // The storage that a registry redirects to has no say in who we are.
    if (response->status != 401 || renewed || !same_endpoint(response->url, request.url)) {
      return response;
    }
    auto next = TRY(authenticator_.renew(
        access, header, parse_challenges(response->headers.all("WWW-Authenticate")), stop));
    if (!next) return response;
    header = std::move(*next);
  }
}

Error Client::refusal(const http::Request& request, const http::Response& response,
                      const std::string& repository, const std::string& what) const {
  if ((response.status == 401 || response.status == 403) &&
      !same_endpoint(response.url, request.url)) {
    // Signed addresses of blob storage are good for minutes; asking the registry again gives a
    // fresh one.
    return Error(Errc::unavailable,
                 fmt::format("the storage that {} redirects to, {}, does not give {} (HTTP {})",
                             options_.host, http::redacted(response.url), what, response.status))
        .with("url", http::redacted(response.url))
        .with("status", std::to_string(response.status));
  }
  const auto known = authenticator_.credentials(repository);
  return answer_error(request, response,
                      {.host = options_.host,
                       .repository = repository,
                       .what = what,
                       .user = known ? known->user : "",
                       .credentials = known.has_value(),
                       .helper = authenticator_.helper().value_or("")});
}

Error Client::explained(Error error) const {
  if (!is_tls_failure(error) || options_.plain_http) return error;
  return std::move(error).hint(fmt::format(
      "if {} serves plain HTTP, allow that for this host in the configuration", options_.host));
}

std::optional<std::chrono::milliseconds> Client::patience(const Error& error, int attempt) const {
  if (!http::is_transient(error)) return std::nullopt;
  if (is_no_connection(error) && attempt >= kConnectAttempts) return std::nullopt;
  return http::retry_delay(options_.retry, attempt, http::retry_after(error),
                           http::random_jitter());
}

Result<> Client::wait(const Error& error, std::chrono::milliseconds delay, std::stop_token stop) {
  progress_.note(fmt::format("{}; trying again in {:.1f} s", error.message(),
                             static_cast<double>(delay.count()) / 1000));
  if (!http::sleep_for(delay, stop)) return fail(Errc::cancelled, "interrupted");
  return {};
}

void Client::pass_warnings(const http::Response& response) {
  for (const std::string& field : response.headers.all("Warning")) {
    const std::string text = warning_text(field);
    if (text.empty()) continue;
    const std::lock_guard lock(warned_mutex_);
    if (warned_.size() < kMostWarnings && warned_.insert(text).second) {
      progress_.warn(fmt::format("{} says: {}", options_.host, text));
    }
  }
}

Result<> Client::ping(std::stop_token stop) {
  const http::Request request{.url = url(""), .total_timeout = kDocumentTimeout};
  const http::Response response = TRY(send(request, {}, stop));
  if (!response.ok()) return fail(refusal(request, response, "", "registry interface"));
  if (is_web_page(response)) {
    return fail(
        Error(Errc::protocol, fmt::format("{} answers with a web page where a registry would speak",
                                          http::redacted(response.url)))
            .hint("is that host a registry, and does a proxy stand before it?"));
  }
  return {};
}

Result<RawManifest> Client::get_manifest(const oci::RegistryReference& reference,
                                         std::stop_token stop) {
  if (reference.host != options_.host) {
    return fail(Errc::internal, fmt::format("a client of {} was asked for an image of {}",
                                            options_.host, reference.host));
  }
  for (int attempt = 1;; ++attempt) {
    auto manifest = try_manifest(reference, stop);
    if (manifest) return manifest;
    const auto delay = patience(manifest.error(), attempt);
    if (!delay) return manifest;
    TRY(wait(manifest.error(), *delay, stop));
  }
}

Result<RawManifest> Client::try_manifest(const oci::RegistryReference& reference,
                                         std::stop_token stop) {
  const std::string name = reference.digest ? reference.digest->to_string()
                           : reference.tag  ? reference.tag->to_string()
                                            : "latest";
  const std::string what =
      fmt::format("{} {} of {}", reference.digest ? "manifest" : "tag", name, reference.repository);
  std::string bytes;
  LimitedSink sink(bytes, kLargestManifest, what);
  const http::Request request{.url = url(reference.repository + "/manifests/" + name),
                              .headers = {{"Accept", accepted()}},
                              .sink = &sink,
                              .total_timeout = kDocumentTimeout};
  const http::Response response =
      TRY(send(request, {reference.repository, Scopes::pull(reference.repository)}, stop));
  if (!response.ok()) return fail(refusal(request, response, reference.repository, what));
  if (is_web_page(response)) {
    return fail(Error(Errc::protocol, fmt::format("{} answers with a web page instead of {}",
                                                  http::redacted(response.url), what))
                    .hint("is that host a registry, and does a proxy or a login page stand before "
                          "it?"));
  }
  const oci::Digest digest = oci::Digest::of(bytes);
  std::optional<oci::Digest> promised = reference.digest;
  if (const auto field = response.headers.get("Docker-Content-Digest"); field && !promised) {
    if (auto parsed = oci::Digest::parse(*field)) promised = std::move(*parsed);
  }
  if (promised && *promised != digest) {
    return fail(
        Error(Errc::mismatch, fmt::format("{} names {} and serves a document whose digest is {}",
                                          options_.host, promised->to_string(), digest.to_string()))
            .with("url", request.url)
            .hint("the registry, or a proxy before it, serves damaged content"));
  }
  std::string type =
      TRY(manifest_type(bytes, response.headers.get("Content-Type").value_or(""), what));
  return RawManifest{{.media_type = std::move(type), .digest = digest, .size = bytes.size()},
                     std::move(bytes)};
}

Result<> Client::get_blob(const std::string& repository, const oci::Descriptor& blob,
                          base::Sink& sink, base::ProgressTask& task, std::stop_token stop) {
  Transfer transfer(repository, blob, sink, task);
  transfer.host = options_.host;
  transfer.url = url(repository + "/blobs/" + blob.digest.to_string());
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t before = transfer.received;
    auto done = try_blob(transfer, stop);
    if (done) break;
    // All bytes came, and then the connection broke.
    const bool transient = http::is_transient(done.error());
    if (transient && blob.size > 0 && transfer.received == blob.size) break;
    if (transfer.received - before >= kWorthwhile) attempt = 1;
    const auto delay = patience(done.error(), attempt);
    if (!delay) return done;
    TRY(wait(done.error(), *delay, stop));
    transfer.resumed = transfer.resumed || transfer.received > 0;
  }
  if (transfer.received < blob.size) return fail(transfer.wrong_size("shorter"));
  const std::string digest = "sha256:" + transfer.hash.finish_hex();
  if (digest != blob.digest.to_string()) {
    return fail(transfer.mismatch(fmt::format("what {} sends for blob {} has the digest {}",
                                              options_.host, blob.digest.to_string(), digest)));
  }
  return {};
}

Result<> Client::try_blob(Transfer& transfer, std::stop_token stop) {
  http::Request request{
      .url = transfer.url, .sink = &transfer, .on_headers = [&](const http::Response& response) {
        return transfer.begin(response);
      }};
  if (transfer.received > 0) request.range = std::to_string(transfer.received) + "-";
  const http::Response response =
      TRY(send(request, {transfer.repository, Scopes::pull(transfer.repository)}, stop));
  if (response.ok()) return {};
  return fail(
      refusal(request, response, transfer.repository,
              fmt::format("blob {} of {}", transfer.blob.digest.to_string(), transfer.repository)));
}

}  // namespace imgforge::registry

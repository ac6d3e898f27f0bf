// HTTP requests over libcurl, one at a time per Client: streaming in both directions, bounded
// redirects, connect and stall limits, explicit proxies and certificates. Nothing is read from the
// environment, nothing is tried twice, and no credential goes to another host than the one it was
// given for. Every HTTP status is a value; an Error means that no answer came or that its body
// could not be taken.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "http/headers.h"

namespace imgforge::http {

/// Whom to believe at one endpoint, and who we are there.
struct Trust {
  /// PEM: beside the authorities that are trusted anyway.
  std::string authorities;
  /// PEM files of a client certificate; both or neither.
  std::string certificate_file, key_file;
  /// False: any certificate will do. Only where the user said so.
  bool verify = true;
};

struct Settings {
  std::string http_proxy, https_proxy;  // empty: none
  std::string no_proxy;                 // hosts, comma separated, as curl understands them
  std::string ca_file;                  // empty: what libcurl was built with
  /// By "host:port", lower case, with the port always there: goes to no other endpoint.
  std::map<std::string, Trust> trust;
  std::string user_agent = "imgforge";
  bool allow_file = false;  // file: URLs, for local mirrors
  std::chrono::seconds connect_timeout{15};
  /// A transfer that brings less than `slowest` bytes per second over this long is given up.
  std::chrono::seconds stall_timeout{60};
  std::uint64_t slowest = 1024;
  int maximum_redirects = 5;
};

/// The proxy and certificate settings out of the variables that other programs read too:
/// http_proxy, https_proxy, all_proxy, no_proxy (lower case first), CURL_CA_BUNDLE, SSL_CERT_FILE.
Settings settings_from(const std::map<std::string, std::string>& environment);

struct Response {
  int status = 0;  // file: URLs answer 200, or 206 for a range
  Headers headers;
  std::string url;            // after redirects; may hold secrets: redacted() before showing it
  std::string error_body;     // up to 64 KiB of the body of a status that is not 2xx
  std::uint64_t written = 0;  // bytes that went to the sink

  bool ok() const { return status >= 200 && status < 300; }
  /// Where a 206 starts, by its Content-Range; 0 for everything else.
  std::uint64_t range_start() const;
  /// The whole size: by Content-Range's last part, else Content-Length of a 200.
  std::optional<std::uint64_t> whole_size() const;
};

/// A request's body: `size` bytes of `data` from `offset`, read in order. It is read again after a
/// redirect. An answer that comes before its end (a refusal) ends the reading.
struct Body {
  const base::RandomAccess* data = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

struct Request {
  std::string method = "GET";
  std::string url;
  Headers headers;
  std::optional<Body> body;
  /// Receives the body of a 2xx answer; null drops it.
  base::Sink* sink = nullptr;
  /// Called once, with the headers of the final answer, before its first body byte; an Error ends
  /// the transfer and is returned.
  std::function<Result<>(const Response&)> on_headers;
  /// "0-99" or "100-": asks for part of the content. A server may answer 200 with all of it.
  std::string range;
  /// Limit for the whole transfer: only for small documents.
  std::optional<std::chrono::milliseconds> total_timeout;
  /// How long the server may think once it has the whole body; unset: the stall timeout.
  std::optional<std::chrono::seconds> answer_timeout;
  /// Lets the server compress the body on the way; not for content that is named by digest.
  bool compressed = false;
  /// 307 and 308 always; 301, 302 and 303 for GET and HEAD alone, because others would become a GET
  /// by them: they are an answer then.
  bool follow_redirects = true;
};

/// Not thread-safe: one per worker (see Pool). Keeps connections open between requests.
class Client {
 public:
  static Result<Client> create(Settings settings);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Errors name the redacted URL and carry it as the fact "url". unavailable: no connection, a
  /// reset, a short body. timed_out: stalled. mismatch: a certificate that does not verify.
  /// refused: a redirect from https to http. protocol: too many redirects, or nonsense. Errors of
  /// the sink and of on_headers come back as they are.
  Result<Response> send(const Request& request, std::stop_token stop = {});

 private:
  struct State;
  explicit Client(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The Error for an answer that is not what was asked for: 401 unauthorized, 403 forbidden, 404 and
/// 410 not_found, 408 and 504 timed_out, 429 rate_limited, 501 unsupported, other 5xx unavailable,
/// else protocol. Carries "status" and, for a server that says so, "retry_after" as facts.
Error status_error(const Request& request, const Response& response);

/// A small document: GET, 2xx demanded, at most `limit` bytes (invalid above), 60 s in all.
struct Document {
  std::string body;
  std::string url;  // after redirects: what relative references mean
  std::string content_type;
};
Result<Document> get_document(Client& client, const std::string& url, Headers headers,
                              std::size_t limit, std::stop_token stop);

}  // namespace imgforge::http

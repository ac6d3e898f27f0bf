#include "http/client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "http/curl_error.h"
#include "http/url.h"

namespace imgforge::http {
namespace {

constexpr std::size_t kErrorBody = 64 * 1024;
constexpr long kBuffer = 256 * 1024;
using Clock = std::chrono::steady_clock;

bool is_followed(const Request& request, const Response& response) {
  if (!request.follow_redirects) return false;
  if (response.status == 307 || response.status == 308) return true;
  return (request.method == "GET" || request.method == "HEAD") &&
         (response.status == 301 || response.status == 302 || response.status == 303);
}

struct ListFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListFree>;

bool append(HeaderList& list, const std::string& line) {
  curl_slist* longer = curl_slist_append(list.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)list.release();
  list.reset(longer);
  return true;
}

// What one transfer's callbacks share. Callbacks store an Error here and return curl's abort code.
struct Transfer {
  CURL* easy = nullptr;
  const Request* request = nullptr;
  std::stop_token stop;
  Response response;
  std::optional<Error> error;
  bool is_file = false;
  bool announced = false;  // on_headers has been called
  std::uint64_t sent = 0;
  std::chrono::seconds stall_timeout{0};
  std::uint64_t slowest = 0;
  Clock::time_point window = Clock::now();  // since when `moved` is counted
  std::uint64_t moved_before = 0;

  bool redirects() const {
    return is_followed(*request, response) && response.headers.get("Location").has_value();
  }
  // False when the caller does not want the body.
  bool announce() {
    if (announced || redirects()) return true;
    announced = true;
    if (!request->on_headers) return true;
    if (auto done = request->on_headers(response); !done) {
      error = std::move(done.error());
      return false;
    }
    return true;
  }
};

std::size_t on_header(char* data, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const std::string_view line = base::trim(std::string_view(data, size));
  if (transfer.is_file) return size;
  if (line.starts_with("HTTP/")) {
    long status = 0;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    transfer.response.headers = Headers();
  } else if (line.empty()) {
    if (transfer.response.status >= 200 && !transfer.announce()) return 0;
  } else if (const std::size_t colon = line.find(':');
             colon != std::string_view::npos && !transfer.announced) {
    transfer.response.headers.add(std::string(base::trim(line.substr(0, colon))),
                                  std::string(base::trim(line.substr(colon + 1))));
  }
  return size;
}

std::size_t on_body(char* data, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  Response& response = transfer.response;
  if (transfer.is_file && !transfer.announce()) return 0;
  if (transfer.redirects()) return size;
  if (!response.ok()) {
    response.error_body.append(data, std::min(size, kErrorBody - response.error_body.size()));
    return size;
  }
  if (transfer.request->sink != nullptr) {
    if (auto taken = transfer.request->sink->write(base::as_bytes({data, size})); !taken) {
      transfer.error = std::move(taken.error());
      return 0;
    }
  }
  response.written += size;
  return size;
}

std::size_t on_read(char* buffer, std::size_t, std::size_t size, void* context) {
  auto& transfer = *static_cast<Transfer*>(context);
  const Body& body = *transfer.request->body;
  const std::size_t n = std::min<std::uint64_t>(size, body.size - transfer.sent);
  if (n == 0) return 0;
  auto done =
      body.data->read_at(body.offset + transfer.sent, {reinterpret_cast<std::byte*>(buffer), n});
  if (!done) {
    transfer.error = std::move(done.error());
    return CURL_READFUNC_ABORT;
  }
  transfer.sent += n;
  return n;
}

// libcurl sends a request again by itself when a kept connection turns out dead. Not with a body of
// which the server may have something: that is for the caller to decide.
int on_seek(void* context, curl_off_t offset, int origin) {
  const bool untouched = static_cast<Transfer*>(context)->sent == 0;
  return origin == SEEK_SET && offset == 0 && untouched ? CURL_SEEKFUNC_OK : CURL_SEEKFUNC_FAIL;
}

// Called about once a second, also when nothing moves. Not CURLOPT_LOW_SPEED_TIME, which knows no
// difference between a dead connection and a registry that moves a large blob into its storage.
int on_progress(void* context, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
  auto& transfer = *static_cast<Transfer*>(context);
  if (transfer.stop.stop_requested()) return 1;
  const auto moved = static_cast<std::uint64_t>(down) + static_cast<std::uint64_t>(up);
  const auto now = Clock::now();
  const Request& request = *transfer.request;
  const bool thinking = request.answer_timeout && transfer.response.status == 0 &&
                        (!request.body || transfer.sent == request.body->size);
  const auto patience =
      thinking ? std::max(*request.answer_timeout, transfer.stall_timeout) : transfer.stall_timeout;
  if (now - transfer.window < patience) return 0;
  const auto wanted = transfer.slowest * static_cast<std::uint64_t>(patience.count());
  if (moved - transfer.moved_before < wanted) {
    transfer.error =
        Error(Errc::timed_out,
              fmt::format("cannot transfer {}: less than {} came or went in {} s",
                          redacted(request.url), base::human_bytes(wanted), patience.count()))
            .with("url", redacted(request.url));
    return 1;
  }
  transfer.window = now;
  transfer.moved_before = moved;
  return 0;
}

}  // namespace

struct Client::State {
  Settings settings;
  CURL* easy = nullptr;
  std::map<std::string, std::string> bundles;  // authorities by "host:port", where they are its own

  explicit State(Settings s) : settings(std::move(s)), easy(curl_easy_init()) {}
  ~State() {
    if (easy != nullptr) curl_easy_cleanup(easy);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Result<> set_policy(const Endpoint& target);
  Result<> set_trust(const Endpoint& target);
  Result<Response> perform(const Request& request, std::stop_token stop);
};

Client::Client(std::unique_ptr<State> state) : state_(std::move(state)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::create(Settings settings) {
  // Thread-safe and counted in the libcurl versions that we accept; the process's end undoes it.
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto state = std::make_unique<State>(std::move(settings));
  if (started != CURLE_OK || state->easy == nullptr) {
    return fail(Errc::internal, "libcurl cannot be initialised");
  }
  return Client(std::move(state));
}

// libcurl has no option that adds an authority: the system's and the endpoint's become one text.
Result<> Client::State::set_trust(const Endpoint& target) {
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  const std::string place = target.host + ":" + target.port;
  const auto found = settings.trust.find(place);
  const Trust trust = found == settings.trust.end() ? Trust() : found->second;
  set(CURLOPT_SSL_VERIFYPEER, trust.verify ? 1L : 0L);
  set(CURLOPT_SSL_VERIFYHOST, trust.verify ? 2L : 0L);
  if (!settings.ca_file.empty()) {
    set(CURLOPT_CAINFO, settings.ca_file.c_str());
    set(CURLOPT_PROXY_CAINFO, settings.ca_file.c_str());
  }
  if (!trust.certificate_file.empty()) {
    set(CURLOPT_SSLCERT, trust.certificate_file.c_str());
    set(CURLOPT_SSLKEY, trust.key_file.c_str());
  }
  if (trust.authorities.empty() || !trust.verify) return {};
  std::string& bundle = bundles[place];
  if (bundle.empty()) {
    const char* built_in = curl_version_info(CURLVERSION_NOW)->cainfo;
    const std::string file = !settings.ca_file.empty() ? settings.ca_file
                             : built_in != nullptr     ? built_in
                                                       : "";
    if (!file.empty() && base::exists(file)) bundle = TRY(base::read_file(file)) + "\n";
    bundle += trust.authorities;
  }
  curl_blob blob{.data = bundle.data(), .len = bundle.size(), .flags = CURL_BLOB_NOCOPY};
  curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &blob);
  return {};
}

Result<> Client::State::set_policy(const Endpoint& target) {
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  const bool file = settings.allow_file;
#if LIBCURL_VERSION_NUM >= 0x075500
  set(CURLOPT_PROTOCOLS_STR, file ? "http,https,file" : "http,https");
#else
  set(CURLOPT_PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS | (file ? CURLPROTO_FILE : 0L));
#endif
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);  // send() follows, and decides
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // One request at a time per connection: HTTP/2 would only add its flow control.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXY,
      (target.scheme == "https" ? settings.https_proxy : settings.http_proxy).c_str());
  set(CURLOPT_NOPROXY, settings.no_proxy.c_str());
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(settings.connect_timeout.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_BUFFERSIZE, kBuffer);
  set(CURLOPT_UPLOAD_BUFFERSIZE, kBuffer);
  set(CURLOPT_USERAGENT, settings.user_agent.c_str());
  return set_trust(target);
}

Result<Response> Client::State::perform(const Request& request, std::stop_token stop) {
  const Endpoint target = TRY(endpoint(request.url));
  Transfer transfer;
  transfer.easy = easy;
  transfer.request = &request;
  transfer.stop = stop;
  transfer.is_file = target.scheme == "file";
  transfer.stall_timeout = settings.stall_timeout;
  transfer.slowest = settings.slowest;
  transfer.response.url = request.url;
  if (transfer.is_file) {
    transfer.response.status = request.range.empty() ? 200 : 206;
    if (!request.range.empty()) {
      transfer.response.headers.add("Content-Range", "bytes " + request.range + "/*");
    }
  }

  curl_easy_reset(easy);
  TRY(set_policy(target));
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  char detail[CURL_ERROR_SIZE] = "";
  set(CURLOPT_ERRORBUFFER, detail);
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_XFERINFOFUNCTION, on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  if (request.compressed) set(CURLOPT_ACCEPT_ENCODING, "");
  if (!request.range.empty()) set(CURLOPT_RANGE, request.range.c_str());
  if (request.total_timeout) {
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.total_timeout->count()));
  }
  if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (request.body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body->size));
    set(CURLOPT_READFUNCTION, on_read);
    set(CURLOPT_READDATA, &transfer);
    set(CURLOPT_SEEKFUNCTION, on_seek);
    set(CURLOPT_SEEKDATA, &transfer);
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  } else if (request.method != "GET") {
    if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
      set(CURLOPT_POSTFIELDSIZE, 0L);
      set(CURLOPT_POSTFIELDS, "");
    }
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    // libcurl sends a request again by itself when a kept connection turns out dead: whoever
    // removes something could not tell then whether it had been there.
    if (request.method == "DELETE") set(CURLOPT_FRESH_CONNECT, 1L);
  }
  HeaderList headers;
  bool complete = true;
  for (const auto& [name, value] : request.headers.fields()) {
    complete = complete && append(headers, name + ": " + value);
  }
  if (request.method != "GET" && !request.body && !request.headers.get("Content-Type")) {
    complete = complete && append(headers, "Content-Type:");  // curl's form type is a lie here
  }
  // Some proxies never answer an expectation, and then a large body waits for a second.
  if (request.body) complete = complete && append(headers, "Expect:");
  if (!complete) return fail(Errc::io, "out of memory");
  set(CURLOPT_HTTPHEADER, headers.get());

  const CURLcode code = curl_easy_perform(easy);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  if (transfer.error) return fail(std::move(*transfer.error));
  if (code == CURLE_ABORTED_BY_CALLBACK) return fail(Errc::cancelled, "interrupted");
  if (code != CURLE_OK) return fail(curl_error(static_cast<int>(code), detail, request.url));
  if (!transfer.announce()) return fail(std::move(*transfer.error));
  return std::move(transfer.response);
}

Result<Response> Client::send(const Request& request, std::stop_token stop) {
  const auto same_origin = [](const Endpoint& a, const Endpoint& b) { return a == b; };
  Request current = request;
  for (int redirects = 0;; ++redirects) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    Response response = TRY(state_->perform(current, stop));
    const auto location = response.headers.get("Location");
    if (!is_followed(request, response) || !location) return response;
    const std::string shown = redacted(request.url);
    if (redirects == state_->settings.maximum_redirects) {
      return fail(Error(Errc::protocol, fmt::format("{} redirects more than {} times", shown,
                                                    state_->settings.maximum_redirects))
                      .with("url", shown));
    }
    std::string next = TRY(resolve(current.url, *location));
    const Endpoint from = TRY(endpoint(current.url)), to = TRY(endpoint(next));
    if ((to.scheme != "http" && to.scheme != "https") ||
        (from.scheme == "https" && to.scheme != "https")) {
      return fail(Error(Errc::refused, fmt::format("{} redirects to {}, which is not protected by "
                                                   "TLS or not HTTP at all",
                                                   shown, redacted(next)))
                      .with("url", shown));
    }
    if (same_origin(from, to)) {
      next = with_credentials_of(current.url, next);
    } else {
      for (const char* secret : {"Authorization", "Cookie", "Proxy-Authorization"}) {
        current.headers.remove(secret);
      }
    }
    current.url = std::move(next);
  }
}

}  // namespace imgforge::http

#include "harbor/connection.h"

#include <fmt/format.h>

#include "base/text.h"
#include "harbor/paging.h"

namespace imgforge::harbor {
namespace {

constexpr std::size_t kLargestDocument = 16 << 20;  // a page of 100 artifacts is below 1 MiB
constexpr std::chrono::seconds kDocumentTimeout{60};
constexpr std::size_t kMostPages = 1000;

class LimitedSink final : public base::Sink {
 public:
  explicit LimitedSink(std::string& target) : target_(target) {}
  Result<> write(base::Bytes bytes) override {
    if (bytes.size() > kLargestDocument - target_.size()) {
      return fail(Errc::protocol, "Harbor's answer is larger than the " +
                                      base::human_bytes(kLargestDocument) + " that are accepted");
    }
    target_.append(base::as_text(bytes));
    return {};
  }

 private:
  std::string& target_;
};

std::string fact(const Error& error, std::string_view key) {
  for (const auto& [name, value] : error.facts()) {
    if (name == key) return value;
  }
  return {};
}

bool may_repeat(std::string_view method, const Error& error) {
  if (!http::is_transient(error) || fact(error, "rule") == "read_only") return false;
  return (method != "POST" && method != "PATCH") || error.code() == Errc::rate_limited;
}

}  // namespace

Result<Connection> Connection::open(Options options, http::Pool& pool, base::Progress& progress) {
  const std::string& host = options.host;
  if (host.empty() || host.find_first_of("/@?# ") != std::string::npos) {
    return fail(Error(Errc::usage, "\"" + host + "\" is no address of a Harbor")
                    .hint("write host or host:port, without https:// and without a path"));
  }
  return Connection(std::move(options), pool, progress);
}

Result<Reply> Connection::send_once(const char* method, const std::string& path,
                                    const std::string& body, const std::string& what,
                                    std::stop_token stop) const {
  auto client = TRY(pool_->borrow());
  Reply reply;
  LimitedSink sink(reply.body);
  const base::TextAccess data(body);
  http::Request request;
  request.method = method;
  request.url = (options_.plain_http ? "http://" : "https://") + options_.host + "/api/v2.0" + path;
  // A project may have a number for a name, which Harbor would take for an id.
  request.headers = {{"Accept", "application/json"}, {"X-Is-Resource-Name", "true"}};
  if (!body.empty()) {
    request.headers.add("Content-Type", "application/json");
    request.body = http::Body{.data = &data, .size = body.size()};
  }
  if (!options_.user.empty()) {
    request.headers.add(
        "Authorization",
        "Basic " + base::to_base64(base::as_bytes(options_.user + ":" + options_.password)));
  }
  request.sink = &sink;
  request.total_timeout = kDocumentTimeout;
  request.follow_redirects = false;  // a redirected POST loses its body
  http::Response response = TRY(client->send(request, stop));
  reply.status = response.status;
  reply.headers = std::move(response.headers);
  const std::string type = base::to_lower(reply.headers.get("Content-Type").value_or(""));
  if (reply.ok() && type.starts_with("text/html")) {
    return fail(Error(Errc::protocol, fmt::format("{} answers with a web page where Harbor would "
                                                  "speak: cannot {}",
                                                  options_.host, what))
                    .hint("is it a Harbor, and does a proxy or a login page stand before it?"));
  }
  if (reply.ok()) return reply;
  return fail(explain(reply.status, response.error_body, reply.headers,
                      {.what = what, .host = options_.host, .user = options_.user}));
}

Result<Reply> Connection::send(const char* method, const std::string& path, const std::string& body,
                               const std::string& what, std::stop_token stop) const {
  const auto end = std::chrono::steady_clock::now() + options_.patience;
  for (int attempt = 1;; ++attempt) {
    auto reply = send_once(method, path, body, what, stop);
    if (reply) return reply;
    const Error& error = reply.error();
    if (attempt > 1 && std::string_view(method) == "DELETE" && error.code() == Errc::not_found) {
      return Reply{.status = 200};  // the answer to an earlier attempt was lost
    }
    if (!may_repeat(method, error)) return reply;
    const auto delay =
        http::retry_delay(options_.retry, attempt, http::retry_after(error), http::random_jitter());
    if (!delay || std::chrono::steady_clock::now() + *delay > end) return reply;
    progress_->note(fmt::format("{}; trying again in {:.1f} s", error.message(),
                                static_cast<double>(delay->count()) / 1000));
    if (!http::sleep_for(*delay, stop)) return fail(Errc::cancelled, "interrupted");
  }
}

Result<std::string> Connection::get(const std::string& path, const std::string& what,
                                    std::stop_token stop) const {
  return std::move(TRY(send("GET", path, "", what, stop)).body);
}

Result<std::vector<std::string>> Connection::get_pages(const std::string& path,
                                                       const std::string& what,
                                                       std::stop_token stop) const {
  std::vector<std::string> pages;
  std::string next = first_page(path);
  while (!next.empty()) {
    if (pages.size() == kMostPages) {
      return fail(Errc::protocol,
                  fmt::format("cannot {} at {}: its list has no end", what, options_.host));
    }
    Reply reply = TRY(send("GET", next, "", what, stop));
    pages.push_back(std::move(reply.body));
    next = next_page(path, reply.headers, pages.size());
  }
  return pages;
}

}  // namespace imgforge::harbor

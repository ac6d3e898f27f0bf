#include <fmt/format.h>

#include "base/text.h"
#include "http/client.h"
#include "http/retry.h"
#include "http/url.h"

namespace imgforge::http {
namespace {

constexpr std::chrono::seconds kDocumentTimeout{60};

}  // namespace

Settings settings_from(const std::map<std::string, std::string>& environment) {
  const auto first = [&](std::initializer_list<const char*> names) -> std::string {
    for (const char* name : names) {
      if (const auto found = environment.find(name);
          found != environment.end() && !found->second.empty()) {
        return found->second;
      }
    }
    return {};
  };
  Settings settings;
  settings.http_proxy = first({"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"});
  settings.https_proxy = first({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"});
  settings.no_proxy = first({"no_proxy", "NO_PROXY"});
  settings.ca_file = first({"CURL_CA_BUNDLE", "SSL_CERT_FILE"});
  return settings;
}

std::uint64_t Response::range_start() const {
  const auto value = headers.get("Content-Range");
  if (status != 206 || !value || !value->starts_with("bytes ")) return 0;
  const std::string_view range = std::string_view(*value).substr(6);
  return base::parse_uint(range.substr(0, range.find('-'))).value_or(0);
}

std::optional<std::uint64_t> Response::whole_size() const {
  if (status == 206) {
    const auto value = headers.get("Content-Range");
    if (!value || value->find('/') == std::string::npos) return std::nullopt;
    return base::parse_uint(std::string_view(*value).substr(value->rfind('/') + 1));
  }
  if (status != 200 || headers.get("Content-Encoding")) return std::nullopt;
  return headers.number("Content-Length");
}

Error status_error(const Request& request, const Response& response) {
  const std::string shown = redacted(request.url);
  const int status = response.status;
  Errc code = Errc::protocol;
  std::string why = fmt::format("{} answered with HTTP status {}", shown, status);
  if (status == 401) {
    code = Errc::unauthorized;
    why = fmt::format("{} asks for credentials (HTTP 401)", shown);
  } else if (status == 403) {
    code = Errc::forbidden;
    why = fmt::format("{} does not allow access (HTTP 403)", shown);
  } else if (status == 404 || status == 410) {
    code = Errc::not_found;
    why = fmt::format("{} does not exist (HTTP {})", shown, status);
  } else if (status == 408 || status == 504) {
    code = Errc::timed_out;
  } else if (status == 429) {
    code = Errc::rate_limited;
    why = fmt::format("{} asks to slow down (HTTP 429)", shown);
  } else if (status == 501) {
    code = Errc::unsupported;
  } else if (status >= 500) {
    code = Errc::unavailable;
  }
  Error error = Error(code, why).with("url", shown).with("status", std::to_string(status));
  if (const auto wait = retry_after(response.headers)) {
    return std::move(error).with("retry_after", std::to_string(wait->count()));
  }
  return error;
}

namespace {

class LimitedSink final : public base::Sink {
 public:
  LimitedSink(std::string& target, std::size_t limit, const std::string& url)
      : target_(target), limit_(limit), url_(url) {}
  Result<> write(base::Bytes bytes) override {
    if (bytes.size() > limit_ - target_.size()) {
      return fail(Errc::invalid, fmt::format("{} is larger than the {} that are accepted",
                                             redacted(url_), base::human_bytes(limit_)));
    }
    target_.append(base::as_text(bytes));
    return {};
  }

 private:
  std::string& target_;
  std::size_t limit_;
  const std::string& url_;
};

}  // namespace

Result<Document> get_document(Client& client, const std::string& url, Headers headers,
                              std::size_t limit, std::stop_token stop) {
  Document document;
  LimitedSink sink(document.body, limit, url);
  Request request;
  request.url = url;
  request.headers = std::move(headers);
  request.sink = &sink;
  request.compressed = true;
  request.total_timeout = kDocumentTimeout;
  Response response = TRY(client.send(request, stop));
  if (!response.ok()) return fail(status_error(request, response));
  document.url = std::move(response.url);
  document.content_type = response.headers.get("Content-Type").value_or("");
  return document;
}

}  // namespace imgforge::http

#include "http/curl_error.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include "http/url.h"

namespace imgforge::http {
namespace {

Errc errc_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return Errc::timed_out;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return Errc::invalid;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return Errc::mismatch;
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_OUT_OF_MEMORY:
      return Errc::io;
    case CURLE_FILE_COULDNT_READ_FILE:
      return Errc::not_found;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
      return Errc::protocol;
    default:
      return Errc::unavailable;  // DNS, connect, TLS handshake, resets, short bodies
  }
}

}  // namespace

Error curl_error(int number, const char* detail, const std::string& url) {
  const auto code = static_cast<CURLcode>(number);
  const std::string shown = redacted(url);
  std::string why = code == CURLE_SEND_FAIL_REWIND ? "the connection broke while the body was sent"
                    : detail[0] != '\0'            ? detail
                                                   : curl_easy_strerror(code);
  Error error = Error(errc_of(code), fmt::format("cannot transfer {}: {}", shown, why))
                    .with("url", shown)
                    .with("curl", std::to_string(number));
  if (errc_of(code) == Errc::mismatch || code == CURLE_SSL_CACERT_BADFILE) {
    return std::move(error).hint(
        "set SSL_CERT_FILE to a file with the certificate authority of this server or proxy; for a "
        "registry, put it as ca.crt into /etc/containers/certs.d/HOST:PORT/");
  }
  if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
      code == CURLE_COULDNT_RESOLVE_PROXY) {
    return std::move(error).hint(
        "check the network and the proxy settings (http_proxy, https_proxy, no_proxy)");
  }
  return error;
}

}  // namespace imgforge::http

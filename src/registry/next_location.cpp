#include "registry/next_location.h"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "base/text.h"
#include "http/url.h"

namespace imgforge::registry {
namespace {

using Address = std::array<std::uint64_t, 4>;

std::optional<Address> ipv4(std::string_view host) {
  const auto parts = base::split(host, '.');
  if (parts.size() != 4) return std::nullopt;
  Address address{};
  for (std::size_t i = 0; i < 4; ++i) {
    const auto number = base::parse_uint(parts[i]);
    if (!number || *number > 255) return std::nullopt;
    address[i] = *number;
  }
  return address;
}

// Names are not resolved: the guard is against a registry that sends us somewhere by number.
bool is_inner(const std::string& host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (host.starts_with("[")) {
    return host == "[::1]" || host == "[::]" || host.starts_with("[fc") ||
           host.starts_with("[fd") || host.starts_with("[fe8") || host.starts_with("[fe9") ||
           host.starts_with("[fea") || host.starts_with("[feb") || host.starts_with("[::ffff:");
  }
  const auto a = ipv4(host);
  if (!a) return false;
  return (*a)[0] == 0 || (*a)[0] == 10 || (*a)[0] == 127 || ((*a)[0] == 169 && (*a)[1] == 254) ||
         ((*a)[0] == 172 && (*a)[1] >= 16 && (*a)[1] < 32) || ((*a)[0] == 192 && (*a)[1] == 168) ||
         ((*a)[0] == 100 && (*a)[1] >= 64 && (*a)[1] < 128);
}

// The part of a URL from its path on.
std::string_view path_of(std::string_view url) {
  const std::size_t host = url.find("://") + 3;
  const std::size_t path = url.find('/', host);
  return path == std::string_view::npos ? "/" : url.substr(path);
}

}  // namespace

Result<NextLocation> next_location(const std::string& asked, const std::string& location) {
  const auto ours = TRY(http::endpoint(asked));
  if (location.empty()) {
    return fail(Errc::protocol,
                fmt::format("{}:{} does not say where to go on", ours.host, ours.port));
  }
  std::string url = TRY(http::resolve(asked, location));
  const auto theirs = http::endpoint(url);
  if (!theirs || (theirs->scheme != "http" && theirs->scheme != "https")) {
    return fail(Errc::protocol, fmt::format("{}:{} sends us to something that is no HTTP address",
                                            ours.host, ours.port));
  }
  if (*theirs == ours) return NextLocation{std::move(url), true};
  if (theirs->host == ours.host && ours.scheme == "https" && theirs->scheme == "http") {
    const std::string_view authority =
        std::string_view(asked).substr(0, asked.size() - path_of(asked).size());
    return NextLocation{std::string(authority) + std::string(path_of(url)), true};
  }
  if (ours.scheme == "https" && theirs->scheme == "http") {
    return fail(Error(Errc::refused, fmt::format("{} sends us to {}, which is not protected by TLS",
                                                 ours.host, http::redacted(url)))
                    .hint("its administrator mends this: the registry's external address must be "
                          "https (behind a proxy: X-Forwarded-Proto)"));
  }
  if (is_inner(theirs->host) && !is_inner(ours.host)) {
    return fail(
        Errc::refused,
        fmt::format("{} sends us to {}, an address of this machine or of a private network: "
                    "nothing is sent there",
                    ours.host, http::redacted(url)));
  }
  return NextLocation{std::move(url), false};
}

std::string with_digest(const std::string& url, const std::string& digest) {
  const std::string parameter = "digest=" + base::replace_all(digest, ":", "%3A");
  return url + (url.find('?') == std::string::npos ? "?" : "&") + parameter;
}

}  // namespace imgforge::registry

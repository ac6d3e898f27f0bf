// Lists that come in pages: follows Link fields within the registry, and not for ever.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "http/client.h"
#include "registry/link.h"
#include "registry/next_location.h"

namespace imgforge::registry {

class Pages {
 public:
  Pages(std::string first, std::string what) : current_(std::move(first)), what_(std::move(what)) {}

  /// The URL to ask; nullopt at the end.
  const std::optional<std::string>& current() const { return current_; }
  /// protocol: the next page is at another server, or one that was there before.
  Result<> turn(const http::Response& response) {
    const auto link = next_link(response.headers.all("Link"));
    if (!link) {
      current_.reset();
      return {};
    }
    NextLocation next = TRY(next_location(*current_, *link));
    if (!next.ours) return fail(Errc::protocol, "the " + what_ + " goes on at another server");
    seen_.insert(*current_);
    if (seen_.contains(next.url) || seen_.size() > kMostPages) {
      return fail(Errc::protocol, "the " + what_ + " has no end");
    }
    current_ = std::move(next.url);
    return {};
  }

 private:
  static constexpr std::size_t kMostPages = 20'000;
  std::optional<std::string> current_;
  std::string what_;
  std::set<std::string> seen_;
};

}  // namespace imgforge::registry

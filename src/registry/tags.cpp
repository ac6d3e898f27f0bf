#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "registry/client.h"
#include "registry/paging.h"

namespace imgforge::registry {
namespace {

using base::Json;

/// Per answer; distribution sends all tags of a repository in one.
constexpr std::size_t kLargestList = 32 << 20;
constexpr std::size_t kMostTags = 1'000'000;

Result<std::vector<std::string>> read_tags(std::string_view text, const std::string& what) {
  const auto json = base::parse_json(text, what);
  if (!json || !json->is_object()) {
    return fail(Error(Errc::protocol, what + " is no list: it is no valid JSON object")
                    .hint("is that host a registry, and does a proxy stand before it?"));
  }
  std::vector<std::string> tags;
  const auto found = json->find("tags");
  if (found == json->end() || found->is_null()) return tags;  // an empty repository
  if (!found->is_array()) return fail(Errc::protocol, what + " is no list: \"tags\" is no array");
  for (const Json& tag : *found) {
    // What is no tag cannot be asked for.
    if (tag.is_string() && oci::Tag::parse(tag.get<std::string>())) tags.push_back(tag);
  }
  return tags;
}

}  // namespace

Result<std::vector<std::string>> Client::list_tags(const std::string& repository,
                                                   std::stop_token stop) {
  const std::string what = "list of tags of " + repository;
  std::vector<std::string> tags;
  Pages pages(url(repository + "/tags/list?n=1000"), what);
  while (const auto page = pages.current()) {
    std::string body;
    const http::Response response = TRY(ask({.request = {.url = *page, .compressed = true},
                                             .access = {repository, Scopes::pull(repository)},
                                             .what = what,
                                             .body = &body,
                                             .limit = kLargestList},
                                            stop));
    for (std::string& tag : TRY(read_tags(body, what))) tags.push_back(std::move(tag));
    if (tags.size() > kMostTags) {
      return fail(Errc::unsupported,
                  fmt::format("{} has more than {} tags", repository, kMostTags));
    }
    TRY(pages.turn(response));
  }
  std::sort(tags.begin(), tags.end());
  tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
  return tags;
}

}  // namespace imgforge::registry

#include "sources/places.h"

#include <fmt/format.h>

#include "base/text.h"
#include "http/url.h"
#include "sources/apt_resolve.h"

namespace imgforge::sources {
namespace {

// apt writes local archives as file:/x and copy:/x; curl reads file:///x.
std::string fetchable(const std::string& url) {
  for (const std::string_view scheme : {"file:", "copy:"}) {
    if (!url.starts_with(scheme)) continue;
    std::string_view path = std::string_view(url).substr(scheme.size());
    while (path.starts_with("//")) path.remove_prefix(1);
    return "file://" + std::string(path);
  }
  return url;
}

Result<std::vector<std::string>> archive_places(const Origin& origin, const Addresses& addresses) {
  const ArchiveAddress address = TRY(addresses.archive(origin.role));
  std::vector<std::string> roots;
  if (!origin.snapshot.empty() && !address.snapshot.empty()) {
    roots.push_back(snapshot_url(address.snapshot, origin.snapshot));
  }
  roots.insert(roots.end(), address.urls.begin(), address.urls.end());
  if (origin.snapshot.empty() && !address.snapshot.empty() &&
      address.snapshot.find("{timestamp}") == std::string::npos) {
    roots.push_back(address.snapshot);
  }
  for (std::string& root : roots) root = http::append_path(fetchable(root), origin.path);
  return roots;
}

Result<std::vector<std::string>> index_places(const Origin& origin, const std::string& sha256,
                                              PageCache& pages, std::stop_token stop) {
  const auto files = TRY(pages.get(origin.role, origin.project, stop));
  std::vector<std::string> urls;
  std::string other;
  for (const IndexFile& file : files) {
    if (file.name != origin.path) continue;
    if (file.sha256.empty() || file.sha256 == sha256) {
      urls.push_back(file.url);
    } else {
      other = file.sha256;
    }
  }
  if (urls.empty() && !other.empty()) {
    return fail(Error(Errc::mismatch,
                      fmt::format("the index '{}' now has other content under the name {}: sha256 "
                                  "{}, the lock says {}",
                                  origin.role, origin.path, other, sha256))
                    .hint("find out who replaced it before running 'imgforge lock' again"));
  }
  if (urls.empty()) return fail(vanished(origin, origin.path));
  return urls;
}

}  // namespace

std::function<void(const Error&, std::chrono::milliseconds)> announcing(base::Progress& progress) {
  return [&progress](const Error& error, std::chrono::milliseconds delay) {
    progress.note(fmt::format("{}; trying again in {:.1f} s", error.summary(),
                              static_cast<double>(delay.count()) / 1000));
  };
}

Result<std::vector<IndexFile>> PageCache::get(const std::string& role, const std::string& project,
                                              std::stop_token stop) {
  std::shared_ptr<Entry> entry;
  {
    const std::lock_guard lock(mutex_);
    auto& slot = entries_[{role, project}];
    if (!slot) slot = std::make_shared<Entry>();
    entry = slot;
  }
  const std::lock_guard lock(entry->mutex);
  if (entry->page) return *entry->page;
  const std::string url = TRY(addresses_.index(role));
  auto lease = TRY(pool_.borrow());
  auto page = http::retrying(http::RetryPolicy{}, stop, announcing(progress_), [&] {
    return fetch_project_page(*lease, fetchable(url), project, stop);
  });
  if (!page && page.error().code() == Errc::not_found) {
    page = fail(Error(Errc::not_found,
                      fmt::format("the index '{}' does not have the project {}", role, project))
                    .hint("run 'imgforge lock' to resolve anew, or vendor the wheels while an "
                          "index has them"));
  }
  // A failure that may pass is not remembered.
  if (page || page.error().code() == Errc::not_found) entry->page = page;
  return page;
}

Result<std::vector<std::string>> places(const Origin& origin, const std::string& sha256,
                                        const Addresses& addresses, PageCache& pages,
                                        std::stop_token stop) {
  switch (origin.kind) {
    case Origin::Kind::archive:
      return archive_places(origin, addresses);
    case Origin::Kind::index:
      return index_places(origin, sha256, pages, stop);
    case Origin::Kind::redist:
      return std::vector{
          http::append_path(fetchable(TRY(addresses.redist(origin.role))), origin.path)};
    case Origin::Kind::url:
      if (!origin.path.starts_with("https://") && !origin.path.starts_with("http://")) {
        return fail(Errc::invalid,
                    fmt::format("{} is not an http or https address", http::redacted(origin.path)));
      }
      return std::vector{origin.path};
    case Origin::Kind::project:
    case Origin::Kind::registry:
    case Origin::Kind::builtin:
      break;
  }
  return fail(Errc::unsupported, describe(origin) +
                                     " is not in the store, and not fetched from "
                                     "package sources");
}

Error vanished(const Origin& origin, const std::string& name) {
  std::string hint =
      "run 'imgforge lock' to take what is there now; 'imgforge lock --vendor DIR' keeps inputs";
  if (origin.kind == Origin::Kind::archive) {
    hint += fmt::format(
        "; or write the archive's history into ~/.config/imgforge/config.yaml:\n"
        "archives:\n  {0}:\n    snapshot: https://SNAPSHOT-HOST/archive/{0}/TIMESTAMP",
        origin.role);
  }
  return Error(Errc::not_found, fmt::format("{} has vanished from {}", name, describe(origin)))
      .hint(std::move(hint));
}

}  // namespace imgforge::sources

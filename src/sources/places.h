// Where the content of an origin can be had now: addresses in order of preference.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "http/pool.h"
#include "http/retry.h"
#include "sources/addresses.h"
#include "sources/input.h"
#include "sources/project_index.h"

namespace imgforge::sources {

/// Says to the user that a server is being waited for.
std::function<void(const Error&, std::chrono::milliseconds)> announcing(base::Progress& progress);

/// Pages of indexes, asked once per run. Thread-safe; two threads that want one page share it.
class PageCache {
 public:
  PageCache(const Addresses& addresses, http::Pool& pool, base::Progress& progress)
      : addresses_(addresses), pool_(pool), progress_(progress) {}
  Result<std::vector<IndexFile>> get(const std::string& role, const std::string& project,
                                     std::stop_token stop);

 private:
  struct Entry {
    std::mutex mutex;
    std::optional<Result<std::vector<IndexFile>>> page;
  };
  const Addresses& addresses_;
  http::Pool& pool_;
  base::Progress& progress_;
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::shared_ptr<Entry>> entries_;
};

/// The addresses of `origin`. For a file of an index `sha256` chooses among equal names: mismatch
/// when the index has the name with other content. unsupported for origins that are not fetched
/// (project, registry, builtin). The snapshot of an archive comes last, unless the origin names
/// one.
Result<std::vector<std::string>> places(const Origin& origin, const std::string& sha256,
                                        const Addresses& addresses, PageCache& pages,
                                        std::stop_token stop);

/// What to tell when every place says that there is nothing.
Error vanished(const Origin& origin, const std::string& name);

}  // namespace imgforge::sources

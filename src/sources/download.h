// One file from the network into the store: verified, resumed after a broken connection, tried
// again by the retry rule, from the first place that has it.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "http/pool.h"
#include "http/retry.h"
#include "store/store.h"

namespace imgforge::sources {

struct Wanted {
  std::string name;  // for messages
  std::optional<store::Ingest::Expected> expected;
};

struct Downloaded {
  oci::Digest digest;
  std::uint64_t size = 0;
};

class Downloader {
 public:
  Downloader(http::Pool& pool, store::Store& store, base::Progress& progress,
             http::RetryPolicy policy = {})
      : pool_(pool), store_(store), progress_(progress), policy_(policy) {}

  /// Thread-safe. Goes to the next URL when one does not have the file (not_found), serves other
  /// content (mismatch) or cannot be reached; the last error wins, except that a mismatch is never
  /// hidden by a later one.
  Result<Downloaded> fetch(const std::vector<std::string>& urls, const Wanted& wanted,
                           base::ProgressTask& task, std::stop_token stop) const;

 private:
  Result<Downloaded> fetch_from(const std::string& url, const Wanted& wanted,
                                base::ProgressTask& task, std::stop_token stop) const;
  Result<bool> transfer(const std::string& url, const Wanted& wanted, store::Ingest& ingest,
                        base::ProgressTask& task, std::stop_token stop) const;

  http::Pool& pool_;
  store::Store& store_;
  base::Progress& progress_;
  http::RetryPolicy policy_;
};

}  // namespace imgforge::sources

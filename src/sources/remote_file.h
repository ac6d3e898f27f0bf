// A file on a server, read by ranges, as if it were on disk: for a look into a wheel's directory
// without its gigabytes. What is read is not verified; the lock's digest is, when it is fetched.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "http/pool.h"

namespace imgforge::sources {

class RemoteFile final : public base::RandomAccess {
 public:
  /// unsupported when the server does not answer ranges; mismatch when it says another size. Reads
  /// the last block, where a zip's directory is. Borrows `pool`.
  static Result<std::unique_ptr<RemoteFile>> open(http::Pool& pool, std::string url,
                                                  std::uint64_t size, std::stop_token stop);
  std::uint64_t size() const override { return size_; }
  /// Safe for concurrent calls.
  Result<> read_at(std::uint64_t offset, base::MutableBytes buffer) const override;

 private:
  using Block = std::shared_ptr<const std::vector<std::byte>>;

  RemoteFile(http::Pool& pool, std::string url, std::uint64_t size, std::stop_token stop)
      : pool_(pool), url_(std::move(url)), size_(size), stop_(std::move(stop)) {}
  Result<> read_range(std::uint64_t offset, base::MutableBytes buffer) const;
  Block cached(std::uint64_t number) const;
  void keep(std::uint64_t number, Block block) const;

  http::Pool& pool_;
  std::string url_;
  std::uint64_t size_;
  std::stop_token stop_;

  mutable std::mutex mutex_;
  mutable std::list<std::uint64_t> recent_;  // most recent first
  mutable std::map<std::uint64_t, std::pair<Block, std::list<std::uint64_t>::iterator>> blocks_;
};

}  // namespace imgforge::sources

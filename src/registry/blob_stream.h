// A blob of a registry for reading in order while it arrives: what goes from one registry into
// another touches no disk. At most kAhead bytes are held.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include "registry/client.h"

namespace imgforge::registry {

class BlobStream final : public base::RandomAccess {
 public:
  /// Borrows the client. Nothing is asked before the first read.
  BlobStream(Client& client, std::string repository, oci::Descriptor blob, std::stop_token stop);
  ~BlobStream() override;

  std::uint64_t size() const override { return blob_.size; }
  /// Cheap where the last read ended; elsewhere the transfer begins anew at that offset.
  Result<> read_at(std::uint64_t offset, base::MutableBytes buffer) const override;

 private:
  static constexpr std::size_t kAhead = 1 << 20;
  class Queue;
  void restart(std::uint64_t offset) const;
  void end() const;

  Client& client_;
  std::string repository_;
  oci::Descriptor blob_;
  std::stop_token stop_;
  mutable std::mutex reading_;  // one reader at a time
  mutable std::unique_ptr<Queue> queue_;
  mutable std::jthread thread_;
  mutable std::uint64_t position_ = 0;
};

}  // namespace imgforge::registry

// Clients for several threads with one Settings: a lease is one thread's until it ends, and the
// connections that its client holds open serve the next lease.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "http/client.h"

namespace imgforge::http {

class Pool {
 public:
  explicit Pool(Settings settings) : settings_(std::move(settings)) {}

  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Client> client) : pool_(&pool), client_(std::move(client)) {}
    ~Lease();
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    Client& operator*() { return *client_; }
    Client* operator->() { return client_.get(); }

   private:
    Pool* pool_;
    std::unique_ptr<Client> client_;
  };

  /// Thread-safe. The pool must outlive the lease.
  Result<Lease> borrow();

 private:
  Settings settings_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Client>> idle_;
};

}  // namespace imgforge::http

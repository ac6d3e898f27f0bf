#include "http/pool.h"

namespace imgforge::http {

Result<Pool::Lease> Pool::borrow() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      Lease lease(*this, std::move(idle_.back()));
      idle_.pop_back();
      return lease;
    }
  }
  return Lease(*this, std::make_unique<Client>(TRY(Client::create(settings_))));
}

Pool::Lease::~Lease() {
  if (!client_) return;
  const std::lock_guard lock(pool_->mutex_);
  pool_->idle_.push_back(std::move(client_));
}

}  // namespace imgforge::http

// Takes stock of an image: the lock says what was put in, its layers say the rest (licences,
// dependencies, what base images and commands brought). The same image gives the same inventory,
// whether its layers were just built or come from elsewhere.
#pragma once

#include <stop_token>

#include "base/progress.h"
#include "evidence/image.h"
#include "evidence/package.h"
#include "spec/lock.h"
#include "store/store.h"

namespace imgforge::evidence {

struct InventoryOptions {
  std::size_t workers = 1;  // layers read at the same time
};

/// Reads every layer's blob from the store but those of wheels whose inputs are there.
/// Errc::not_found when a layer's blob is missing; Errc::mismatch when the lock has a layer that
/// the image lacks. `progress` gets the layers' bytes.
Result<Inventory> take_inventory(const Image& image, const spec::Lock& lock,
                                 const store::Store& store, const InventoryOptions& options,
                                 base::Progress& progress, std::stop_token stop);

}  // namespace imgforge::evidence

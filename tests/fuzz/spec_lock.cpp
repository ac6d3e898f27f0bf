// Any bytes as a lock: what is accepted is written back as a lock that reads the same.
#include <cstdint>
#include <cstdlib>

#include "spec/lock.h"

using namespace imgforge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto lock = spec::parse_lock(text, "fuzz.lock.json");
  if (!lock) {
    if (!lock.error().message().starts_with("the lock fuzz.lock.json is not valid")) std::abort();
    return 0;
  }
  const std::string written = spec::format_lock(*lock);
  const auto again = spec::parse_lock(written, "again.lock.json");
  if (!again || !(*again == *lock) || spec::format_lock(*again) != written) std::abort();
  return 0;
}

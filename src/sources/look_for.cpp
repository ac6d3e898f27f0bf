#include "sources/look_for.h"

#include <fmt/format.h>

#include "base/task_group.h"
#include "http/pool.h"
#include "http/retry.h"
#include "http/url.h"
#include "sources/places.h"

namespace imgforge::sources {
namespace {

// A look is no transfer: who does not answer at once is told of, and looked for tomorrow.
constexpr http::RetryPolicy kPolicy = {.attempts = 2};

class Look {
 public:
  Look(const Addresses& addresses, base::Progress& progress)
      : addresses_(addresses),
        progress_(progress),
        pool_(network_settings(addresses)),
        pages_(addresses, pool_, progress) {}

  Result<> at(const Input& input, std::stop_token stop) {
    const Origin::Kind kind = input.origin.kind;
    if (kind == Origin::Kind::project || kind == Origin::Kind::registry ||
        kind == Origin::Kind::builtin) {
      return {};
    }
    Result<> last = fail(vanished(input.origin, input.name));
    for (const std::string& url :
         TRY(places(input.origin, input.digest.hex(), addresses_, pages_, stop))) {
      const auto size = size_of(url, stop);
      if (size && *size == input.size) return {};
      if (size) {
        last = fail(Errc::mismatch, fmt::format("{} has {} bytes now, the lock says {}", input.name,
                                                *size, input.size));
      } else if (size.error().code() != Errc::not_found) {
        last = fail(size.error());
      }
    }
    return last;
  }

 private:
  static http::Settings network_settings(const Addresses& addresses) {
    http::Settings settings = http::settings_from(addresses.settings().environment);
    settings.allow_file = true;  // only for configured roles: places() refuses it for addresses
    return settings;
  }

  Result<std::uint64_t> size_of(const std::string& url, std::stop_token stop) {
    auto lease = TRY(pool_.borrow());
    return http::retrying(kPolicy, stop, announcing(progress_), [&]() -> Result<std::uint64_t> {
      const http::Request request{.method = "HEAD", .url = url};
      const http::Response response = TRY(lease->send(request, stop));
      if (!response.ok()) return fail(http::status_error(request, response));
      if (const auto size = response.whole_size()) return *size;
      return fail(Errc::protocol, http::redacted(url) + " does not tell its size");
    });
  }

  const Addresses& addresses_;
  base::Progress& progress_;
  http::Pool pool_;
  PageCache pages_;
};

}  // namespace

Result<std::vector<std::optional<Error>>> look_for(std::span<const Input> inputs,
                                                   const Addresses& addresses,
                                                   base::Progress& progress, std::size_t parallel,
                                                   std::stop_token stop) {
  using Lost = std::optional<Error>;
  Look look(addresses, progress);
  return base::parallel_map<Lost>(inputs.size(), parallel, stop,
                                  [&](std::size_t i, std::stop_token token) -> Result<Lost> {
                                    auto there = look.at(inputs[i], token);
                                    if (there) return Lost();
                                    if (there.error().code() == Errc::cancelled)
                                      return fail(std::move(there.error()));
                                    return Lost(std::move(there.error()));
                                  });
}

}  // namespace imgforge::sources

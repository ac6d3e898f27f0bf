#include "release/duration.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"

namespace imgforge::release {
namespace {

constexpr std::int64_t kMinute = 60, kHour = 60 * kMinute, kDay = 24 * kHour, kWeek = 7 * kDay,
                       kMonth = 30 * kDay, kYear = 365 * kDay;

std::int64_t unit_seconds(char unit) {
  switch (unit) {
    case 'm':
      return kMinute;
    case 'h':
      return kHour;
    case 'd':
      return kDay;
    case 'w':
      return kWeek;
    default:
      return 0;
  }
}

}  // namespace

Result<std::int64_t> parse_duration(std::string_view text) {
  constexpr std::int64_t kMaximum = 10 * kYear;
  const auto wrong = [&] {
    return fail(Error(Errc::invalid, fmt::format("'{}' is not a span of time", text))
                    .hint("write a whole number and its unit: 90m, 24h, 7d, 2w"));
  };
  if (text.size() < 2 || text.size() > 10) return wrong();
  const std::int64_t unit = unit_seconds(text.back());
  const auto count = base::parse_uint(text.substr(0, text.size() - 1));
  if (unit == 0 || !count) return wrong();
  const auto seconds = static_cast<std::int64_t>(*count) * unit;
  if (seconds > kMaximum) {
    return fail(Errc::invalid, fmt::format("'{}' is longer than ten years", text));
  }
  return seconds;
}

std::string human_duration(std::int64_t seconds) {
  struct Unit {
    std::int64_t seconds;
    const char* name;
  };
  constexpr std::array<Unit, 6> kUnits = {{{kYear, "year"},
                                           {kMonth, "month"},
                                           {kDay, "day"},
                                           {kHour, "hour"},
                                           {kMinute, "minute"},
                                           {1, "second"}}};
  for (const Unit& unit : kUnits) {
    // From two of a unit on, so that "1 year" does not hide eleven months.
    if (seconds < unit.seconds || (seconds < 2 * unit.seconds && unit.seconds > kDay)) continue;
    const std::int64_t count = seconds / unit.seconds;
    return fmt::format("{} {}{}", count, unit.name, count == 1 ? "" : "s");
  }
  return fmt::format("{} seconds", seconds);
}

}  // namespace imgforge::release

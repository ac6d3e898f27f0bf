#include "base/time.h"

#include <fmt/format.h>

#include <chrono>
#include <ctime>

#include "base/text.h"

namespace imgforge::base {
namespace {

std::optional<int> number(std::string_view text, std::size_t at, std::size_t length) {
  if (at + length > text.size()) return std::nullopt;
  const auto value = parse_uint(text.substr(at, length));
  return value ? std::optional<int>(static_cast<int>(*value)) : std::nullopt;
}

}  // namespace

Seconds now() { return Seconds{static_cast<std::int64_t>(std::time(nullptr))}; }

Result<Seconds> parse_time(std::string_view text) {
  const auto wrong = [&] {
    return fail(Error(Errc::invalid, fmt::format("'{}' is not a time", text))
                    .hint("write it like 2025-05-20T00:00:00Z"));
  };
  if (const auto plain = parse_uint(text); plain && *plain < (std::uint64_t{1} << 40)) {
    return Seconds{static_cast<std::int64_t>(*plain)};
  }
  const auto year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second || text[4] != '-' || text[7] != '-' ||
      (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return wrong();
  }
  std::string_view rest = text.substr(19);
  if (rest.starts_with('.')) {
    rest.remove_prefix(1);
    const std::size_t digits = rest.find_first_not_of("0123456789");
    if (digits == 0 || rest.empty()) return wrong();
    rest = digits == std::string_view::npos ? std::string_view() : rest.substr(digits);
  }
  int offset = 0;
  if (rest != "Z" && rest != "z") {
    const auto offset_hour = number(rest, 1, 2), offset_minute = number(rest, 4, 2);
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' || !offset_hour ||
        !offset_minute || *offset_hour > 23 || *offset_minute > 59) {
      return wrong();
    }
    offset = (*offset_hour * 60 + *offset_minute) * (rest[0] == '-' ? -60 : 60);
  }
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return wrong();
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return Seconds{static_cast<std::int64_t>(days) * 86400 + *hour * 3600 + *minute * 60 + *second -
                 offset};
}

std::string format_time(Seconds time) {
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::seconds(time.value));
  const std::chrono::year_month_day date{std::chrono::sys_days(days)};
  const auto rest = time.value - std::chrono::seconds(days).count();
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     rest / 3600, rest / 60 % 60, rest % 60);
}

}  // namespace imgforge::base

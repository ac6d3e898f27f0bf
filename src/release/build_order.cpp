#include "release/build_order.h"

#include <fmt/format.h>

#include <algorithm>

#include "release/build_tag.h"

namespace imgforge::release {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The leading run of digits, or of anything else.
std::string_view run_of(std::string_view text) {
  const bool digits = is_digit(text.front());
  const auto end =
      std::find_if(text.begin(), text.end(), [&](char c) { return is_digit(c) != digits; });
  return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

std::string_view without_zeros(std::string_view digits) {
  const std::size_t first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view() : digits.substr(first);
}

struct LastNumber {
  std::size_t begin = 0, end = 0;
};

// Of an id, which has a digit by its grammar.
LastNumber last_number(std::string_view id) {
  LastNumber at;
  at.end = id.size();
  while (at.end > 0 && !is_digit(id[at.end - 1])) --at.end;
  at.begin = at.end;
  while (at.begin > 0 && is_digit(id[at.begin - 1])) --at.begin;
  return at;
}

}  // namespace

std::strong_ordering compare_build_ids(std::string_view a, std::string_view b) {
  std::string_view x = a, y = b;
  while (!x.empty() && !y.empty()) {
    const std::string_view p = run_of(x), q = run_of(y);
    std::strong_ordering order = p <=> q;
    if (is_digit(p.front()) && is_digit(q.front())) {
      const std::string_view m = without_zeros(p), n = without_zeros(q);
      order = m.size() <=> n.size();
      if (order == 0) order = m <=> n;
    }
    if (order != 0) return order;
    x.remove_prefix(p.size());
    y.remove_prefix(q.size());
  }
  if (x.empty() != y.empty()) return y.empty() <=> x.empty();
  return a <=> b;
}

BuildSeries series_of(std::string_view build_id) {
  const LastNumber at = last_number(build_id);
  return {std::string(build_id.substr(0, at.begin)), std::string(build_id.substr(at.end))};
}

Result<std::string> next_build_id(std::string_view build_id) {
  if (!is_build_id(build_id)) {
    return fail(Errc::invalid, fmt::format("'{}' is not a build id", build_id));
  }
  const LastNumber at = last_number(build_id);
  std::string number(build_id.substr(at.begin, at.end - at.begin));
  std::size_t i = number.size();
  while (i > 0 && number[i - 1] == '9') number[--i] = '0';
  if (i > 0) {
    ++number[i - 1];
  } else {
    number.insert(number.begin(), '1');
  }
  std::string next =
      std::string(build_id.substr(0, at.begin)) + number + std::string(build_id.substr(at.end));
  if (!is_build_id(next)) {
    return fail(Errc::invalid,
                fmt::format("no build id can follow '{}': {} is not one", build_id, next));
  }
  return next;
}

}  // namespace imgforge::release

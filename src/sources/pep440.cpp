#include "sources/pep440.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace imgforge::sources {
namespace {

// Reads from the front of a lower-case version.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool separator() { return take('.') || take('-') || take('_'); }
  std::optional<std::uint64_t> number() {
    const std::size_t n = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    const auto value = base::parse_uint(rest_.substr(0, n));
    if (value) rest_.remove_prefix(n);
    return value;
  }
  std::uint64_t number_after_separator() {
    const std::string_view before = rest_;
    separator();
    if (const auto value = number()) return *value;
    rest_ = before;
    return 0;
  }
  std::string_view rest() const { return rest_; }
  void reset(std::string_view rest) { rest_ = rest; }

 private:
  std::string_view rest_;
};

constexpr std::array<std::pair<std::string_view, int>, 8> kPhases{{{"alpha", 0},
                                                                   {"beta", 1},
                                                                   {"preview", 2},
                                                                   {"pre", 2},
                                                                   {"rc", 2},
                                                                   {"a", 0},
                                                                   {"b", 1},
                                                                   {"c", 2}}};

// Numeric segments are greater than words, and compare as numbers (PEP 440, local versions).
std::strong_ordering compare_local(const std::string& a, const std::string& b) {
  const auto x = base::parse_uint(a), y = base::parse_uint(b);
  if (x && y) return *x <=> *y;
  if (x.has_value() != y.has_value()) return x.has_value() <=> y.has_value();
  return a <=> b;
}

}  // namespace

std::optional<PythonVersion> PythonVersion::parse(std::string_view text) {
  const std::string lower = base::to_lower(base::trim(text));
  Reader in(lower);
  in.take('v');
  PythonVersion version;
  const std::string_view start = in.rest();
  auto first = in.number();
  if (!first) return std::nullopt;
  if (in.take('!')) {
    version.epoch_ = *first;
  } else {
    in.reset(start);
  }
  do {
    const std::string_view before = in.rest();
    const auto number = in.number();
    if (!number) {
      if (version.release_.empty()) return std::nullopt;
      in.reset(std::string_view(before.data() - 1, before.size() + 1));  // the dot again
      break;
    }
    version.release_.push_back(*number);
  } while (in.take('.'));
  version.written_ = version.release_.size();
  while (version.release_.size() > 1 && version.release_.back() == 0) version.release_.pop_back();

  std::string_view before = in.rest();
  in.separator();
  for (const auto& [word, phase] : kPhases) {
    if (!in.take(word)) continue;
    version.pre_phase_ = phase;
    version.pre_ = in.number_after_separator();
    break;
  }
  if (version.pre_phase_ < 0) in.reset(before);

  before = in.rest();
  if (in.take('-')) {
    if (const auto number = in.number()) version.post_ = static_cast<std::int64_t>(*number);
  }
  if (version.post_ < 0) {
    in.reset(before);
    in.separator();
    if (in.take("post") || in.take("rev") || in.take("r")) {
      version.post_ = static_cast<std::int64_t>(in.number_after_separator());
    } else {
      in.reset(before);
    }
  }
  before = in.rest();
  in.separator();
  if (in.take("dev")) {
    version.dev_ = static_cast<std::int64_t>(in.number_after_separator());
  } else {
    in.reset(before);
  }
  if (in.take('+')) {
    std::string local(in.rest());
    std::replace_if(
        local.begin(), local.end(), [](char c) { return c == '-' || c == '_'; }, '.');
    for (const std::string_view part : base::split(local, '.')) {
      if (part.empty() || part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789") !=
                              std::string_view::npos) {
        return std::nullopt;
      }
      version.local_.emplace_back(part);
    }
    in.reset({});
  }
  if (!in.done()) return std::nullopt;
  return version;
}

std::strong_ordering PythonVersion::operator<=>(const PythonVersion& other) const {
  if (const auto c = epoch_ <=> other.epoch_; c != 0) return c;
  if (const auto c = std::lexicographical_compare_three_way(
          release_.begin(), release_.end(), other.release_.begin(), other.release_.end());
      c != 0) {
    return c;
  }
  // 1.0.dev1 < 1.0a1.dev1 < 1.0a1 < 1.0rc1 < 1.0 < 1.0.post1.dev1 < 1.0.post1
  const auto phase = [](const PythonVersion& v) {
    if (v.pre_phase_ >= 0) return v.pre_phase_;
    return v.post_ < 0 && v.dev_ >= 0 ? -1 : 3;
  };
  if (const auto c = phase(*this) <=> phase(other); c != 0) return c;
  if (const auto c = pre_ <=> other.pre_; c != 0) return c;
  if (const auto c = post_ <=> other.post_; c != 0) return c;
  if (dev_ != other.dev_) {
    if (dev_ < 0) return std::strong_ordering::greater;
    if (other.dev_ < 0) return std::strong_ordering::less;
    return dev_ <=> other.dev_;
  }
  for (std::size_t i = 0; i < std::min(local_.size(), other.local_.size()); ++i) {
    if (const auto c = compare_local(local_[i], other.local_[i]); c != 0) return c;
  }
  return local_.size() <=> other.local_.size();
}

PythonVersion PythonVersion::without_local() const {
  PythonVersion copy = *this;
  copy.local_.clear();
  return copy;
}

std::vector<std::uint64_t> PythonVersion::release(std::size_t count) const {
  std::vector<std::uint64_t> out = release_;
  out.resize(std::max({count, written_, out.size()}), 0);
  return out;
}

bool PythonVersion::begins_with(const PythonVersion& prefix) const {
  if (epoch_ != prefix.epoch_) return false;
  const auto mine = release(prefix.written_);
  const auto wanted = prefix.release(prefix.written_);
  return std::equal(wanted.begin(), wanted.begin() + static_cast<long>(prefix.written_),
                    mine.begin());
}

bool satisfies(const PythonVersion& version, std::string_view specifiers) {
  for (std::string_view one : base::split(specifiers, ',')) {
    one = base::trim(one);
    if (one.empty()) continue;
    const std::size_t length = std::min(one.find_first_not_of("<>=!~"), one.size());
    const std::string_view op = one.substr(0, length);
    std::string_view text = base::trim(one.substr(length));
    if (op == "===") {
      const auto exact = PythonVersion::parse(text);
      if (!exact || !(version == *exact)) return false;
      continue;
    }
    const bool prefix = text.ends_with(".*");
    if (prefix) text.remove_suffix(2);
    const auto wanted = PythonVersion::parse(text);
    if (!wanted || (prefix && op != "==" && op != "!=")) return false;
    const PythonVersion mine = wanted->has_local() ? version : version.without_local();
    bool good = false;
    if (op == "==") {
      good = prefix ? mine.begins_with(*wanted) : mine == *wanted;
    } else if (op == "!=") {
      good = prefix ? !mine.begins_with(*wanted) : !(mine == *wanted);
    } else if (op == ">=") {
      good = mine >= *wanted;
    } else if (op == "<=") {
      good = mine <= *wanted;
    } else if (op == ">") {
      // A post release or local version of the same is not "greater" (PEP 440).
      good =
          mine > *wanted && !(wanted->post_ < 0 && mine.post_ >= 0 &&
                              mine.release_ == wanted->release_ && mine.epoch_ == wanted->epoch_);
    } else if (op == "<") {
      good =
          mine < *wanted && !(!wanted->is_prerelease() && mine.is_prerelease() &&
                              mine.release_ == wanted->release_ && mine.epoch_ == wanted->epoch_);
    } else if (op == "~=") {
      PythonVersion family = *wanted;
      if (family.written_ < 2) return false;
      family.release_ = family.release(family.written_);
      family.release_.pop_back();
      --family.written_;
      good = mine >= *wanted && mine.begins_with(family);
    }
    if (!good) return false;
  }
  return true;
}

}  // namespace imgforge::sources

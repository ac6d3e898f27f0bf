// Version numbers as drivers, CUDA, cuDNN and torch write them: whole numbers with dots. Anything
// after the numbers ("+cu124", "-5~deb12u1", "rc1") does not count.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::gpu {

class Version {
 public:
  Version() = default;
  /// Empty when the text does not begin with a digit.
  explicit Version(std::string_view text);

  bool empty() const { return parts_.empty(); }
  std::uint64_t major_number() const { return parts_.empty() ? 0 : parts_[0]; }
  /// "12.4.127" -> "12.4"; "12" -> "12".
  std::string minor_text() const;
  /// Whether this has all parts of `prefix`: 9.1.0.70 begins with 9.1 and with 9, not with 9.10.
  bool begins_with(const Version& prefix) const;

  /// Missing parts count as zero: 525 == 525.0.
  std::strong_ordering operator<=>(const Version& other) const;
  bool operator==(const Version& other) const { return (*this <=> other) == 0; }

 private:
  std::vector<std::uint64_t> parts_;
};

/// "11.8" from "cu118", "12.4" from "cu124", "13.0" from "cu130"; empty when it is none of these.
std::string cuda_of_variant(std::string_view variant);
/// "cu118" from "11.8".
std::string variant_of_cuda(std::string_view cuda);

}  // namespace imgforge::gpu

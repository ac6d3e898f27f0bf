#include "gpu/version.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::gpu {

Version::Version(std::string_view text) {
  for (;;) {
    std::size_t digits = 0;
    while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
    const auto number = base::parse_uint(text.substr(0, digits));
    if (!number) return;
    parts_.push_back(*number);
    text.remove_prefix(digits);
    if (!text.starts_with('.')) return;
    text.remove_prefix(1);
  }
}

std::string Version::minor_text() const {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(parts_.size(), 2); ++i) {
    if (i > 0) text += '.';
    text += std::to_string(parts_[i]);
  }
  return text;
}

bool Version::begins_with(const Version& prefix) const {
  return prefix.parts_.size() <= parts_.size() &&
         std::equal(prefix.parts_.begin(), prefix.parts_.end(), parts_.begin());
}

std::strong_ordering Version::operator<=>(const Version& other) const {
  const std::size_t count = std::max(parts_.size(), other.parts_.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t mine = i < parts_.size() ? parts_[i] : 0;
    const std::uint64_t theirs = i < other.parts_.size() ? other.parts_[i] : 0;
    if (mine != theirs) return mine <=> theirs;
  }
  return std::strong_ordering::equal;
}

std::string cuda_of_variant(std::string_view variant) {
  if (!variant.starts_with("cu")) return {};
  const std::string_view digits = variant.substr(2);
  if (digits.size() < 2 || digits.size() > 4 || !base::parse_uint(digits)) return {};
  // The last digit is the minor number: cu92, cu118, cu124, cu130.
  return std::string(digits.substr(0, digits.size() - 1)) + "." + digits.back();
}

std::string variant_of_cuda(std::string_view cuda) {
  return "cu" + base::replace_all(Version(cuda).minor_text(), ".", "");
}

}  // namespace imgforge::gpu

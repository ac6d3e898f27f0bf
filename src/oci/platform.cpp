#include <algorithm>
#include <vector>

#include "base/text.h"
#include "oci/descriptor.h"

namespace imgforge::oci {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  });
}

/// What `uname -m` says, and what Go (and so the image-spec) says for it.
std::string_view go_architecture(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return {};
}

}  // namespace

Result<Platform> Platform::parse(std::string_view text) {
  const auto parts = base::split(text, '/');
  if (parts.size() < 2 || parts.size() > 3 || !std::all_of(parts.begin(), parts.end(), is_word)) {
    return fail(Error(Errc::invalid, "\"" + std::string(text) + "\" is not a platform")
                    .hint("write it like linux/amd64 or linux/arm64/v8"));
  }
  if (const auto known = go_architecture(parts[1]); !known.empty()) {
    return fail(Error(Errc::invalid, "\"" + std::string(parts[1]) + "\" in the platform \"" +
                                         std::string(text) + "\" is not an architecture's name")
                    .hint("write " + std::string(parts[0]) + "/" + std::string(known)));
  }
  Platform platform;
  platform.os = parts[0];
  platform.architecture = parts[1];
  if (parts.size() == 3) platform.variant = parts[2];
  return platform;
}

std::string Platform::to_string() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

}  // namespace imgforge::oci

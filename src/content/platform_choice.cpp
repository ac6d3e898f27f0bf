#include "content/platform_choice.h"

#include <fmt/format.h>

#include <set>

#include "base/text.h"
#include "oci/graph.h"

namespace imgforge::content {
namespace {

bool is_image(const oci::Descriptor& entry) {
  return (oci::is_manifest(entry.media_type) || oci::is_index(entry.media_type)) &&
         entry.platform && !entry.platform->os.empty() && entry.platform->os != "unknown" &&
         entry.platform->architecture != "unknown";
}

// The variant that an architecture has when none is named (containerd's platforms package).
std::string plain_variant(const std::string& architecture) {
  if (architecture == "arm64") return "v8";
  if (architecture == "arm") return "v7";
  return architecture == "amd64" ? "v1" : "";
}

}  // namespace

Result<oci::Descriptor> choose_platform(const oci::Index& index, const oci::Platform& wanted,
                                        const std::string& name) {
  const std::string plain = plain_variant(wanted.architecture);
  const auto variant_of = [&](const oci::Platform& platform) {
    return platform.variant.empty() ? plain : platform.variant;
  };
  const oci::Descriptor* second_choice = nullptr;
  std::set<std::string> there;
  for (const oci::Descriptor& entry : index.manifests) {
    if (!is_image(entry)) continue;
    there.insert(entry.platform->to_string());
    if (entry.platform->os != wanted.os || entry.platform->architecture != wanted.architecture) {
      continue;
    }
    if (variant_of(*entry.platform) == variant_of(wanted)) return entry;
    if (wanted.variant.empty() && second_choice == nullptr) second_choice = &entry;
  }
  if (second_choice != nullptr) return *second_choice;
  return fail(
      Error(Errc::not_found, fmt::format("{} has no image for {}", name, wanted.to_string()))
          .hint(there.empty()
                    ? "its index names no platform"
                    : "it has images for " + base::join({there.begin(), there.end()}, ", ")));
}

}  // namespace imgforge::content

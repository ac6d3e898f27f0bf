#include "store/index_json.h"

#include <algorithm>

#include "base/json.h"

namespace imgforge::store {
namespace {

using base::Json;

// Only after parse_index() has accepted the document: entries are objects with string annotations.
std::string name_in(const Json& entry) {
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return "";
  return annotations->value(kRefName, "");
}

std::string digest_in(const Json& entry) { return entry.value("digest", ""); }

Result<Json> read(std::string_view text) {
  TRY(oci::parse_index(text));
  Json index = TRY(base::parse_json(text, "the image index"));
  if (!index.contains("manifests") || index["manifests"].is_null()) {
    index["manifests"] = Json::array();
  }
  return index;
}

}  // namespace

std::string ref_name(const oci::Descriptor& entry) {
  const auto found = entry.annotations.find(kRefName);
  return found == entry.annotations.end() ? "" : found->second;
}

std::string empty_index() { return oci::to_json(oci::Index{}); }

Result<std::optional<std::string>> index_with(std::string_view text, const std::string& name,
                                              const oci::Descriptor& manifest) {
  oci::Descriptor named = manifest;
  named.annotations.erase(kRefName);
  if (!name.empty()) named.annotations[kRefName] = name;
  const Json entry = TRY(base::parse_json(oci::to_json(named), "the descriptor"));

  Json index = TRY(read(text));
  Json kept = Json::array();
  bool there = false;
  for (const Json& other : index["manifests"]) {
    const bool same_place =
        name_in(other) == name && (!name.empty() || digest_in(other) == digest_in(entry));
    there = there || other == entry;
    if (!same_place) kept.push_back(other);
  }
  if (there && kept.size() + 1 == index["manifests"].size()) return std::nullopt;
  kept.push_back(entry);
  std::stable_sort(kept.begin(), kept.end(), [](const Json& a, const Json& b) {
    return std::pair(name_in(a), digest_in(a)) < std::pair(name_in(b), digest_in(b));
  });
  index["manifests"] = std::move(kept);
  return base::canonical_json(index);
}

Result<std::optional<std::string>> index_without(std::string_view text, const std::string& name) {
  Json index = TRY(read(text));
  Json kept = Json::array();
  for (const Json& other : index["manifests"]) {
    if (name_in(other) != name) kept.push_back(other);
  }
  if (kept.size() == index["manifests"].size()) return std::nullopt;
  index["manifests"] = std::move(kept);
  return base::canonical_json(index);
}

}  // namespace imgforge::store

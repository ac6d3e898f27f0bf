// Changes to documents, for tests of what verifying notices.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "base/json.h"
#include "catch.h"
#include "sign/artifact.h"

namespace imgforge::sign {

/// Calls `look` with every copy of `text` in which one value is another: a letter of a text, a
/// number, an empty object or list that gets a member; with the JSON pointer of that value.
inline void for_each_change(
    const std::string& text,
    const std::function<void(const std::string& pointer, const std::string& changed)>& look) {
  const base::Json document = base::Json::parse(text);
  const std::function<void(const base::Json::json_pointer&)> walk =
      [&](const base::Json::json_pointer& at) {
        const base::Json& value = document[at];
        base::Json copy = document;
        if (value.is_structured() && !value.empty()) {
          for (const auto& [key, child] : value.items()) {
            walk(value.is_array() ? at / static_cast<std::size_t>(std::stoul(key)) : at / key);
          }
          return;
        }
        if (value.is_string()) {
          auto changed = value.get<std::string>();
          char& letter = changed[changed.size() / 3];
          letter = letter == 'A' ? 'B' : 'A';
          copy[at] = changed;
        } else if (value.is_number()) {
          copy[at] = value.get<std::uint64_t>() + 1;
        } else if (value.is_array()) {
          copy[at].push_back("x");
        } else {
          copy[at] = base::Json{{"x", "y"}};
        }
        look(at.to_string(), copy.dump());
      };
  walk(base::Json::json_pointer());
}

/// The artifact with `content` instead of its layer `index`, as somebody would push it who can
/// write to the registry: the manifest's descriptor fits.
inline Artifact with_layer(const Artifact& artifact, std::size_t index,
                           const std::string& content) {
  oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(artifact.manifest));
  manifest.layers[index].digest = oci::Digest::of(content);
  manifest.layers[index].size = content.size();
  Artifact out = artifact;
  out.manifest = oci::to_json(manifest);
  out.blobs.push_back(content);
  return out;
}

inline std::string layer_of(const Artifact& artifact, std::size_t index = 0) {
  const oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(artifact.manifest));
  return std::string(REQUIRE_OK(artifact.blob(manifest.layers.at(index))));
}

}  // namespace imgforge::sign

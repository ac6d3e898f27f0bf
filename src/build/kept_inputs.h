// The inputs of an image in its registry, as artifacts beside it: one blob for each input under its
// own sha256, so that a repository holds an input once however many images need it, and a build can
// be repeated when mirrors have dropped what it needs. Format: docs/formats/kept.md.
#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "content/ends.h"
#include "content/pusher.h"
#include "sources/input.h"
#include "store/store.h"

namespace imgforge::build {

inline constexpr const char* kInputsType = "application/vnd.imgforge.inputs.v1";
inline constexpr const char* kInputType = "application/vnd.imgforge.input.v1";

/// A manifest is at most 4 MiB in a registry (distribution's limit); an entry takes up to 1 KiB.
inline constexpr std::size_t kInputsPerManifest = 2000;

/// The artifacts' manifests: inputs by digest, each once, however often it is named. The same
/// inputs of the same image give the same bytes.
std::vector<content::Document> inputs_documents(const std::vector<sources::Input>& inputs,
                                                const oci::Descriptor& image);

struct KeptInput {
  oci::Descriptor blob;
  std::string name;
};
/// What such a manifest names, by digest; nothing for a manifest of another kind.
std::map<oci::Digest, KeptInput> kept_inputs(const oci::Manifest& manifest);

/// Brings them beside `image`, which is in `target`. What is there is neither read nor sent; others
/// are in the store.
Result<content::Moved> keep_inputs(const std::vector<sources::Input>& inputs,
                                   const oci::Descriptor& image, const store::Store& store,
                                   content::Target& target, const content::Pusher::Options& options,
                                   base::Progress& progress, std::stop_token stop);

/// Takes those of `wanted` that are kept into the store, verified; returns how many. Streams.
Result<std::size_t> take_kept(const std::vector<sources::Input>& wanted,
                              const std::map<oci::Digest, KeptInput>& kept, content::Origin& origin,
                              store::Store& store, std::size_t parallel, base::Progress& progress,
                              std::stop_token stop);

}  // namespace imgforge::build

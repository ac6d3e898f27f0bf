// Whether a second build gave the same image, and if not, where the two part first and what that
// usually comes from: layer by layer, file by file, then configuration and annotations.
#pragma once

#include <string>
#include <vector>

#include "build/compare.h"
#include "oci/image.h"
#include "spec/lock.h"

namespace imgforge::build {

/// An image as its documents say.
struct ImageDocuments {
  oci::Manifest manifest;
  oci::ImageConfig config;
};

struct LayerDifference {
  enum class Kind {
    missing,   // the rebuilt image lacks it
    extra,     // only the rebuilt image has it
    encoding,  // the same files in other compressed bytes
    content,
  };
  Kind kind = Kind::content;
  std::string id, layer_kind, title;
  std::string original, rebuilt;       // digests; empty where it is not
  std::vector<EntryDifference> files;  // the first ones, in the layers' order
  std::size_t file_count = 0;          // all of them
};

struct Divergence {
  std::size_t layers = 0;  // of the original
  std::vector<LayerDifference> differing;
  std::vector<std::string> config;  // "env PATH: …, …"
  bool order = false;               // the layers are the same, in another order
};

/// Pairs of layers that differ, by id: what has to be in the store before compare_images().
std::vector<oci::Descriptor> differing_layers(const oci::Manifest& original,
                                              const oci::Manifest& rebuilt);

/// Both images' differing layers are in `store`. At most `listed` files are kept of each layer.
Result<Divergence> compare_images(const ImageDocuments& original, const ImageDocuments& rebuilt,
                                  const store::Store& store, std::size_t listed);

/// Circumstances of the two builds, as far as they are known.
struct BuildCircumstances {
  std::string built_by, rebuilt_by;        // versions of imgforge; may be empty
  std::string lock_encoder, our_encoder;   // encoder ids
  std::vector<std::string> other_layers;   // layers that another lock or spec defines otherwise
  bool other_documents = false;            // not those that the image was built from
  std::vector<std::string> folder_layers;  // `files` of a folder, which no lock pins
  std::vector<std::string> executed_layers;
};

struct Cause {
  std::string first;   // the first difference, one sentence
  std::string likely;  // what it most likely comes from
  std::string remedy;  // may be empty
};
/// Pure. `divergence` is not empty.
Cause explain(const Divergence& divergence, const BuildCircumstances& circumstances);

/// "etc/motd is only in the original", "etc/motd differs in its mode 0644, 0755".
std::string sentence(const EntryDifference& difference);

/// Ids of the layers that two locks hold different inputs for, in the order of the first.
std::vector<std::string> layers_that_differ(const spec::Lock& left, const spec::Lock& right);

}  // namespace imgforge::build

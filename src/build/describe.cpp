#include "build/describe.h"

#include "build/assemble.h"

namespace imgforge::build {
namespace {

using Annotations = std::map<std::string, std::string>;

std::string annotation(const Annotations& annotations, const char* name) {
  const auto found = annotations.find(name);
  return found == annotations.end() ? std::string() : found->second;
}

}  // namespace

evidence::Image describe(const std::string& name, const oci::Descriptor& descriptor,
                         const oci::Manifest& manifest, const oci::ImageConfig& config) {
  evidence::Image image{.name = name,
                        .tag = annotation(manifest.annotations, kTagAnnotation),
                        .manifest = descriptor,
                        .created = config.created,
                        .platform = config.platform};
  for (const oci::Descriptor& blob : manifest.layers) {
    std::string kind = annotation(blob.annotations, kLayerKind);
    const bool executed = evidence::is_executed(kind);
    image.layers.push_back({.blob = blob,
                            .id = annotation(blob.annotations, kLayerId),
                            .kind = std::move(kind),
                            .title = annotation(blob.annotations, kLayerTitle),
                            .executed = executed});
  }
  return image;
}

void add_inputs(evidence::Image& image, const Plan& plan) {
  for (evidence::ImageLayer& layer : image.layers) {
    for (const PlannedLayer& planned : plan.layers) {
      if (planned.id == layer.id && planned.recipe->emits())
        layer.inputs = planned.recipe->inputs();
    }
  }
}

Result<> check_lock_of_image(const oci::Manifest& manifest, const spec::Lock& lock) {
  const std::string said = annotation(manifest.annotations, kLockAnnotation);
  if (said == "sha256:" + lock_identity(lock)) return {};
  if (said.empty()) {
    return fail(Error(Errc::mismatch, "the image does not say from which lock it was built")
                    .hint("imgforge describes images that imgforge built"));
  }
  return fail(Error(Errc::mismatch, "the image was built from another lock")
                  .with("image", said)
                  .with("lock", "sha256:" + lock_identity(lock))
                  .hint("take the lock as it was when the image was built"));
}

}  // namespace imgforge::build

#include "layer/layer_fields.h"

namespace imgforge::layer {

namespace {

std::string name_of(const document::Node& entry) {
  if (!entry.is_map()) return "the layer";
  const auto kind = entry.find("kind");
  return kind && kind->is_scalar() ? "the layer of kind " + kind->text() : "the layer";
}

}  // namespace

LayerFields::LayerFields(const document::Node& entry) : Fields(entry, name_of(entry)) {
  kind_ = text("kind");
  id_ = text_or("id", "");
  title_ = text_or("title", "");
  if (const auto words = optional_text("compression")) {
    auto encoder = archive::parse_encoder(*words);
    if (encoder) {
      compression_ = *encoder;
    } else {
      reject("compression", encoder.error().message(), encoder.error().hint());
    }
  }
}

}  // namespace imgforge::layer

// The fields of one layer entry, for the decoders of kinds: what every kind has in common (kind,
// id, title, compression) is read here, and everything else is asked for as of any
// document::Fields.
#pragma once

#include <optional>
#include <string>

#include "archive/encoder.h"
#include "document/fields.h"

namespace imgforge::layer {

class LayerFields : public document::Fields {
 public:
  /// `entry` is the whole map of the layer. Mistakes come out of finish(), as with Fields.
  explicit LayerFields(const document::Node& entry);

  const std::string& kind() const { return kind_; }
  /// The layer's name within its spec; empty when the author gave none.
  const std::string& id() const { return id_; }
  /// The author's words for tables and history; empty when there are none.
  const std::string& title() const { return title_; }
  /// Of this layer; nullopt: the image's.
  const std::optional<archive::Encoder>& compression() const { return compression_; }

 private:
  std::string kind_;
  std::string id_;
  std::string title_;
  std::optional<archive::Encoder> compression_;
};

}  // namespace imgforge::layer

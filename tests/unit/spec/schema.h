// One of the published JSON Schemas, checked by valijson.
#pragma once

#include <memory>
#include <string>

#include "document/node.h"

class Schema {
 public:
  /// "spec.schema.json", in docs/schema.
  explicit Schema(const std::string& name);
  ~Schema();

  /// What is wrong; empty when nothing is.
  std::string check(const imgforge::document::Node& node) const;
  std::string check(const std::string& yaml) const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

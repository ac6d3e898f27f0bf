// The payload of cosign's legacy signatures: "simple signing". Source: cosign specs,
// SIGNATURE_SPEC.md; containers/image, containers-signature(5).
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/error.h"
#include "oci/digest.h"

namespace imgforge::sign {

struct SimpleSigning {
  /// "host/repository" without a tag: where it was signed. An image that was copied keeps it.
  std::string docker_reference;
  oci::Digest manifest;
  std::map<std::string, std::string> annotations;
};

std::string to_json(const SimpleSigning& payload);
/// Errc::invalid when it is no payload of a cosign signature.
Result<SimpleSigning> parse_simple_signing(std::string_view json);

}  // namespace imgforge::sign

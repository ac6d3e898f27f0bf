// What the tests of this room share: files under vectors/, and an image to sign.
#pragma once

#include <string>

#include "base/file.h"
#include "base/text.h"
#include "catch.h"
#include "sign/artifact.h"
#include "sign/certificate.h"
#include "sign/key_file.h"
#include "sign/verify.h"

namespace imgforge::sign {

inline const char* const kPassphrase = "imgforge-test";

/// A file by its path under vectors/; documents/ may be left out.
inline std::string vector(const std::string& name) {
  const std::string folder = name.find('/') == std::string::npos ? "documents/" : "";
  return REQUIRE_OK(
      base::read_file(IMGFORGE_SOURCE_DIR "/tests/unit/sign/vectors/" + folder + name));
}

inline SigningKey signing_key(const std::string& name = "p256.pkcs8.pem") {
  const Secret passphrase{kPassphrase};
  return REQUIRE_OK(parse_signing_key(vector("keys/" + name), &passphrase, name));
}

inline VerificationKey verification_key(const std::string& name) {
  return REQUIRE_OK(VerificationKey::parse(vector(name), name));
}

inline std::vector<Certificate> chain(const std::string& name) {
  return REQUIRE_OK(parse_certificates(vector("chains/" + name), name));
}

/// The image that the vectors sign.
inline oci::Descriptor image() {
  return oci::describe(oci::media_type::kManifest, vector("image-manifest.json"));
}
inline oci::Descriptor other_image() { return oci::describe(oci::media_type::kManifest, "another"); }

inline base::Seconds at(const char* time) { return REQUIRE_OK(base::parse_time(time)); }

inline TrustRoots trust(std::vector<TrustedKey> keys,
                        std::vector<TrustedAuthority> authorities = {}) {
  return {std::move(keys), std::move(authorities)};
}

}  // namespace imgforge::sign

// Any bytes as each document that a registry may hand to a verifier: what is accepted is written
// back as a document that reads the same, and nothing passes a signature check.
#include <cstdint>
#include <cstdlib>

#include "oci/artifact.h"
#include "sign/bundle.h"
#include "sign/jws.h"
#include "sign/simple_signing.h"
#include "sign/statement.h"
#include "sign/verify.h"

using namespace imgforge;

namespace {

void require(bool promise) {
  if (!promise) std::abort();
}

void as_statement(std::string_view text) {
  const auto statement = sign::parse_statement(text);
  if (!statement) return;
  const auto written = sign::to_json(*statement);
  require(written.has_value());
  const auto again = sign::parse_statement(*written);
  require(again && again->predicate == statement->predicate &&
          again->predicate_type == statement->predicate_type &&
          again->subjects.size() == statement->subjects.size());
}

void as_simple_signing(std::string_view text) {
  const auto payload = sign::parse_simple_signing(text);
  if (!payload) return;
  const auto again = sign::parse_simple_signing(sign::to_json(*payload));
  require(again && again->manifest == payload->manifest &&
          again->annotations == payload->annotations);
}

void as_envelope(std::string_view text) {
  const auto envelope = sign::parse_envelope(text);
  if (!envelope) return;
  const auto again = sign::parse_envelope(sign::to_json(*envelope));
  require(again && again->payload == envelope->payload &&
          again->signatures.size() == envelope->signatures.size());
}

void as_bundle(std::string_view text) {
  const auto bundle = sign::parse_bundle(text);
  if (!bundle) return;
  const auto again = sign::parse_bundle(sign::to_json(*bundle));
  require(again && again->key_hint == bundle->key_hint &&
          again->envelope.payload == bundle->envelope.payload);
}

// Nobody is trusted, so nothing may come out as signed.
void as_artifact(std::string_view text) {
  sign::Artifact artifact;
  artifact.manifest = std::string(text);
  artifact.blobs = {std::string(text)};
  const auto subject = oci::describe(oci::media_type::kManifest, "{}");
  const auto found = sign::verify({&artifact, 1}, subject, {}, base::Seconds{1764028800});
  require(found.signatures.empty() && found.attestations.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  as_statement(text);
  as_simple_signing(text);
  as_envelope(text);
  as_bundle(text);
  as_artifact(text);
  (void)sign::open_jws(text);
  (void)sign::parse_certificates(text, "fuzz.pem");
  (void)sign::Certificate::parse_der(text, "fuzz.der");
  return 0;
}

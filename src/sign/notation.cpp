// payload  = {"targetArtifact": descriptor with "annotations"}
// manifest = config of type kNotationSignature (the form that Harbor recognises from 2.8 on), one
//            layer of type application/jose+json, subject, annotations
#include "sign/notation.h"

#include "base/json.h"
#include "oci/descriptor_json.h"
#include "sign/cosign.h"
#include "sign/jws.h"

namespace imgforge::sign {
namespace {

using base::Json;
using base::JsonReader;

constexpr const char* kThumbprints = "io.cncf.notary.x509chain.thumbprint#S256";

}  // namespace

Result<Artifact> sign_with_notation(const oci::Descriptor& subject, const SigningKey& key,
                                    const std::vector<Certificate>& chain,
                                    const NotationOptions& options) {
  const oci::Descriptor target{
      subject.media_type, subject.digest, subject.size, options.annotations, {}, {}};
  JwsEnvelope envelope;
  envelope.payload = base::canonical_json({{"targetArtifact", oci::descriptor_to_json(target)}});
  envelope.chain = chain;
  envelope.signing_time = options.signing_time;
  envelope.expiry = options.expiry;
  envelope.agent = options.agent;
  const std::string content = TRY(sign_jws(envelope, key));

  Json thumbprints = Json::array();
  for (const Certificate& certificate : chain) thumbprints.push_back(certificate.fingerprint());
  oci::Manifest manifest;
  manifest.config = oci::describe(media_type::kNotationSignature, oci::kEmptyJson);
  manifest.layers = {oci::describe(media_type::kJws, content)};
  manifest.subject = oci::Descriptor{subject.media_type, subject.digest, subject.size, {}, {}, {}};
  manifest.annotations = {{kThumbprints, base::canonical_json(thumbprints)},
                          {annotation::kCreated, base::format_time(options.signing_time)}};
  Artifact artifact;
  artifact.manifest = oci::to_json(manifest);
  artifact.blobs = {oci::kEmptyJson, content};
  return artifact;
}

Result<NotationSignature> open_notation(std::string_view content, base::Seconds now) {
  JwsEnvelope envelope = TRY(open_jws(content));
  TRY(check_chain(envelope.chain));
  if (envelope.expiry && *envelope.expiry < now) {
    return fail(Error(Errc::mismatch, "the notation signature of " +
                                          envelope.chain.front().subject() + " expired on " +
                                          base::format_time(*envelope.expiry))
                    .hint("sign the image again"));
  }
  auto valid = check_validity(envelope.chain, now);
  if (!valid && envelope.has_timestamp) {
    return fail(std::move(valid.error()).hint("its countersigned timestamp is not evaluated here"));
  }
  TRY(std::move(valid));
  const Json json = TRY(base::parse_json(envelope.payload, "the notation payload"));
  JsonReader reader(json, "payload");
  auto target = reader.object("targetArtifact");
  TRY(reader.finish_tolerant());
  oci::Descriptor descriptor = TRY(oci::read_descriptor(*target));
  return NotationSignature{std::move(descriptor), std::move(envelope.chain), envelope.signing_time};
}

}  // namespace imgforge::sign

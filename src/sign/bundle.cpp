// bundle   = {"mediaType": version, "verificationMaterial": material, "dsseEnvelope": envelope}
// material = {"publicKey": {"hint": text}} | {"certificate": ...} | {"x509CertificateChain": ...}
//            and "tlogEntries", "timestampVerificationData", which are not looked at
#include "sign/bundle.h"

#include "sign/artifact.h"
#include "sign/dsse_json.h"

namespace imgforge::sign {

using base::Json;
using base::JsonReader;

namespace {

bool is_known_version(std::string_view type) {
  constexpr std::string_view kOld = "application/vnd.dev.sigstore.bundle+json;version=0.";
  if (type.starts_with(kOld)) {
    const std::string_view minor = type.substr(kOld.size());
    return minor == "1" || minor == "2" || minor == "3";
  }
  return type == media_type::kSigstoreBundle;
}

}  // namespace

std::string to_json(const Bundle& bundle) {
  return base::canonical_json(
      {{"mediaType", media_type::kSigstoreBundle},
       {"verificationMaterial", {{"publicKey", {{"hint", bundle.key_hint}}}}},
       {"dsseEnvelope", envelope_to_json(bundle.envelope)}});
}

Result<Bundle> parse_bundle(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the sigstore bundle"));
  JsonReader reader(json, "bundle");
  const std::string type = reader.text("mediaType");
  if (!is_known_version(type)) {
    reader.reject("mediaType", "is no version of the sigstore bundle known here: " + type);
  }
  auto material = reader.object("verificationMaterial");
  const bool is_message = json.is_object() && json.contains("messageSignature");
  auto envelope = reader.object("dsseEnvelope", !is_message);
  TRY(reader.finish_tolerant());
  if (is_message) {
    return fail(Errc::unsupported,
                "the sigstore bundle is over a plain file, and not over an image");
  }
  Bundle bundle;
  if (auto key = material->object("publicKey", false)) {
    bundle.key_hint = key->text_or("hint", "");
    TRY(key->finish_tolerant());
  } else {
    TRY(material->finish_tolerant());
    return fail(Error(Errc::unsupported, "the sigstore bundle is signed without a key (keyless)")
                    .hint("imgforge verifies signatures by keys: cosign sign --key"));
  }
  bundle.envelope = TRY(read_envelope(*envelope));
  if (bundle.envelope.signatures.size() != 1) {
    return fail(Errc::invalid, "a sigstore bundle must have exactly one signature");
  }
  return bundle;
}

}  // namespace imgforge::sign

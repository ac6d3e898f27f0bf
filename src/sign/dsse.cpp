// envelope  = {"payloadType": text, "payload": base64, "signatures": [signature...]}
// signature = {"keyid"?: text, "sig": base64}
#include "sign/dsse.h"

#include "base/text.h"
#include "sign/dsse_json.h"

namespace imgforge::sign {

using base::Json;
using base::JsonReader;

namespace {
constexpr std::size_t kMaximumSignatures = 16;  // each costs a verification per trusted key
}

std::string pre_authentication_encoding(std::string_view type, std::string_view body) {
  std::string out = "DSSEv1 " + std::to_string(type.size()) + " ";
  out.append(type).append(" " + std::to_string(body.size()) + " ").append(body);
  return out;
}

Result<Envelope> sign_envelope(std::string type, std::string payload, const SigningKey& key) {
  std::string signature = TRY(key.sign(pre_authentication_encoding(type, payload), Scheme::cosign));
  return Envelope{std::move(type), std::move(payload), {{"", std::move(signature)}}};
}

Result<> verify_envelope(const Envelope& envelope, const VerificationKey& key) {
  const std::string message = pre_authentication_encoding(envelope.payload_type, envelope.payload);
  Result<> last = fail(Errc::mismatch, "the envelope bears no signature");
  for (const Envelope::Signature& signature : envelope.signatures) {
    last = key.verify(message, signature.bytes, Scheme::cosign);
    if (last) return last;
  }
  return last;
}

std::string read_base64(JsonReader& reader, const char* key) {
  auto bytes = base::from_base64(reader.text(key));
  if (!bytes) reader.reject(key, "is not base64");
  return std::move(bytes).value_or("");
}

Json envelope_to_json(const Envelope& envelope) {
  Json signatures = Json::array();
  for (const Envelope::Signature& signature : envelope.signatures) {
    Json json = {{"sig", base::to_base64(base::as_bytes(signature.bytes))}};
    if (!signature.key_id.empty()) json["keyid"] = signature.key_id;
    signatures.push_back(std::move(json));
  }
  return {{"payloadType", envelope.payload_type},
          {"payload", base::to_base64(base::as_bytes(envelope.payload))},
          {"signatures", std::move(signatures)}};
}

Result<Envelope> read_envelope(JsonReader& reader) {
  Envelope envelope;
  envelope.payload_type = reader.text("payloadType");
  envelope.payload = read_base64(reader, "payload");
  for (JsonReader& item : reader.objects("signatures")) {
    Envelope::Signature signature;
    signature.key_id = item.text_or("keyid", "");
    signature.bytes = read_base64(item, "sig");
    TRY(item.finish_tolerant());
    envelope.signatures.push_back(std::move(signature));
  }
  if (envelope.signatures.empty()) reader.reject("signatures", "is empty");
  if (envelope.signatures.size() > kMaximumSignatures) {
    reader.reject("signatures", "has more than 16 entries");
  }
  TRY(reader.finish_tolerant());
  return envelope;
}

std::string to_json(const Envelope& envelope) {
  return base::canonical_json(envelope_to_json(envelope));
}

Result<Envelope> parse_envelope(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the DSSE envelope"));
  JsonReader reader(json, "envelope");
  return read_envelope(reader);
}

}  // namespace imgforge::sign

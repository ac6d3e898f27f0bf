// envelope  = {"payload": base64url, "protected": base64url of protected, "signature": base64url,
//              "header": {"x5c": [base64 DER, leaf first...], "io.cncf.notary.signingAgent"?,
//                         "io.cncf.notary.timestampSignature"?}}
// protected = {"alg": "PS256" | ..., "cty": kContentType, "crit": [names...],
//              "io.cncf.notary.signingScheme": "notary.x509",
//              "io.cncf.notary.signingTime": RFC 3339, "io.cncf.notary.expiry"?: RFC 3339}
// signed    = ASCII(protected) "." ASCII(payload)
#include "sign/jws.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::sign {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::string_view kContentType = "application/vnd.cncf.notary.payload.v1+json";
constexpr std::string_view kScheme = "notary.x509";
constexpr const char* kSchemeHeader = "io.cncf.notary.signingScheme";
constexpr const char* kTimeHeader = "io.cncf.notary.signingTime";
constexpr const char* kExpiryHeader = "io.cncf.notary.expiry";
constexpr const char* kAgentHeader = "io.cncf.notary.signingAgent";
constexpr const char* kTimestampHeader = "io.cncf.notary.timestampSignature";
constexpr std::size_t kMaximumChain = 16;

std::string base64url(std::string_view text) { return base::to_base64url(base::as_bytes(text)); }

Result<std::string> decode(std::string_view text, const char* what) {
  auto bytes = base::from_base64(text);
  if (!bytes) return fail(Errc::invalid, std::string(what) + " of the JWS is not base64url");
  return std::move(*bytes);
}

base::Seconds read_time(JsonReader& reader, const char* key) {
  const std::string text = reader.text(key);
  const auto time = base::parse_time(text);
  if (!time || text.find('T') == std::string::npos) {
    reader.reject(key, "is not a time in RFC 3339");
    return {};
  }
  return *time;
}

Result<std::vector<Certificate>> read_chain(JsonReader& header) {
  const std::vector<std::string> texts = header.texts("x5c");
  TRY(header.finish_tolerant());
  if (texts.empty() || texts.size() > kMaximumChain) {
    return fail(Errc::invalid, "the JWS must carry between 1 and 16 certificates");
  }
  std::vector<Certificate> chain;
  for (const std::string& text : texts) {
    const std::string name =
        "certificate " + std::to_string(chain.size() + 1) + " of the signature";
    chain.push_back(TRY(Certificate::parse_der(TRY(decode(text, "a certificate")), name)));
  }
  return chain;
}

// RFC 7515 section 4.1.11: whoever does not understand a critical header refuses.
Result<> check_critical(const std::vector<std::string>& critical, bool has_expiry) {
  const auto lists = [&](const char* name) {
    return std::find(critical.begin(), critical.end(), name) != critical.end();
  };
  for (const std::string& name : critical) {
    if (name != kSchemeHeader && name != kExpiryHeader) {
      return fail(Errc::unsupported,
                  "the notation signature has the critical header " + name + ", unknown here");
    }
  }
  if (!lists(kSchemeHeader) || lists(kExpiryHeader) != has_expiry) {
    return fail(Errc::invalid, "the notation signature does not mark its headers as critical");
  }
  return {};
}

Result<std::string> read_protected(std::string_view text, JwsEnvelope& envelope) {
  const Json json = TRY(base::parse_json(text, "the JWS protected header"));
  JsonReader reader(json, "protected");
  std::string algorithm = reader.text("alg");
  if (reader.text("cty") != kContentType) reader.reject("cty", "is not notation's payload");
  const std::vector<std::string> critical = reader.texts("crit");
  const std::string scheme = reader.text(kSchemeHeader);
  TRY(reader.finish_tolerant());
  if (scheme != kScheme) {
    return fail(Errc::unsupported, "the notation signing scheme " + scheme +
                                       " is not notary.x509, the one known here");
  }
  envelope.signing_time = read_time(reader, kTimeHeader);
  const bool has_expiry = json.contains(kExpiryHeader);
  if (has_expiry) envelope.expiry = read_time(reader, kExpiryHeader);
  TRY(reader.finish_tolerant());
  TRY(check_critical(critical, has_expiry));
  return algorithm;
}

}  // namespace

Result<std::string> sign_jws(const JwsEnvelope& envelope, const SigningKey& key) {
  TRY(check_chain(envelope.chain));
  TRY(check_validity(envelope.chain, envelope.signing_time));
  if (!(envelope.chain.front().key() == key.public_key())) {
    return fail(Error(Errc::invalid, "the certificate " + envelope.chain.front().subject() +
                                         " belongs to another key")
                    .hint("the first certificate must be that of the signing key"));
  }
  Json critical = {kSchemeHeader};
  const std::string algorithm = TRY(key.public_key().jws_algorithm());
  Json header = {{"alg", algorithm},
                 {"cty", kContentType},
                 {kSchemeHeader, kScheme},
                 {kTimeHeader, base::format_time(envelope.signing_time)}};
  if (envelope.expiry) {
    if (*envelope.expiry <= envelope.signing_time) {
      return fail(Errc::invalid, "the signature would expire before it is made");
    }
    header[kExpiryHeader] = base::format_time(*envelope.expiry);
    critical.push_back(kExpiryHeader);
  }
  header["crit"] = std::move(critical);
  const std::string guarded = base64url(base::canonical_json(header));
  const std::string payload = base64url(envelope.payload);
  const std::string signature = TRY(key.sign(guarded + "." + payload, Scheme::jws));
  Json chain = Json::array();
  for (const Certificate& certificate : envelope.chain) {
    chain.push_back(base::to_base64(base::as_bytes(certificate.der())));
  }
  Json open = {{"x5c", std::move(chain)}};
  if (!envelope.agent.empty()) open[kAgentHeader] = envelope.agent;
  return base::canonical_json({{"payload", payload},
                               {"protected", guarded},
                               {"signature", base64url(signature)},
                               {"header", std::move(open)}});
}

Result<JwsEnvelope> open_jws(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the notation signature"));
  JsonReader reader(json, "jws");
  const std::string payload = reader.text("payload");
  const std::string guarded = reader.text("protected");
  const std::string signature = reader.text("signature");
  auto header = reader.object("header");
  TRY(reader.finish_tolerant());
  JwsEnvelope envelope;
  envelope.agent = header->text_or(kAgentHeader, "");
  envelope.has_timestamp = header->value(kTimestampHeader, false).is_string();
  envelope.chain = TRY(read_chain(*header));
  const std::string algorithm =
      TRY(read_protected(TRY(decode(guarded, "the protected header")), envelope));
  const VerificationKey& key = envelope.chain.front().key();
  if (algorithm != TRY(key.jws_algorithm())) {
    return fail(Errc::mismatch, "the JWS algorithm " + algorithm + " is not that of the key in " +
                                    envelope.chain.front().subject());
  }
  const std::string signature_bytes = TRY(decode(signature, "the signature"));
  TRY(key.verify(guarded + "." + payload, signature_bytes, Scheme::jws));
  envelope.payload = TRY(decode(payload, "the payload"));
  return envelope;
}

}  // namespace imgforge::sign

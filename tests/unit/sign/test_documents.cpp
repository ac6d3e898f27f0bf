#include "base/json.h"
#include "error_text.h"
#include "fixtures.h"
#include "sign/bundle.h"
#include "sign/dsse.h"
#include "sign/simple_signing.h"
#include "sign/statement.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

template <class T>
std::string refusal(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return std::string(base::to_string(result.error().code())) + ": " + result.error().summary();
}

}  // namespace

TEST_CASE("the encoding that DSSE signs") {
  // The example of DSSE v1.0, protocol.md.
  CHECK(pre_authentication_encoding("http://example.com/HelloWorld", "hello world") ==
        "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  CHECK(pre_authentication_encoding("", "") == "DSSEv1 0  0 ");
  const std::string binary("\0\n", 2);
  CHECK(pre_authentication_encoding("t", binary) == "DSSEv1 1 t 2 " + binary);
}

TEST_CASE("an envelope is signed, written, read and verified") {
  const SigningKey key = signing_key();
  const Envelope envelope = REQUIRE_OK(sign_envelope(kInTotoPayload, "{\"a\":1}", key));
  const Envelope again = REQUIRE_OK(parse_envelope(to_json(envelope)));
  CHECK(again.payload == "{\"a\":1}");
  CHECK(again.payload_type == kInTotoPayload);
  CHECK(verify_envelope(again, key.public_key()));
  CHECK_FALSE(verify_envelope(again, verification_key("pub.pem")));
  Envelope other_type = again;
  other_type.payload_type = "text/plain";
  CHECK_FALSE(verify_envelope(other_type, key.public_key()));
  Envelope two = again;
  two.signatures.insert(two.signatures.begin(), {"", "not a signature"});
  CHECK(verify_envelope(two, key.public_key()));  // one good signature of several is enough
  CHECK_FALSE(verify_envelope(Envelope{}, key.public_key()));
}

TEST_CASE("envelopes that are none") {
  CHECK_THAT(refusal(parse_envelope("{}")), Contains("payloadType is missing"));
  CHECK_THAT(refusal(parse_envelope(R"({"payloadType":"t","payload":"e30=","signatures":[]})")),
             Contains("signatures is empty"));
  CHECK_THAT(
      refusal(parse_envelope(R"({"payloadType":"t","payload":"?","signatures":[{"sig":"e30="}]})")),
      Contains("payload is not base64"));
  std::string many = R"({"payloadType":"t","payload":"e30=","signatures":[)";
  for (int i = 0; i < 17; ++i) many += std::string(i == 0 ? "" : ",") + R"({"sig":"e30="})";
  CHECK_THAT(refusal(parse_envelope(many + "]}")), Contains("more than 16"));
  CHECK_THAT(refusal(parse_envelope("[]")), Contains("must be an object"));
}

TEST_CASE("a statement is written as version 1 and read as 1 and 0.1") {
  Statement statement;
  statement.subjects = {{"", {{"sha256", image().digest.hex()}}, {{"channel", "lts"}}}};
  statement.predicate_type = predicate_type::kCosignSign;
  const std::string json = REQUIRE_OK(to_json(statement));
  CHECK(json ==
        R"({"_type":"https://in-toto.io/Statement/v1","predicate":{},)"
        R"("predicateType":"https://sigstore.dev/cosign/sign/v1","subject":[{"annotations":)"
        R"({"channel":"lts"},"digest":{"sha256":")" +
            image().digest.hex() + "\"}}]}");
  const Statement again = REQUIRE_OK(parse_statement(json));
  CHECK(REQUIRE_OK(find_subject(again, image().digest)).annotations.at("channel") == "lts");
  const auto other = find_subject(again, other_image().digest);
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::mismatch);
  CHECK_THAT(other.error().message(),
             Contains(image().digest.to_string()) && Contains(other_image().digest.to_string()));

  const std::string old = base::replace_all(json, "Statement/v1", "Statement/v0.1");
  CHECK(REQUIRE_OK(parse_statement(old)).predicate_type == predicate_type::kCosignSign);
  CHECK_THAT(refusal(parse_statement(base::replace_all(json, "Statement/v1", "Statement/v2"))),
             Contains("no version of in-toto's statement known here"));
}

TEST_CASE("a digest by another algorithm names no image") {
  Statement statement;
  statement.subjects = {{"", {{"sha512", image().digest.hex()}}, {}}};
  CHECK_THAT(refusal(find_subject(statement, image().digest)),
             Contains("something without a sha256"));
  CHECK_THAT(refusal(find_subject(Statement{}, image().digest)), Contains("about nothing"));
}

TEST_CASE("predicates are objects, and keep what they say") {
  Statement statement;
  statement.predicate_type = "https://example.com/x";
  statement.predicate = R"({"z":[1,2.5,"ü"],"a":null})";
  CHECK(REQUIRE_OK(parse_statement(REQUIRE_OK(to_json(statement)))).predicate ==
        R"({"a":null,"z":[1,2.5,"ü"]})");
  for (const char* wrong : {"[]", "1", "", "{"}) {
    INFO(wrong);
    statement.predicate = wrong;
    CHECK_THAT(refusal(to_json(statement)), Contains("invalid: the predicate"));
  }
}

TEST_CASE("predicate types have short names") {
  CHECK(REQUIRE_OK(predicate_type_of("slsaprovenance1")) == "https://slsa.dev/provenance/v1");
  CHECK(REQUIRE_OK(predicate_type_of("spdxjson")) == "https://spdx.dev/Document");
  CHECK(REQUIRE_OK(predicate_type_of("https://example.com/x")) == "https://example.com/x");
  const auto slip = predicate_type_of("cyclondx");
  REQUIRE_FALSE(slip);
  CHECK(error_text(slip.error()) ==
        "\"cyclondx\" is no predicate type\nhint: did you mean cyclonedx?\n");
  CHECK_FALSE(predicate_type_of("://"));
  CHECK_FALSE(predicate_type_of("https://a b"));
  CHECK_FALSE(predicate_type_of(""));
}

TEST_CASE("bundles of cosign 3 and by hand are read, and ours are like them") {
  for (const char* name : {"bundle-cosign-3.1.1.json", "bundle-hand.json"}) {
    INFO(name);
    const Bundle bundle = REQUIRE_OK(parse_bundle(vector(name)));
    CHECK(bundle.key_hint == verification_key("pub.pem").hint());
    CHECK(verify_envelope(bundle.envelope, verification_key("pub.pem")));
    // The same members: a reader of one reads the other.
    CHECK(base::Json::parse(to_json(bundle)) == base::Json::parse(vector(name)));
  }
}

TEST_CASE("bundles that are not over an image by a key") {
  const std::string good = vector("bundle-hand.json");
  const auto changed = [&](const std::function<void(base::Json&)>& change) {
    base::Json json = base::Json::parse(good);
    change(json);
    return refusal(parse_bundle(json.dump()));
  };
  using base::Json;
  CHECK_THAT(changed([](Json& j) { j["mediaType"] = "application/json"; }),
             Contains("invalid: bundle.mediaType"));
  CHECK_THAT(changed([](Json& j) {
               j.erase("dsseEnvelope");
               j["messageSignature"] = Json::object();
             }),
             Contains("unsupported: the sigstore bundle is over a plain file"));
  CHECK_THAT(changed([](Json& j) { j.erase("dsseEnvelope"); }),
             Contains("dsseEnvelope is missing"));
  CHECK_THAT(changed([](Json& j) {
               j["verificationMaterial"] = {{"certificate", {{"rawBytes", "AAAA"}}}};
             }),
             Contains("unsupported: the sigstore bundle is signed without a key"));
  CHECK_THAT(changed([](Json& j) {
               j["dsseEnvelope"]["signatures"].push_back(j["dsseEnvelope"]["signatures"][0]);
             }),
             Contains("exactly one signature"));
  Json old = Json::parse(good);
  old["mediaType"] = "application/vnd.dev.sigstore.bundle+json;version=0.2";
  CHECK(parse_bundle(old.dump()));
}

TEST_CASE("the payload of a legacy signature") {
  const SimpleSigning payload = REQUIRE_OK(parse_simple_signing(vector("legacy-payload.json")));
  CHECK(payload.docker_reference == "127.0.0.1:15000/lib/hlegacy");
  CHECK(payload.manifest == image().digest);
  CHECK(payload.annotations == std::map<std::string, std::string>{{"channel", "lts"}});
  CHECK(to_json(payload) == base::canonical_json(base::Json::parse(vector("legacy-payload.json"))));
  const SimpleSigning bare{"h/r", image().digest, {}};
  CHECK_THAT(to_json(bare), Contains("\"optional\":null"));
  CHECK(REQUIRE_OK(parse_simple_signing(to_json(bare))).annotations.empty());
  const std::string good = vector("legacy-payload.json");
  CHECK_THAT(refusal(parse_simple_signing(
                 base::replace_all(good, "cosign container image", "atomic container"))),
             Contains("payload.critical.type is not cosign container image signature"));
  CHECK_THAT(refusal(parse_simple_signing(base::replace_all(good, "sha256:", "md5:"))),
             Contains("invalid"));
  CHECK_THAT(refusal(parse_simple_signing("{\"critical\":{}}")), Contains("type is missing"));
}

#include "fixtures.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

std::string refusal(const std::string& name) {
  const auto checked = check_chain(chain(name));
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code() == Errc::mismatch);
  return checked.error().message();
}

}  // namespace

TEST_CASE("a certificate says who it is for") {
  const Certificate leaf = chain("good.pem").front();
  CHECK(leaf.subject() == "CN=signer,O=imgforge,ST=WA,C=US");
  CHECK(leaf.key() == verification_key("keys/p256.pub.pem"));
  CHECK(leaf.not_before() < leaf.not_after());
  const auto notation = REQUIRE_OK(parse_certificates(vector("notation-leaf.crt"), "leaf"));
  CHECK(notation.front().fingerprint() ==
        "0f66a7e13a9947117f27ef3b762054df5c1d87b5b0be1eae32ff02b1b50091ac");
  CHECK(base::format_time(notation.front().not_before()) == "2026-11-22T09:52:21Z");
  CHECK(base::format_time(notation.front().not_after()) == "2026-12-02T09:52:21Z");
}

TEST_CASE("chains that may sign") {
  for (const char* name :
       {"good.pem", "good-self-signed.pem", "good-without-extended-usage.pem", "good-name.pem"}) {
    INFO(name);
    CHECK(check_chain(chain(name)));
  }
}

TEST_CASE("chains that may not sign") {
  CHECK_THAT(refusal("bad-no-root.pem"),
             Contains("ends with CN=middle") && Contains("no self-signed root"));
  CHECK_THAT(refusal("bad-gap.pem"),
             Contains("was issued by CN=middle") && Contains("not by CN=root"));
  CHECK_THAT(refusal("bad-forged.pem"), Contains("does not bear the signature of CN=root"));
  CHECK_THAT(refusal("bad-leaf-is-authority.pem"), Contains("digitalSignature alone"));
  CHECK_THAT(refusal("bad-leaf-key-encipherment.pem"), Contains("digitalSignature alone"));
  CHECK_THAT(refusal("bad-leaf-cert-sign.pem"), Contains("digitalSignature alone"));
  CHECK_THAT(refusal("bad-leaf-no-usage.pem"), Contains("it has no key usage"));
  CHECK_THAT(refusal("bad-leaf-usage-not-critical.pem"), Contains("key usage is not critical"));
  CHECK_THAT(refusal("bad-leaf-server.pem"), Contains("lacks codeSigning"));
  CHECK_THAT(refusal("bad-leaf-code-and-server.pem"), Contains("more than codeSigning"));
  CHECK_THAT(refusal("bad-leaf-any-usage.pem"), Contains("more than codeSigning"));
  CHECK_THAT(refusal("bad-leaf-unknown-critical.pem"), Contains("critical extension unknown"));
  CHECK_THAT(refusal("bad-leaf-version-1.pem"), Contains("not of version 3"));
  CHECK_THAT(refusal("bad-leaf-ed25519.pem"), Contains("its key is Ed25519"));
  CHECK_THAT(refusal("bad-leaf-sha1.pem"), Contains("not signed with SHA-256"));
  CHECK_THAT(refusal("bad-authority-not-one.pem"), Contains("stands for an authority"));
  CHECK_THAT(refusal("bad-authority-not-critical.pem"), Contains("stands for an authority"));
  CHECK_THAT(refusal("bad-authority-signs-nothing.pem"), Contains("keyCertSign"));
  CHECK_THAT(refusal("bad-path-length.pem"), Contains("path length of 0 is exceeded"));
  CHECK_THAT(refusal("bad-name.pem"), Contains("its name is not one that CN=root"));
  CHECK_FALSE(check_chain({}));
  auto reversed = chain("good.pem");
  std::swap(reversed[1], reversed[2]);
  CHECK_FALSE(check_chain(reversed));
}

TEST_CASE("a chain is valid in its time only") {
  const auto good = chain("good.pem");
  CHECK(check_validity(good, at("2050-01-01T00:00:00Z")));
  const auto late = check_validity(good, at("2300-01-01T00:00:00Z"));
  REQUIRE_FALSE(late);
  CHECK(late.error().code() == Errc::mismatch);
  CHECK_THAT(late.error().message(), Contains("CN=signer") && Contains("expired on 21"));
  const auto early = check_validity(good, at("2000-01-01T00:00:00Z"));
  REQUIRE_FALSE(early);
  CHECK_THAT(early.error().message(), Contains("is not valid before 20"));
}

TEST_CASE("subjects match by the parts that are named") {
  const Certificate leaf = chain("good.pem").front();
  const auto matches = [&](const char* wanted) {
    return REQUIRE_OK(subject_matches(leaf, wanted));
  };
  CHECK(matches("CN=signer"));
  CHECK(matches("C=US, ST=WA, O=imgforge, CN=signer"));
  CHECK(matches("cn=signer,o=imgforge"));
  CHECK_FALSE(matches("CN=Signer"));
  CHECK_FALSE(matches("CN=sign"));
  CHECK_FALSE(matches("O=imgforge, OU=team"));
  CHECK_FALSE(matches("CN=signer\\,O=imgforge"));
  for (const char* wrong : {"", "signer", "CN=", "=x", "CN=signer,", "CN=signer,,O=x"}) {
    INFO(wrong);
    const auto refused = subject_matches(leaf, wrong);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::invalid);
  }
}

TEST_CASE("texts that hold no certificates are refused") {
  const auto refusal = [](const std::string& pem) {
    const auto parsed = parse_certificates(pem, "ca.pem");
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    return parsed.error().message();
  };
  CHECK(refusal("") == "ca.pem holds no PEM certificate");
  CHECK(refusal(vector("pub.pem")) == "ca.pem holds no PEM certificate");
  const std::string good = vector("notation-ca.crt");
  std::string damaged = good + vector("notation-leaf.crt");
  damaged[good.size() + 40] = '!';
  CHECK_THAT(refusal(damaged), Contains("certificate 2 in ca.pem is damaged"));
  CHECK_THAT(refusal(good.substr(0, good.size() / 2)),
             Contains("certificate 1 in ca.pem is damaged"));
  std::string many;
  for (int i = 0; i < 17; ++i) many += good;
  CHECK_THAT(refusal(many), Contains("more than 16"));
}

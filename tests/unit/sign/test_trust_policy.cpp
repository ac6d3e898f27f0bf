#include "error_text.h"
#include "fixtures.h"
#include "sign/statement.h"
#include "sign/trust_policy.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

Result<std::string> read_named(const std::string& path) {
  if (path == "release.pub") return vector("pub.pem");
  if (path == "ci.pub") return vector("keys/p256.pub.pem");
  if (path == "rsa.pub") return vector("keys/rsa2048.pub.pem");
  if (path == "ca.pem") return vector("chains/good.pem");
  if (path == "secret.key") return vector("keys/p256.pkcs8.pem");
  return fail(Errc::not_found, "there is no file " + path);
}

Result<TrustPolicy> parse(const std::string& yaml) {
  return parse_trust_policy(yaml, "trust.yaml", read_named);
}

std::string refusal(const std::string& yaml) {
  const auto policy = parse(yaml);
  REQUIRE_FALSE(policy);
  return error_text(policy.error());
}

const std::string kNames = R"(trust: 1
keys: {release: release.pub, ci: ci.pub}
authorities: {platform: {certificates: ca.pem, subjects: ["O=imgforge"]}}
repositories:
)";

std::string refused_rule(const std::string& rule) { return refusal(kNames + rule); }

oci::Digest some() { return oci::Digest::of("artifact"); }

VerifiedSignature by(const std::string& name, Format format = Format::bundle,
                     std::map<std::string, std::string> annotations = {},
                     const std::string& key = "") {
  return {format,
          {name, key.empty() ? "key of " + name : key, ""},
          std::nullopt,
          std::move(annotations),
          some()};
}

VerifiedAttestation claim(const std::string& type, const std::string& name) {
  return {Format::bundle, {name, "key of " + name, ""}, type, "{}", some()};
}

Decision decide_on(const std::string& rules, const Verification& found,
                   const std::string& repository = "h.example/ml/app") {
  return decide(REQUIRE_OK(parse(kNames + rules)), repository, found);
}

}  // namespace

TEST_CASE("a trust policy is read whole") {
  const TrustPolicy policy = REQUIRE_OK(parse(R"(
trust: 1
keys:
  release: release.pub
  inline: |
    -----BEGIN PUBLIC KEY-----
    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEgCxXfI5iMQvrooHbEgAQoSdDIjoi
    9L0yZXocUQzgt2CLMKaeGYbdLGkdPOIKsmqF1gEYgSWQpqcQ5S69K8SRJg==
    -----END PUBLIC KEY-----
authorities:
  platform: {certificates: ca.pem, subjects: ["O=imgforge, CN=signer"]}
repositories:
  - match: ["h.example/ml/*", "h.example:5000/x/**"]
    signatures:
      - {by: [release, platform], at_least: 2, formats: [legacy, notation], annotations: {channel: lts}}
    attestations:
      - {type: slsaprovenance1, by: [inline]}
  - match: ["**"]
    accept_unsigned: true
)"));
  REQUIRE(policy.roots.keys.size() == 2);
  CHECK(policy.roots.keys[0].name == "release");
  CHECK(policy.roots.keys[0].key == verification_key("pub.pem"));
  REQUIRE(policy.roots.authorities.size() == 1);
  CHECK(policy.roots.authorities[0].certificates == chain("good.pem"));
  REQUIRE(policy.rules.size() == 2);
  const SignatureDemand& demand = policy.rules[0].signatures.at(0);
  CHECK(demand.by == std::vector<std::string>{"release", "platform"});
  CHECK(demand.at_least == 2);
  CHECK(demand.formats == std::vector<Format>{Format::legacy, Format::notation});
  CHECK(demand.annotations.at("channel") == "lts");
  CHECK(policy.rules[0].attestations.at(0).predicate_type == predicate_type::kSlsaProvenance1);
  CHECK(policy.rules[0].where.line == 13);
  CHECK(policy.rules[1].accept_unsigned);
}

TEST_CASE("mistakes in a trust policy have a place and a remedy") {
  CHECK(refusal("trust: 2\nrepositories: []\n") ==
        "trust.yaml:1:8: this imgforge reads trust policies of version 1 only\n"
        "  trust: 2\n"
        "         ^\n"
        "hint: write trust: 1, or use a newer imgforge\n");
  CHECK_THAT(refusal("keys: {}\n"), Contains("the trust policy lacks the key \"trust\""));
  CHECK_THAT(refusal("trust: 1\n"), Contains("has no rule for any repository"));
  CHECK_THAT(refusal("trust: 1\nkey: {}\n"), Contains("trust.yaml:2:1: ") && Contains("keys"));
  CHECK_THAT(refusal("trust: 1\nkeys: {release: lost.pub}\nrepositories: [{match: [a/b]}]\n"),
             Contains("trust.yaml:2:17: there is no file lost.pub"));
  CHECK_THAT(refusal("trust: 1\nkeys: {release: secret.key}\nrepositories: [{match: [a/b]}]\n"),
             Contains("secret.key is a private key, not a public one") &&
                 Contains("hint: verify with the public key"));
  CHECK_THAT(
      refusal("trust: 1\nkeys: {a: release.pub, b: release.pub}\nrepositories: [{match: [a/b]}]\n"),
      Contains("trust.yaml:2:27: this is the same key as \"a\"") &&
          Contains("would count as two signers"));
  CHECK_THAT(refusal("trust: 1\nkeys: {a: release.pub}\nauthorities: {a: {certificates: ca.pem}}\n"
                     "repositories: [{match: [a/b]}]\n"),
             Contains("trust.yaml:3:15: the name \"a\" is taken already"));
  CHECK_THAT(refusal("trust: 1\nkeys: {\"a b\": release.pub}\nrepositories: [{match: [a/b]}]\n"),
             Contains("a name of a key or authority has letters"));
  CHECK_THAT(refusal("trust: 1\nauthorities: {p: {certificates: ca.pem, subjects: [signer]}}\n"
                     "repositories: [{match: [a/b]}]\n"),
             Contains("\"signer\" is not a certificate subject") && Contains("C=US"));
  CHECK_THAT(refusal("trust: 1\nauthorities: {p: {certificates: ca.pem, subjects: []}}\n"
                     "repositories: [{match: [a/b]}]\n"),
             Contains("trusts nobody"));
  CHECK_THAT(refusal("trust: 1\nauthorities: {p: {certificates: release.pub}}\n"
                     "repositories: [{match: [a/b]}]\n"),
             Contains("release.pub holds no PEM certificate"));
}

TEST_CASE("mistakes in a rule have a place and a remedy") {
  CHECK(refused_rule("  - match: [h/r]\n    signatures: [{by: [relase]}]\n") ==
        "trust.yaml:6:24: no key or authority is called \"relase\"\n"
        "      signatures: [{by: [relase]}]\n"
        "                         ^\n"
        "hint: did you mean release?\n");
  CHECK_THAT(refused_rule("  - {match: [h/r]}\n"),
             Contains("the rule demands no signature") && Contains("accept_unsigned: true"));
  CHECK_THAT(refused_rule("  - {match: [h/r], attestations: [{type: vuln, by: [ci]}]}\n"),
             Contains("the rule demands no signature"));
  CHECK_THAT(refused_rule("  - {match: [h/r], accept_unsigned: true, signatures: [{by: [ci]}]}\n"),
             Contains("demands signatures and accepts images without any"));
  CHECK_THAT(refused_rule("  - {match: [\"**\"], accept_unsigned: true}\n"
                          "  - {match: [h/r], signatures: [{by: [ci]}]}\n"),
             Contains("trust.yaml:6:5: no repository comes to this rule"));
  CHECK_THAT(refused_rule("  - {match: [], signatures: [{by: [ci]}]}\n"),
             Contains("match must be a list of patterns"));
  CHECK_THAT(refused_rule("  - {match: [\"h/r:v1\"], signatures: [{by: [ci]}]}\n"),
             Contains("without tag and digest"));
  CHECK_THAT(refused_rule("  - {match: [app], signatures: [{by: [ci]}]}\n"),
             Contains("has no host and matches nothing"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signatures: [{by: []}]}\n"),
             Contains("by must be a list of names"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signatures: [{by: [ci, ci]}]}\n"),
             Contains("\"ci\" stands here twice"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signatures: [{by: [ci], at_least: 2}]}\n"),
             Contains("at_least is 2, and 1 of those in \"by\" can sign"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signatures: [{by: [ci], at_least: 0}]}\n"),
             Contains("at_least is 0"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signatures: [{by: [ci], formats: [notation]}]}\n"),
             Contains("0 of those in \"by\"") && Contains("authorities as notation"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signatures: [{by: [ci], formats: [bundel]}]}\n"),
             Contains("\"bundel\" is no format") && Contains("did you mean bundle?"));
  CHECK_THAT(refused_rule("  - match: [h/r]\n    signatures: [{by: [ci]}]\n"
                          "    attestations: [{type: cyclondx, by: [ci]}]\n"),
             Contains("trust.yaml:7:27: \"cyclondx\" is no predicate type"));
  CHECK_THAT(refused_rule("  - {match: [h/r], signature: [{by: [ci]}]}\n"), Contains("signatures"));
}

TEST_CASE("patterns match repositories") {
  CHECK(repository_matches("h/ml/*", "h/ml/app"));
  CHECK_FALSE(repository_matches("h/ml/*", "h/ml/app/gpu"));
  CHECK_FALSE(repository_matches("h/ml/*", "h/mlx/app"));
  CHECK(repository_matches("h/ml/**", "h/ml/app/gpu"));
  CHECK_FALSE(repository_matches("h/ml/**", "h/ml"));
  CHECK(repository_matches("**", "h/anything/at/all"));
  CHECK(repository_matches("*.example:5000/**/app", "h.example:5000/a/b/app"));
  CHECK_FALSE(repository_matches("h.example/app", "hXexample/app"));  // no regular expression
  CHECK(repository_matches("h/*-lts", "h/app-lts"));
  CHECK_FALSE(repository_matches("h/app", "h/app2"));
  CHECK_FALSE(repository_matches("h/app", "evil/h/app"));
  CHECK_FALSE(repository_matches("", "h"));
  CHECK(repository_matches("***", "a/b"));
  // Many stars cost no more than a product of lengths.
  std::string stars;
  for (int i = 0; i < 200; ++i) stars += "*a";
  CHECK_FALSE(repository_matches(stars + "b", std::string(4000, 'a')));
}

TEST_CASE("a demand is met by the right name, format and annotations") {
  const std::string rule =
      "  - match: [h.example/ml/*]\n"
      "    signatures: [{by: [release, platform], formats: [bundle, notation], "
      "annotations: {channel: lts}}]\n";
  const std::map<std::string, std::string> lts = {{"channel", "lts"}, {"more", "x"}};
  Verification found;
  found.signatures = {by("release", Format::bundle, lts)};
  Decision decision = decide_on(rule, found);
  CHECK(decision.accepted);
  CHECK(decision.rule == "trust.yaml:5");
  CHECK(decision.checks.at(0).demand ==
        "a signature by release or platform as bundle or notation with channel=lts");
  CHECK(decision.checks[0].found == "release (bundle)");
  CHECK(require(decision, "h.example/ml/app"));

  const auto found_instead = [&](VerifiedSignature signature) {
    Verification other;
    other.signatures = {std::move(signature)};
    const Decision refused = decide_on(rule, other);
    CHECK_FALSE(refused.accepted);
    return refused.checks.at(0).found;
  };
  CHECK(found_instead(by("ci", Format::bundle, lts)) == "ci (bundle) is not asked for");
  CHECK(found_instead(by("release", Format::legacy, lts)) ==
        "release (legacy) is in another format");
  CHECK(found_instead(by("release")) == "release (bundle) lacks channel=lts");
  CHECK(found_instead(by("release", Format::bundle, {{"channel", "nightly"}})) ==
        "release (bundle) says channel=nightly");
}

TEST_CASE("what is missing is said in one error") {
  const std::string rule =
      "  - match: [h.example/ml/*]\n"
      "    signatures: [{by: [release]}, {by: [platform]}]\n"
      "    attestations: [{type: slsaprovenance1, by: [ci]}]\n";
  Verification found;
  found.signatures = {by("release")};
  found.attestations = {claim(predicate_type::kSlsaProvenance1, "release")};
  found.rejected.push_back({some(), Error(Errc::mismatch, "it expired")});
  const auto refused = require(decide_on(rule, found), "h.example/ml/app");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::mismatch);
  CHECK(error_text(refused.error()) ==
        "the trust policy does not accept this image of h.example/ml/app: wanted a signature by "
        "platform, found release (bundle) is not asked for; not valid: it expired; wanted an "
        "attestation https://slsa.dev/provenance/v1 by ci, found by release, who is not asked for; "
        "not valid: it expired\n"
        "hint: the rule is that of trust.yaml:5\n");
  const Decision nothing = decide_on(rule, {});
  CHECK(nothing.checks.at(0).found == "no signature");
  CHECK(nothing.checks.at(2).found == "none of that type");
  Verification only_claims;
  only_claims.attestations = {claim(predicate_type::kSlsaProvenance1, "ci")};
  const Decision unsigned_image = decide_on(rule, only_claims);
  CHECK_FALSE(unsigned_image.accepted);
  CHECK(unsigned_image.checks.at(0).found ==
        "attestations only, and an attestation is no signature");
  CHECK(unsigned_image.checks.at(2).met);
}

TEST_CASE("two signers are two names with two keys") {
  const std::string rule =
      "  - {match: [\"**\"], signatures: [{by: [release, ci, platform], at_least: 2}]}\n";
  const auto accepted = [&](std::vector<VerifiedSignature> signatures) {
    Verification found;
    found.signatures = std::move(signatures);
    return decide_on(rule, found).accepted;
  };
  CHECK(accepted({by("release"), by("ci")}));
  CHECK_FALSE(accepted({by("release")}));
  CHECK_FALSE(accepted({by("release", Format::bundle), by("release", Format::legacy)}));
  // One name with two keys (an authority and two of its signers).
  CHECK_FALSE(accepted(
      {by("platform", Format::notation, {}, "1"), by("platform", Format::notation, {}, "2")}));
  // One key for which two names vouch.
  CHECK_FALSE(
      accepted({by("platform", Format::notation, {}, "1"), by("ci", Format::bundle, {}, "1")}));
  // The only good way to tell them apart is found: platform has 1 or 2, ci has 1.
  CHECK(accepted({by("platform", Format::notation, {}, "1"),
                  by("platform", Format::notation, {}, "2"), by("ci", Format::bundle, {}, "1")}));
}

TEST_CASE("the first rule that matches decides, and none means no") {
  const std::string rules =
      "  - {match: [h.example/ml/*], signatures: [{by: [release]}]}\n"
      "  - {match: [\"h.example/**\"], accept_unsigned: true}\n";
  CHECK_FALSE(decide_on(rules, {}).accepted);
  CHECK(decide_on(rules, {}, "h.example/tools/x").accepted);
  const Decision elsewhere = decide_on(rules, {}, "other.example/x");
  CHECK_FALSE(elsewhere.accepted);
  const auto refused = require(elsewhere, "other.example/x");
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message(), Contains("no rule of the trust policy matches"));
}

TEST_CASE("a policy on disk names files beside it") {
  const base::TempDir folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-trust"));
  REQUIRE_OK(base::make_directories(folder / "keys"));
  REQUIRE_OK(base::write_file_atomic(folder / "keys/release.pub", vector("pub.pem")));
  REQUIRE_OK(
      base::write_file_atomic(folder / "trust.yaml",
                              "trust: 1\nkeys: {release: keys/release.pub}\n"
                              "repositories: [{match: [h/r], signatures: [{by: [release]}]}]\n"));
  CHECK(REQUIRE_OK(load_trust_policy(folder / "trust.yaml")).roots.keys.size() == 1);
  const auto absent = load_trust_policy(folder / "absent.yaml");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);
}

// The signing room as a program, file in and file out, for sign_interop.py; to be dropped when the
// commands of imgforge do the same.
//
// An artifact is a folder: manifest.json, tag (if it has one), and blobs/HEX.
//   keygen TYPE PASSPHRASE KEY PUB          import PEM PASSPHRASE-OF-PEM PASSPHRASE KEY
//   public KEY PASSPHRASE PUB
//   sign-bundle|sign-legacy KEY PASSPHRASE SUBJECT OUT REPOSITORY [NAME=VALUE...]
//   attest-bundle|attest-legacy KEY PASSPHRASE SUBJECT OUT REPOSITORY TYPE PREDICATE-FILE
//   notation KEY PASSPHRASE SUBJECT OUT CHAIN TIME EXPIRY|- [NAME=VALUE...]
//   verify SUBJECT TIME [key:NAME=FILE|ca:NAME=FILE]... ARTIFACT...
//   policy FILE REPOSITORY SUBJECT TIME ARTIFACT...
// SUBJECT is a file with the manifest. The legacy forms append to what OUT holds already.
#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "sign/cosign.h"
#include "sign/key_file.h"
#include "sign/notation.h"
#include "sign/statement.h"
#include "sign/trust_policy.h"
#include "sign/verify.h"

namespace {

using namespace imgforge;
using namespace imgforge::sign;
using base::Json;
using Words = std::vector<std::string>;

constexpr std::size_t kMaximumManifest = 4 << 20;

Result<oci::Descriptor> subject_of(const std::string& file) {
  const std::string text = TRY(base::read_file(file, kMaximumManifest));
  const oci::Manifest manifest = TRY(oci::parse_manifest(text));
  return oci::describe(manifest.media_type, text);
}

Result<Artifact> read_artifact(const std::string& folder) {
  Artifact artifact;
  artifact.manifest = TRY(base::read_file(folder + "/manifest.json", kMaximumManifest));
  for (const std::string& name : TRY(base::list_directory(folder + "/blobs"))) {
    artifact.blobs.push_back(TRY(base::read_file(folder + "/blobs/" + name)));
  }
  if (base::exists(folder + "/tag")) {
    artifact.tag = TRY(oci::Tag::parse(TRY(base::read_file(folder + "/tag"))));
  }
  return artifact;
}

Result<> write_artifact(const Artifact& artifact, const std::string& folder) {
  TRY(base::make_directories(folder + "/blobs"));
  for (const std::string& blob : artifact.blobs) {
    TRY(base::write_file_atomic(folder + "/blobs/" + oci::Digest::of(blob).hex(), blob));
  }
  if (artifact.tag) TRY(base::write_file_atomic(folder + "/tag", artifact.tag->to_string()));
  return base::write_file_atomic(folder + "/manifest.json", artifact.manifest);
}

Result<SigningKey> read_key(const std::string& file, const std::string& passphrase) {
  const Secret secret(passphrase);
  if (file.find(':') != std::string::npos) return open_signing_key(file, &secret);
  return parse_signing_key(TRY(base::read_file(file)), &secret, file);
}

std::map<std::string, std::string> pairs(const Words& words, std::size_t from) {
  std::map<std::string, std::string> out;
  for (std::size_t i = from; i < words.size(); ++i) {
    const std::size_t equals = words[i].find('=');
    out[words[i].substr(0, equals)] = words[i].substr(equals + 1);
  }
  return out;
}

Result<KeyType> key_type(const std::string& name) {
  if (name == "p256") return KeyType::ecdsa_p256;
  if (name == "p384") return KeyType::ecdsa_p384;
  if (name == "p521") return KeyType::ecdsa_p521;
  if (name == "rsa") return KeyType::rsa;
  if (name == "ed25519") return KeyType::ed25519;
  return fail(Errc::usage, "no key type " + name);
}

Json to_json(const Signer& signer) {
  return {{"name", signer.name},
          {"key", signer.key_fingerprint},
          {"subject", signer.certificate_subject}};
}

Json to_json(const Verification& verification) {
  Json out = {
      {"signatures", Json::array()}, {"attestations", Json::array()}, {"rejected", Json::array()}};
  for (const VerifiedSignature& signature : verification.signatures) {
    out["signatures"].push_back(
        {{"format", std::string(to_string(signature.format))},
         {"signer", to_json(signature.signer)},
         {"annotations", signature.annotations},
         {"time", signature.signed_at ? base::format_time(*signature.signed_at) : ""}});
  }
  for (const VerifiedAttestation& attestation : verification.attestations) {
    out["attestations"].push_back({{"format", std::string(to_string(attestation.format))},
                                   {"signer", to_json(attestation.signer)},
                                   {"type", attestation.predicate_type},
                                   {"predicate", Json::parse(attestation.predicate)}});
  }
  for (const Rejected& rejected : verification.rejected) {
    out["rejected"].push_back(rejected.error.summary());
  }
  return out;
}

Result<> keygen(const Words& w) {
  const SigningKey key = TRY(SigningKey::generate(TRY(key_type(w.at(1)))));
  TRY(base::write_file_atomic(w.at(3), TRY(write_signing_key(key, Secret(w.at(2)))), 0600));
  return base::write_file_atomic(w.at(4), key.public_key().pem());
}

Result<> import(const Words& w) {
  const SigningKey key = TRY(read_key(w.at(1), w.at(2)));
  return base::write_file_atomic(w.at(4), TRY(write_signing_key(key, Secret(w.at(3)))), 0600);
}

Result<> write_public(const Words& w) {
  return base::write_file_atomic(w.at(3), TRY(read_key(w.at(1), w.at(2))).public_key().pem());
}

Result<> sign_image(const Words& w) {
  const SigningKey key = TRY(read_key(w.at(1), w.at(2)));
  const oci::Descriptor subject = TRY(subject_of(w.at(3)));
  const std::string& out = w.at(4);
  std::optional<Artifact> existing;
  if (base::exists(out + "/manifest.json")) existing = TRY(read_artifact(out));
  const Artifact* there = existing ? &*existing : nullptr;
  const base::Seconds created{1764028800};
  if (w[0] == "sign-bundle") {
    return write_artifact(TRY(sign_as_bundle(subject, key, pairs(w, 6), created)), out);
  }
  if (w[0] == "sign-legacy") {
    return write_artifact(TRY(sign_as_legacy(subject, w.at(5), key, pairs(w, 6), there)), out);
  }
  const std::string type = TRY(predicate_type_of(w.at(6)));
  const std::string predicate = TRY(base::read_file(w.at(7)));
  if (w[0] == "attest-bundle") {
    return write_artifact(TRY(attest_as_bundle(subject, key, type, predicate, created)), out);
  }
  return write_artifact(TRY(attest_as_legacy(subject, w.at(5), key, type, predicate, there)), out);
}

Result<> sign_notation(const Words& w) {
  const SigningKey key = TRY(read_key(w.at(1), w.at(2)));
  const auto chain = TRY(parse_certificates(TRY(base::read_file(w.at(5))), w.at(5)));
  NotationOptions options;
  options.signing_time = TRY(base::parse_time(w.at(6)));
  if (w.at(7) != "-") options.expiry = TRY(base::parse_time(w.at(7)));
  options.annotations = pairs(w, 8);
  options.agent = "imgforge/test";
  return write_artifact(TRY(sign_with_notation(TRY(subject_of(w.at(3))), key, chain, options)),
                        w.at(4));
}

Result<> verify_image(const Words& w) {
  TrustRoots trust;
  std::vector<Artifact> artifacts;
  for (std::size_t i = 3; i < w.size(); ++i) {
    const std::size_t equals = w[i].find('=');
    if (w[i].starts_with("key:")) {
      const std::string file = w[i].substr(equals + 1);
      VerificationKey key = TRY(VerificationKey::parse(TRY(base::read_file(file)), file));
      trust.keys.push_back({w[i].substr(4, equals - 4), std::move(key)});
    } else if (w[i].starts_with("ca:")) {
      const std::string file = w[i].substr(equals + 1);
      auto certificates = TRY(parse_certificates(TRY(base::read_file(file)), file));
      trust.authorities.push_back({w[i].substr(3, equals - 3), std::move(certificates), {}});
    } else {
      artifacts.push_back(TRY(read_artifact(w[i])));
    }
  }
  const oci::Descriptor subject = TRY(subject_of(w.at(1)));
  const Verification found = verify(artifacts, subject, trust, TRY(base::parse_time(w.at(2))));
  std::fputs(base::pretty_json(to_json(found)).c_str(), stdout);
  return require_signature(found, subject.digest);
}

Result<> check_policy(const Words& w) {
  const TrustPolicy policy = TRY(load_trust_policy(w.at(1)));
  std::vector<Artifact> artifacts;
  for (std::size_t i = 5; i < w.size(); ++i) artifacts.push_back(TRY(read_artifact(w[i])));
  const Verification found =
      verify(artifacts, TRY(subject_of(w.at(3))), policy.roots, TRY(base::parse_time(w.at(4))));
  return require(decide(policy, w.at(2), found), w.at(2));
}

Result<> run(const Words& w) {
  if (w.at(0) == "keygen") return keygen(w);
  if (w[0] == "import") return import(w);
  if (w[0] == "public") return write_public(w);
  if (w[0] == "notation") return sign_notation(w);
  if (w[0] == "verify") return verify_image(w);
  if (w[0] == "policy") return check_policy(w);
  return sign_image(w);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Result<> done = run(Words(argv + 1, argv + argc));
    if (done) return 0;
    std::fprintf(stderr, "%s: %s\n", std::string(base::to_string(done.error().code())).c_str(),
                 done.error().summary().c_str());
    return done.error().code() == Errc::mismatch ? 5 : 1;
  } catch (const std::out_of_range&) {
    std::fputs("sign_tool: a word is missing\n", stderr);
    return 2;
  }
}

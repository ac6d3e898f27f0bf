#include "sign/verify.h"

#include <array>
#include <functional>
#include <utility>

#include "base/text.h"
#include "oci/graph.h"
#include "sign/bundle.h"
#include "sign/cosign.h"
#include "sign/notation.h"
#include "sign/simple_signing.h"
#include "sign/statement.h"

namespace imgforge::sign {
namespace {

constexpr std::array<std::pair<Format, std::string_view>, 3> kFormats = {
    {{Format::legacy, "legacy"}, {Format::bundle, "bundle"}, {Format::notation, "notation"}}};

Error untrusted_key(const TrustRoots& trust) {
  if (trust.keys.empty()) {
    return Error(Errc::mismatch, "it is signed by a key, and no key is trusted")
        .hint("give the signer's public key");
  }
  std::vector<std::string> tried;
  for (const TrustedKey& trusted : trust.keys) {
    tried.push_back(trusted.name + " (" + trusted.key.fingerprint().substr(0, 12) + ")");
  }
  return Error(Errc::mismatch,
               "it is signed by none of the trusted keys, or was tampered with; tried: " +
                   base::join(tried, ", "));
}

// The trusted keys for which `check` is good.
Result<std::vector<Signer>> signers_by(
    const TrustRoots& trust, const std::function<Result<>(const VerificationKey&)>& check) {
  std::vector<Signer> signers;
  for (const TrustedKey& trusted : trust.keys) {
    if (check(trusted.key)) signers.push_back({trusted.name, trusted.key.fingerprint(), {}});
  }
  if (signers.empty()) return fail(untrusted_key(trust));
  return signers;
}

Result<> check_digest(const oci::Digest& signed_digest, const oci::Descriptor& subject) {
  if (signed_digest == subject.digest) return {};
  return fail(Errc::mismatch, "what is signed is " + signed_digest.to_string() + ", and not " +
                                  subject.digest.to_string());
}

class Judge {
 public:
  Judge(const oci::Descriptor& subject, const TrustRoots& trust, base::Seconds now)
      : subject_(subject), trust_(trust), now_(now) {}

  void look_at(const Artifact& artifact) {
    if (Result<> judged = judge(artifact); !judged) reject(artifact, std::move(judged.error()));
  }
  Verification take() { return std::move(out_); }

 private:
  void reject(const Artifact& artifact, Error error) {
    out_.rejected.push_back({artifact.digest(), std::move(error)});
  }

  Result<> judge(const Artifact& artifact) {
    if (oci::is_index(artifact.media_type)) return {};  // a legal referrer, and no signature
    const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest));
    const auto form = TRY(recognise(manifest));
    if (!form) return {};
    if (manifest.subject) {
      TRY(base::with_context(check_digest(manifest.subject->digest, subject_),
                             "a referrer of another image"));
    }
    TRY(blobs_to_fetch(manifest));
    const bool alone = *form == ArtifactForm::sigstore_bundle || *form == ArtifactForm::notation;
    for (const oci::Descriptor& layer : manifest.layers) {
      Result<> judged = judge_layer(*form, layer, artifact);
      // The legacy forms hold signatures of several people: a bad one does not spoil the others.
      if (!judged && alone) return judged;
      if (!judged) reject(artifact, std::move(judged.error()));
    }
    return {};
  }

  Result<> judge_layer(ArtifactForm form, const oci::Descriptor& layer, const Artifact& artifact) {
    switch (form) {
      case ArtifactForm::sigstore_bundle:
        return judge_bundle(TRY(artifact.blob(layer)), artifact);
      case ArtifactForm::notation:
        return judge_notation(TRY(artifact.blob(layer)), artifact);
      case ArtifactForm::legacy_signatures:
        if (layer.media_type != media_type::kSimpleSigning) return {};
        return judge_simple_signing(layer, TRY(artifact.blob(layer)), artifact);
      case ArtifactForm::legacy_attestations:
        if (layer.media_type != media_type::kDsseEnvelope) return {};
        return judge_envelope(TRY(parse_envelope(TRY(artifact.blob(layer)))), Format::legacy,
                              artifact);
    }
    return fail(Errc::internal, "an unknown form of artifact");
  }

  Result<> judge_simple_signing(const oci::Descriptor& layer, std::string_view content,
                                const Artifact& artifact) {
    const auto annotation = layer.annotations.find(annotation::kSignature);
    const auto signature = annotation == layer.annotations.end()
                               ? std::nullopt
                               : base::from_base64(annotation->second);
    if (!signature) return fail(Errc::invalid, "a layer of the .sig manifest has no signature");
    const auto signers = TRY(signers_by(trust_, [&](const VerificationKey& key) {
      return key.verify(content, *signature, Scheme::cosign);
    }));
    const SimpleSigning payload = TRY(parse_simple_signing(content));
    TRY(check_digest(payload.manifest, subject_));
    for (const Signer& signer : signers) {
      out_.signatures.push_back(
          {Format::legacy, signer, std::nullopt, payload.annotations, artifact.digest()});
    }
    return {};
  }

  Result<> judge_bundle(std::string_view content, const Artifact& artifact) {
    const Bundle bundle = TRY(parse_bundle(content));
    return judge_envelope(bundle.envelope, Format::bundle, artifact);
  }

  Result<> judge_envelope(const Envelope& envelope, Format format, const Artifact& artifact) {
    if (envelope.payload_type != kInTotoPayload) {
      return fail(Errc::unsupported,
                  "the signed payload is of type " + envelope.payload_type + ", and not in-toto");
    }
    const auto signers = TRY(signers_by(
        trust_, [&](const VerificationKey& key) { return verify_envelope(envelope, key); }));
    const Statement statement = TRY(parse_statement(envelope.payload));
    const StatementSubject subject = TRY(find_subject(statement, subject_.digest));
    const bool is_signature =
        format == Format::bundle && statement.predicate_type == predicate_type::kCosignSign;
    for (const Signer& signer : signers) {
      if (is_signature) {
        out_.signatures.push_back(
            {format, signer, std::nullopt, subject.annotations, artifact.digest()});
      } else {
        out_.attestations.push_back(
            {format, signer, statement.predicate_type, statement.predicate, artifact.digest()});
      }
    }
    return {};
  }

  Result<> judge_notation(std::string_view content, const Artifact& artifact) {
    const NotationSignature opened = TRY(open_notation(content, now_));
    TRY(check_digest(opened.target.digest, subject_));
    if (opened.target.size != subject_.size || opened.target.media_type != subject_.media_type) {
      return fail(Errc::mismatch, "what is signed has another size or media type than the image");
    }
    const Certificate& leaf = opened.chain.front();
    bool trusted = false;
    for (const TrustedAuthority& authority : trust_.authorities) {
      if (!TRY(vouches(authority, opened.chain))) continue;
      trusted = true;
      out_.signatures.push_back({Format::notation,
                                 {authority.name, leaf.key().fingerprint(), leaf.subject()},
                                 opened.signing_time,
                                 opened.target.annotations,
                                 artifact.digest()});
    }
    if (!trusted) {
      return fail(Error(Errc::mismatch, "it is signed by " + leaf.subject() +
                                            ", whom no trusted authority vouches for"));
    }
    return {};
  }

  static Result<bool> vouches(const TrustedAuthority& authority,
                              const std::vector<Certificate>& chain) {
    bool known = false;
    for (const Certificate& certificate : chain) {
      for (const Certificate& trusted : authority.certificates) {
        known = known || certificate == trusted;
      }
    }
    if (!known || authority.subjects.empty()) return known;
    for (const std::string& wanted : authority.subjects) {
      if (TRY(subject_matches(chain.front(), wanted))) return true;
    }
    return false;
  }

  const oci::Descriptor& subject_;
  const TrustRoots& trust_;
  base::Seconds now_;
  Verification out_;
};

}  // namespace

std::string_view to_string(Format format) {
  for (const auto& [known, name] : kFormats) {
    if (known == format) return name;
  }
  return "?";
}

Result<Format> parse_format(std::string_view text) {
  std::vector<std::string_view> names;
  for (const auto& [format, name] : kFormats) {
    if (name == text) return format;
    names.push_back(name);
  }
  const auto near = base::nearest(text, names);
  return fail(Error(Errc::invalid, "\"" + std::string(text) + "\" is no format of signatures")
                  .hint(near ? "did you mean " + *near + "?" : "legacy, bundle or notation"));
}

Verification verify(std::span<const Artifact> artifacts, const oci::Descriptor& subject,
                    const TrustRoots& trust, base::Seconds now) {
  Judge judge(subject, trust, now);
  for (const Artifact& artifact : artifacts) judge.look_at(artifact);
  return judge.take();
}

Result<> require_signature(const Verification& verification, const oci::Digest& subject) {
  if (!verification.signatures.empty()) return {};
  const std::string image = "the image " + subject.to_string();
  if (!verification.rejected.empty()) {
    const Error& first = verification.rejected.front().error;
    const std::size_t count = verification.rejected.size();
    Error error(Errc::mismatch,
                image + " has no valid signature: " + first.summary() +
                    (count == 1 ? "" : " (and " + std::to_string(count - 1) + " more)"));
    return fail(std::move(error).hint(first.hint()));
  }
  if (!verification.attestations.empty()) {
    return fail(Error(Errc::mismatch, image + " is not signed: it has attestations (" +
                                          verification.attestations.front().predicate_type +
                                          "), and an attestation is no signature")
                    .hint("sign it: imgforge sign"));
  }
  return fail(Error(Errc::mismatch, image + " is not signed").hint("sign it: imgforge sign"));
}

}  // namespace imgforge::sign

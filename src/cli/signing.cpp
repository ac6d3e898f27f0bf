#include "cli/signing.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "base/json.h"
#include "cli/beside.h"
#include "cli/signer.h"
#include "cli/version.h"
#include "sign/cosign.h"
#include "sign/notation.h"

namespace imgforge::cli {
namespace {

using Annotations = std::map<std::string, std::string>;

base::Seconds now() { return base::Seconds{static_cast<std::int64_t>(std::time(nullptr))}; }

sign::TrustRoots own_roots(const Signer& signer, const std::vector<sign::Certificate>& chain) {
  sign::TrustRoots roots;
  roots.keys.push_back({signer.name(), signer.key().public_key()});
  if (!chain.empty()) roots.authorities.push_back({signer.name(), {chain.back()}, {}});
  return roots;
}

/// What of ours is attached and verifies.
Result<sign::Verification> ours(App& app, release::Repository& repository,
                                const oci::Descriptor& image, const sign::TrustRoots& roots) {
  const Beside beside = TRY(fetch_beside(repository, image.digest, app.stop()));
  return sign::verify(beside.artifacts, image, roots, now());
}

bool has_signature(const sign::Verification& found, sign::Format format, const Signer& signer,
                   const Annotations& annotations) {
  return std::any_of(found.signatures.begin(), found.signatures.end(), [&](const auto& one) {
    return one.format == format && one.annotations == annotations &&
           one.signer.key_fingerprint == signer.key().public_key().fingerprint();
  });
}

Result<> attach(release::Repository& repository, const sign::Artifact& artifact) {
  return repository.attach(TRY(to_release(artifact)));
}

bool contains(const std::vector<sign::Format>& formats, sign::Format format) {
  return std::find(formats.begin(), formats.end(), format) != formats.end();
}

}  // namespace

std::string sentence(const Written& written) {
  if (written.what == "signature") {
    return written.already ? fmt::format("signed with {} already ({})", written.signer,
                                         sign::to_string(written.format))
                           : fmt::format("signed with {} ({})", written.signer,
                                         sign::to_string(written.format));
  }
  return fmt::format("{}{} {} ({})", written.what,
                     written.already ? " was attested already with" : " attested with",
                     written.signer, sign::to_string(written.format));
}

Result<std::vector<Written>> sign_in_formats(App& app, release::Repository& repository,
                                             const oci::Descriptor& image,
                                             const Annotations& annotations,
                                             const std::vector<sign::Format>& formats) {
  // Everything that can be wrong here is asked for before anything is sent.
  std::vector<sign::Certificate> chain;
  if (contains(formats, sign::Format::notation)) chain = TRY(Signer::certificates(app));
  const Signer& signer = *TRY(app.signer());
  std::optional<sign::Artifact> notation;
  if (!chain.empty()) {
    TRY(base::with_context(sign::check_validity(chain, now()), "signing with notation"));
    notation = TRY(sign::sign_with_notation(image, signer.key(), chain,
                                            {.signing_time = now(),
                                             .expiry = std::nullopt,
                                             .annotations = annotations,
                                             .agent = fmt::format("imgforge/{}", kVersion)}));
  }
  const sign::Verification found = TRY(ours(app, repository, image, own_roots(signer, chain)));
  std::vector<Written> written;
  for (const sign::Format format : formats) {
    Written one{.format = format, .what = "signature", .signer = signer.name()};
    switch (format) {
      case sign::Format::legacy: {
        const auto append = [&](const sign::Artifact* existing) {
          return sign::sign_as_legacy(image, repository.name(), signer.key(), annotations,
                                      existing);
        };
        one.already =
            !TRY(append_to_tag(repository, sign::legacy_signature_tag(image.digest), append));
        break;
      }
      case sign::Format::bundle:
        one.already = has_signature(found, format, signer, annotations);
        if (one.already) break;
        TRY(attach(repository, TRY(sign::sign_as_bundle(image, signer.key(), annotations, now()))));
        break;
      case sign::Format::notation:
        one.already = has_signature(found, format, signer, annotations);
        if (!one.already) TRY(attach(repository, *notation));
        break;
    }
    written.push_back(std::move(one));
  }
  return written;
}

Result<std::vector<Written>> attest_in_formats(App& app, release::Repository& repository,
                                               const oci::Descriptor& image,
                                               const std::string& predicate_type,
                                               const std::string& predicate,
                                               const std::vector<sign::Format>& formats,
                                               const SamePredicate& same) {
  if (!contains(formats, sign::Format::legacy) && !contains(formats, sign::Format::bundle)) {
    return fail(Error(Errc::usage, "notation has no attestations")
                    .hint("give --format bundle or --format legacy"));
  }
  const Signer& signer = *TRY(app.signer());
  const std::string wanted =
      base::canonical_json(TRY(base::parse_json(predicate, "the predicate")));
  const auto is_in = [&](const sign::Verification& found, sign::Format format) {
    return std::any_of(found.attestations.begin(), found.attestations.end(), [&](const auto& one) {
      return one.format == format && one.predicate_type == predicate_type &&
             (same ? same(one.predicate) : one.predicate == wanted);
    });
  };
  const sign::TrustRoots roots = own_roots(signer, {});
  std::vector<Written> written;
  for (const sign::Format format : formats) {
    if (format == sign::Format::notation) continue;
    Written one{.format = format, .what = predicate_type, .signer = signer.name()};
    if (format == sign::Format::bundle) {
      one.already = is_in(TRY(ours(app, repository, image, roots)), format);
      if (!one.already) {
        TRY(attach(repository, TRY(sign::attest_as_bundle(image, signer.key(), predicate_type,
                                                          predicate, now()))));
      }
    } else {
      const auto append = [&](const sign::Artifact* existing) -> Result<sign::Artifact> {
        const bool there =
            existing != nullptr && is_in(sign::verify({existing, 1}, image, roots, now()), format);
        if (there) return *existing;
        return sign::attest_as_legacy(image, repository.name(), signer.key(), predicate_type,
                                      predicate, existing);
      };
      const oci::Tag tag = sign::legacy_attestation_tag(image.digest);
      one.already = !TRY(append_to_tag(repository, tag, append));
    }
    written.push_back(std::move(one));
  }
  return written;
}

}  // namespace imgforge::cli

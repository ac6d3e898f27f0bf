#include "cli/trust.h"

#include <fmt/format.h>

#include <ctime>
#include <memory>
#include <mutex>

#include "base/file.h"
#include "base/text.h"
#include "cli/beside.h"
#include "cli/signer.h"
#include "cli/signing.h"
#include "sign/cosign.h"

namespace imgforge::cli {
namespace {

base::Seconds now() { return base::Seconds{static_cast<std::int64_t>(std::time(nullptr))}; }

std::string trust_file(const App& app) {
  return app.args().value("trust-policy").value_or(app.settings().signing.trust_policy);
}

Result<sign::TrustPolicy> load(const std::string& file) {
  return base::with_context(sign::load_trust_policy(file), "reading the trust policy");
}

/// The trust policies of one command, each read once.
class Policies {
 public:
  Policies(std::string channel_policy, bool one_for_all)
      : folder_(base::parent_path(channel_policy)), one_for_all_(one_for_all) {}

  Result<> read_standard(const std::string& file) {
    standard_ = TRY(load(file));
    return {};
  }

  /// Null for the empty name where nothing is configured.
  Result<const sign::TrustPolicy*> find(const std::string& name) {
    const bool is_file = name.find('/') != std::string::npos || name.ends_with(".yaml") ||
                         name.ends_with(".yml") || name.ends_with(".json");
    if (one_for_all_ || !is_file) {
      if (standard_ || name.empty()) return standard_ ? &*standard_ : nullptr;
      return fail(
          Error(Errc::not_found, fmt::format("no file is known for the trust policy {}", name))
              .hint("give --trust-policy FILE, or write trust_policy: FILE in the "
                    "configuration; a name like trust/release.yaml is a file beside the "
                    "channel policy"));
    }
    const std::lock_guard lock(mutex_);
    auto& policy = files_[name];
    if (!policy) {
      policy = std::make_unique<const sign::TrustPolicy>(TRY(load(base::join_path(folder_, name))));
    }
    return policy.get();
  }

 private:
  std::string folder_;
  bool one_for_all_;
  std::optional<sign::TrustPolicy> standard_;
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<const sign::TrustPolicy>> files_;
};

std::string format_name(sign::Format format) {
  return format == sign::Format::legacy ? "cosign" : std::string(sign::to_string(format));
}

std::string why_not(const sign::Decision& decision) {
  std::vector<std::string> lacking;
  for (const sign::PolicyCheck& check : decision.checks) {
    if (!check.met)
      lacking.push_back(fmt::format("wanted {}, found {}", check.demand, check.found));
  }
  return base::join(lacking, "; ");
}

/// `policy` null: nothing is known, so nothing verifies.
release::Verification for_release(const sign::TrustPolicy* policy, bool is_named,
                                  const std::string& repository, const sign::Verification& found) {
  release::Verification out;
  const sign::RepositoryRule* rule =
      policy != nullptr && is_named ? sign::find_rule(*policy, repository) : nullptr;
  for (const sign::VerifiedSignature& one : found.signatures) {
    const bool trusted = rule != nullptr && sign::believes_signature(*rule, one);
    out.signatures.push_back({one.signer.name, format_name(one.format), trusted});
  }
  for (const sign::VerifiedAttestation& one : found.attestations) {
    const bool trusted = rule != nullptr && sign::believes_statement(*rule, one);
    out.attestations.push_back({one.predicate_type, one.predicate, one.signer.name, trusted});
  }
  for (const sign::Rejected& one : found.rejected) {
    out.problems.push_back(
        fmt::format("{} does not count: {}", one.artifact.short_hex(), one.error.summary()));
  }
  if (!is_named) {
    out.reason = "no trust policy is asked";
  } else {
    const sign::Decision decision = sign::decide(*policy, repository, found);
    out.satisfied = decision.accepted;
    out.reason = why_not(decision);
  }
  return out;
}

}  // namespace

bool has_trust(const App& app) { return !trust_file(app).empty(); }

Result<sign::TrustPolicy> load_trust(const App& app) {
  const std::string file = trust_file(app);
  if (file.empty()) {
    return fail(Error(Errc::usage, "nobody is named to be trusted")
                    .hint("give --trust-policy FILE, set IMGFORGE_TRUST_POLICY, or write "
                          "trust_policy: FILE in the configuration"));
  }
  return load(file);
}

Result<Judged> judge_image(App& app, release::Repository& repository, const oci::Descriptor& image,
                           const sign::TrustPolicy& policy) {
  Beside beside = TRY(fetch_beside(repository, image.digest, app.stop()));
  Judged judged;
  judged.found = sign::verify(beside.artifacts, image, policy.roots, now());
  for (sign::Rejected& one : beside.unreadable) judged.found.rejected.push_back(std::move(one));
  judged.decision = sign::decide(policy, repository.name(), judged.found);
  return judged;
}

Result<> require_accepted(const Judged& judged, const release::Repository& repository,
                          const oci::Digest& image) {
  if (judged.decision.accepted) return {};
  // A rule was asked and there is no signature at all: that is the sentence to say.
  if (!judged.decision.rule.empty() && judged.found.signatures.empty()) {
    TRY(sign::require_signature(judged.found, image));
  }
  return sign::require(judged.decision, repository.name());
}

Result<release::Verifier> make_verifier(App& app, const std::string& channel_policy) {
  auto policies = std::make_shared<Policies>(channel_policy, app.args().flag("trust-policy"));
  if (has_trust(app)) TRY(policies->read_standard(trust_file(app)));
  return release::Verifier(
      [policies](const std::string& name, const std::string& repository,
                 const oci::Descriptor& image,
                 std::span<const release::Artifact> beside) -> Result<release::Verification> {
        const sign::TrustPolicy* policy = TRY(policies->find(name));
        std::vector<sign::Artifact> artifacts;
        for (const release::Artifact& one : beside) artifacts.push_back(to_sign(one));
        const sign::Verification found = sign::verify(
            artifacts, image, policy != nullptr ? policy->roots : sign::TrustRoots(), now());
        return for_release(policy, !name.empty(), repository, found);
      });
}

bool has_signing_key(const App& app) {
  return app.args().flag("key") || !app.settings().signing.key.empty();
}

Result<release::RecordSigner> make_record_signer(App& app) {
  TRY(app.prepare_signer());
  return release::RecordSigner(
      [&app](const oci::Descriptor& subject, const std::string&, const std::string& predicate_type,
             const std::string& predicate) -> Result<std::vector<release::Artifact>> {
        const Signer* signer = TRY(app.signer());
        const sign::Artifact bundle =
            TRY(sign::attest_as_bundle(subject, signer->key(), predicate_type, predicate, now()));
        release::Artifact artifact = TRY(to_release(bundle));
        std::vector<release::Artifact> artifacts;
        artifacts.push_back(std::move(artifact));
        return artifacts;
      });
}

Result<std::vector<std::string>> sign_image(App& app, release::Repository& repository,
                                            const oci::Descriptor& image,
                                            const std::map<std::string, std::string>& annotations) {
  const auto written =
      TRY(sign_in_formats(app, repository, image, annotations, app.settings().signing.formats));
  std::vector<std::string> sentences;
  for (const Written& one : written) sentences.push_back(sentence(one));
  return sentences;
}

}  // namespace imgforge::cli

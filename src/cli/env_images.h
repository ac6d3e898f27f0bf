// What the commands of `env` ask a registry, each question once: what a tag is, and whether a
// digest is there and signed.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "cli/app.h"
#include "cli/trust.h"
#include "env/contract.h"
#include "env/git.h"
#include "env/judge.h"
#include "release/repository.h"

namespace imgforge::cli {

/// By --trust-policy and the configuration; with `top`, the folder of a working tree, also by the
/// contract's own `trust_policy`. Pipelines give no `top`: whoever writes a commit must not choose
/// who is believed about it.
Result<sign::TrustPolicy> trust_for(const App& app, const env::Contract* contract,
                                    const std::string& top);

class EnvImages {
 public:
  /// Borrows the app's registries, which end with its progress.
  EnvImages(App& app, sign::TrustPolicy policy) : app_(app), policy_(std::move(policy)) {}

  /// nullopt: there is no such tag.
  Result<std::optional<oci::Digest>> resolve(const oci::RegistryReference& repository,
                                             const oci::Tag& tag);
  /// nullopt: it is there, and accepted by the trust policy.
  Result<std::optional<env::Finding>> judge(const oci::RegistryReference& repository,
                                            const oci::Digest& digest);
  /// The same for a pin, whose build tag must not be another image: build tags are written once.
  Result<std::optional<env::Finding>> judge_pin(const env::Contract& contract, const env::Pin& pin);
  /// Whether the annotation of a commit is its pin; asks only where it must.
  Result<std::optional<env::Finding>> settle(const env::Agreement& agreement,
                                             const env::Annotation& annotation,
                                             const env::Contract& contract);
  /// How many questions went out.
  std::size_t asked() const { return asked_; }

 private:
  Result<release::Repository*> open(const oci::RegistryReference& repository);

  App& app_;
  sign::TrustPolicy policy_;
  std::size_t asked_ = 0;
  std::map<std::string, std::unique_ptr<release::Repository>> repositories_;
  std::map<std::string, std::optional<oci::Digest>> tags_;
  std::map<std::string, std::optional<env::Finding>> judged_;
};

/// The contract of a commit: its file; for a commit without one, what its message says, in the
/// repository of the contract that is checked out, with a warning where the tag may have moved
/// since.
Result<env::Contract> contract_of_commit(App& app, const env::Git& git, const std::string& commit);

}  // namespace imgforge::cli

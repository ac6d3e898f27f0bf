#include "cli/env_images.h"

#include <fmt/format.h>

#include "base/file.h"
#include "cli/env_contract.h"
#include "cli/repositories.h"
#include "env/message.h"
#include "release/build_tag.h"

namespace imgforge::cli {
namespace {

std::string key_of(const oci::RegistryReference& repository, const std::string& rest) {
  return fmt::format("{}/{}{}", repository.host, repository.repository, rest);
}

}  // namespace

Result<sign::TrustPolicy> trust_for(const App& app, const env::Contract* contract,
                                    const std::string& top) {
  if (has_trust(app)) return load_trust(app);
  if (contract != nullptr && !top.empty() && !contract->trust_policy.empty()) {
    return base::with_context(
        sign::load_trust_policy(base::join_path(top, contract->trust_policy)),
        fmt::format("reading the trust policy that {} names", env::kContractFile));
  }
  return load_trust(app);  // which says what to do
}

Result<release::Repository*> EnvImages::open(const oci::RegistryReference& repository) {
  auto& opened = repositories_[key_of(repository, "")];
  if (!opened) opened = TRY(open_repository(app_, repository));
  return opened.get();
}

Result<std::optional<oci::Digest>> EnvImages::resolve(const oci::RegistryReference& repository,
                                                      const oci::Tag& tag) {
  const std::string key = key_of(repository, ":" + tag.to_string());
  if (const auto found = tags_.find(key); found != tags_.end()) return found->second;
  ++asked_;
  const auto descriptor = TRY(TRY(open(repository))->resolve(tag));
  return tags_[key] = descriptor ? std::optional(descriptor->digest) : std::nullopt;
}

Result<std::optional<env::Finding>> EnvImages::judge(const oci::RegistryReference& repository,
                                                     const oci::Digest& digest) {
  const std::string key = key_of(repository, "@" + digest.to_string());
  if (const auto found = judged_.find(key); found != judged_.end()) return found->second;
  ++asked_;
  release::Repository& there = *TRY(open(repository));
  std::optional<env::Finding> finding;
  const auto manifest = there.manifest(digest);
  if (!manifest && manifest.error().code() != Errc::not_found) return fail(manifest.error());
  if (!manifest) {
    finding = {env::FindingKind::unresolved, fmt::format("{} is not in the registry", key),
               "was it deleted? Retention must keep what commits pin: docs/howto/env.md"};
  } else {
    const Judged judged = TRY(judge_image(app_, there, manifest->descriptor, policy_));
    const auto accepted = require_accepted(judged, there, digest);
    if (!accepted) {
      finding = {env::FindingKind::unsigned_image, accepted.error().message(),
                 "imgforge verify " + key};
    }
  }
  return judged_[key] = std::move(finding);
}

Result<std::optional<env::Finding>> EnvImages::judge_pin(const env::Contract& contract,
                                                         const env::Pin& pin) {
  if (auto finding = TRY(judge(contract.repository, pin.digest))) return finding;
  if (pin.build.empty()) return std::nullopt;
  // Without it `pin.build` would be a name that a commit gives to any image it likes.
  const auto digest = TRY(resolve(contract.repository, TRY(oci::Tag::parse(pin.build))));
  if (!digest || *digest == pin.digest) return std::nullopt;
  return env::Finding{env::FindingKind::contradiction,
                      fmt::format("the pin says that {} is {}, which is {}", pin.digest.to_string(),
                                  pin.build, digest->to_string()),
                      "imgforge env pin writes what belongs together"};
}

Result<std::optional<env::Finding>> EnvImages::settle(const env::Agreement& agreement,
                                                      const env::Annotation& annotation,
                                                      const env::Contract& contract) {
  if (const auto* finding = std::get_if<env::Finding>(&agreement)) return *finding;
  const auto* ask = std::get_if<env::AskTag>(&agreement);
  if (ask == nullptr) return std::nullopt;
  const auto digest = TRY(resolve(contract.repository, ask->tag));
  if (!digest) {
    return env::Finding{env::FindingKind::unresolved,
                        fmt::format("the message says {}, and {} has no such tag",
                                    annotation.to_string(), contract.repository_name()),
                        fmt::format("write {} in the message", contract.annotation()->mark())};
  }
  if (*digest == contract.pin->digest) return std::nullopt;
  return env::contradiction(annotation, contract,
                            fmt::format("{} is {} now", ask->tag.to_string(), digest->to_string()));
}

Result<env::Contract> contract_of_commit(App& app, const env::Git& git, const std::string& commit) {
  auto found = contract_at(git, commit);
  if (found || found.error().code() != Errc::not_found) return found;
  const auto annotation = env::read_annotation(TRY(git.message(commit)));
  if (!annotation || !*annotation) return found;
  const env::Annotation& said = **annotation;
  const auto here = open_contract(app);
  if (!here || here->contract.name() != said.name()) return found;
  env::Contract contract;
  contract.repository = here->contract.repository;
  contract.trust_policy = here->contract.trust_policy;
  const oci::Tag tag = said.tag() ? *said.tag() : TRY(oci::Tag::parse(said.digest()->short_hex()));
  std::optional<oci::Digest> digest = said.digest();
  if (!digest) {
    digest = TRY(EnvImages(app, {}).resolve(contract.repository, tag));
    if (!digest) {
      return fail(
          Error(Errc::not_found,
                fmt::format("{} has no tag {} any more, which the commit {} "
                            "names",
                            contract.repository_name(), tag.to_string(), commit.substr(0, 12)))
              .hint("imgforge tags " + contract.repository_name()));
    }
    if (!release::looks_like_build_tag(tag.to_string())) {
      app.progress().warn(
          fmt::format("the commit {} has no {}, and {} may have been another image "
                      "when it was made",
                      commit.substr(0, 12), env::kContractFile, tag.to_string()));
    }
  }
  contract.pin = env::Pin{.tag = tag, .digest = *digest, .build = {}};
  return contract;
}

}  // namespace imgforge::cli

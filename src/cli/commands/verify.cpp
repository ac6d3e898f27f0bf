// verify: who has signed an image, and whether that is enough.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    IMGFORGE_TRUST_OPTIONS,
    {"key", 'k', "FILE", "instead of a policy: a signature by this public key will do", true},
    {"certificate", 0, "FILE",
     "the same for notation: a signature that this authority (PEM) vouches for", true},
    {"annotation", 'a', "KEY=VALUE", "with --key and --certificate: must be signed along", true},
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr std::size_t kMaximumFile = 1 << 20;

Result<std::string> read(const std::string& file) {
  return base::with_context(base::read_file(file, kMaximumFile), "reading who is trusted");
}

/// One rule for every repository: anybody of --key and --certificate.
Result<sign::TrustPolicy> policy_of_options(const App& app) {
  sign::TrustPolicy policy;
  sign::SignatureDemand demand;
  for (const std::string& file : app.args().values("key")) {
    sign::VerificationKey key = TRY(sign::VerificationKey::parse(TRY(read(file)), file));
    for (const sign::TrustedKey& other : policy.roots.keys) {
      if (other.key == key) {
        return fail(Errc::usage, fmt::format("{} and {} are the same key", other.name, file));
      }
    }
    policy.roots.keys.push_back({file, std::move(key)});
    demand.by.push_back(file);
  }
  for (const std::string& file : app.args().values("certificate")) {
    auto certificates = TRY(sign::parse_certificates(TRY(read(file)), file));
    policy.roots.authorities.push_back({file, std::move(certificates), {}});
    demand.by.push_back(file);
  }
  demand.annotations = TRY(key_values(app, "annotation"));
  sign::RepositoryRule rule;
  rule.match = {"**"};
  rule.signatures.push_back(std::move(demand));
  rule.where.file = "the command line";
  policy.rules.push_back(std::move(rule));
  return policy;
}

Result<sign::TrustPolicy> policy_of(const App& app) {
  const Args& args = app.args();
  const bool own = args.flag("key") || args.flag("certificate");
  if (own && args.flag("trust-policy")) {
    return fail(Error(Errc::usage, "a trust policy names its own keys")
                    .hint("give --trust-policy, or --key and --certificate"));
  }
  if (own) return policy_of_options(app);
  if (args.flag("annotation")) {
    return fail(Error(Errc::usage, "--annotation goes with --key or --certificate")
                    .hint("a trust policy says itself which annotations it demands"));
  }
  auto policy = load_trust(app);
  if (!policy && !has_trust(app)) {
    return fail(Error(Errc::usage, "nobody is named to be trusted")
                    .hint("give --key PUB, --certificate CA or --trust-policy FILE, or write "
                          "trust_policy: FILE in the configuration"));
  }
  return policy;
}

std::string who(const sign::Signer& signer) {
  return signer.certificate_subject.empty()
             ? signer.name
             : fmt::format("{} ({})", signer.name, signer.certificate_subject);
}

std::string pairs(const std::map<std::string, std::string>& map) {
  std::vector<std::string> words;
  for (const auto& [key, value] : map) words.push_back(key + "=" + value);
  return base::join(words, " ");
}

std::string report(const Judged& judged) {
  using Align = Table::Align;
  std::string out;
  if (!judged.found.signatures.empty()) {
    Table table({{"SIGNED BY", Align::left},
                 {"FORMAT", Align::left},
                 {"KEY", Align::left},
                 {"TIME", Align::left},
                 {"ANNOTATIONS", Align::left}});
    for (const auto& one : judged.found.signatures) {
      table.add({who(one.signer), std::string(sign::to_string(one.format)),
                 one.signer.key_fingerprint.substr(0, 12),
                 one.signed_at ? base::format_time(*one.signed_at) : "-", pairs(one.annotations)});
    }
    out += "\n" + table.to_string();
  }
  if (!judged.found.attestations.empty()) {
    Table table({{"ATTESTED BY", Align::left},
                 {"FORMAT", Align::left},
                 {"KEY", Align::left},
                 {"TYPE", Align::left}});
    for (const auto& one : judged.found.attestations) {
      table.add({who(one.signer), std::string(sign::to_string(one.format)),
                 one.signer.key_fingerprint.substr(0, 12), one.predicate_type});
    }
    out += "\n" + table.to_string();
  }
  if (!judged.found.rejected.empty()) {
    Table table({{"REJECTED", Align::left}, {"WHY", Align::left}});
    for (const sign::Rejected& one : judged.found.rejected) {
      table.add({one.artifact.short_hex(), one.error.summary()});
    }
    out += "\n" + table.to_string();
  }
  if (!judged.decision.checks.empty()) {
    Table table({{"WANTED", Align::left}, {"MET", Align::left}, {"FOUND", Align::left}});
    for (const sign::PolicyCheck& check : judged.decision.checks) {
      table.add({check.demand, check.met ? "yes" : "no", check.found});
    }
    out += "\n" + table.to_string();
  }
  return out;
}

base::Json to_json(const sign::Signer& signer) {
  base::Json json = {{"name", signer.name}, {"key", signer.key_fingerprint}};
  if (!signer.certificate_subject.empty()) json["subject"] = signer.certificate_subject;
  return json;
}

base::Json to_json(const Judged& judged) {
  base::Json json = {{"accepted", judged.decision.accepted}, {"rule", judged.decision.rule},
                     {"signatures", base::Json::array()},    {"attestations", base::Json::array()},
                     {"rejected", base::Json::array()},      {"checks", base::Json::array()}};
  for (const auto& one : judged.found.signatures) {
    base::Json row = {{"format", std::string(sign::to_string(one.format))},
                      {"signer", to_json(one.signer)},
                      {"annotations", one.annotations},
                      {"artifact", one.artifact.to_string()}};
    if (one.signed_at) row["time"] = base::format_time(*one.signed_at);
    json["signatures"].push_back(std::move(row));
  }
  for (const auto& one : judged.found.attestations) {
    base::Json predicate = *base::parse_json(one.predicate, "a predicate");
    json["attestations"].push_back({{"format", std::string(sign::to_string(one.format))},
                                    {"signer", to_json(one.signer)},
                                    {"type", one.predicate_type},
                                    {"predicate", std::move(predicate)},
                                    {"artifact", one.artifact.to_string()}});
  }
  for (const sign::Rejected& one : judged.found.rejected) {
    json["rejected"].push_back(
        {{"artifact", one.artifact.to_string()}, {"why", one.error.summary()}});
  }
  for (const sign::PolicyCheck& check : judged.decision.checks) {
    json["checks"].push_back(
        {{"wanted", check.demand}, {"met", check.met}, {"found", check.found}});
  }
  return json;
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "verify", "HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST"));
  const sign::TrustPolicy policy = TRY(policy_of(app));
  const RegistryImage image = TRY(open_registry_image(app, app.args().positional()[0]));
  const Judged judged = TRY(judge_image(app, *image.repository, image.descriptor(), policy));
  const auto accepted = require_accepted(judged, *image.repository, image.descriptor().digest);
  app.close_progress();
  const std::string digest = image.descriptor().digest.to_string();
  if (!app.json()) {
    TRY(print(fmt::format("{}@{}\n{}", image.repository->name(), digest, report(judged))));
    TRY(accepted);
    TRY(print("\naccepted\n"));
    return 0;
  }
  base::Json document = to_json(judged);
  document["image"] = image.repository->name();
  document["digest"] = digest;
  return print_judgement(app, std::move(document), accepted ? nullptr : &accepted.error());
}

}  // namespace

Command verify_command() {
  return {
      .name = "verify",
      .summary = "show who signed an image, and whether that is enough",
      .synopsis = "HOST/REPOSITORY:TAG|@DIGEST [options]",
      .details =
          "Who is trusted stands in a trust policy (docs/reference/trust-policy.md), or is given "
          "with --key and --certificate.\n"
          "All forms of signatures are read, and attestations with them; an attestation is no "
          "signature. Exit code 5: not enough.\n\n"
          "Examples:\n"
          "  imgforge verify harbor.example/ml/app:v1\n"
          "  imgforge verify harbor.example/ml/app:v1 --trust-policy trust.yaml --json\n"
          "  imgforge verify harbor.example/ml/app:v1 --key release.pub --key platform.pub",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

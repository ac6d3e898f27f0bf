#include <algorithm>
#include <map>
#include <set>

#include "base/text.h"
#include "sign/trust_policy.h"

namespace imgforge::sign {
namespace {

// How many different names can be given different keys among the signatures: a maximum matching,
// so that neither one key under two names nor one name with two keys counts twice.
class DistinctSigners {
 public:
  void add(const std::string& name, const std::string& key) { keys_of_[name].insert(key); }
  int count() {
    int matched = 0;
    for (const auto& [name, keys] : keys_of_) {
      std::set<std::string> visited;
      if (augment(name, visited)) ++matched;
    }
    return matched;
  }

 private:
  bool augment(const std::string& name, std::set<std::string>& visited) {
    for (const std::string& key : keys_of_[name]) {
      if (!visited.insert(key).second) continue;
      const auto taken = name_of_.find(key);
      if (taken == name_of_.end() || augment(taken->second, visited)) {
        name_of_[key] = name;
        return true;
      }
    }
    return false;
  }
  std::map<std::string, std::set<std::string>> keys_of_;
  std::map<std::string, std::string> name_of_;
};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string describe(const std::map<std::string, std::string>& annotations) {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : annotations) pairs.push_back(key + "=" + value);
  return base::join(pairs, ", ");
}

std::string describe(const SignatureDemand& demand) {
  std::string text = demand.at_least == 1
                         ? "a signature by "
                         : "signatures by " + std::to_string(demand.at_least) + " of ";
  text += base::join(demand.by, " or ");
  if (!demand.formats.empty()) {
    std::vector<std::string> names;
    for (Format format : demand.formats) names.emplace_back(to_string(format));
    text += " as " + base::join(names, " or ");
  }
  if (!demand.annotations.empty()) text += " with " + describe(demand.annotations);
  return text;
}

// Why this signature does not serve; empty when it does.
std::string objection(const SignatureDemand& demand, const VerifiedSignature& signature) {
  if (!contains(demand.by, signature.signer.name)) return "is not asked for";
  if (!demand.formats.empty() && std::find(demand.formats.begin(), demand.formats.end(),
                                           signature.format) == demand.formats.end()) {
    return "is in another format";
  }
  for (const auto& [key, value] : demand.annotations) {
    const auto found = signature.annotations.find(key);
    if (found == signature.annotations.end()) return "lacks " + key + "=" + value;
    if (found->second != value) return "says " + key + "=" + found->second;
  }
  return "";
}

std::string describe(const VerifiedSignature& signature) {
  std::string text = signature.signer.name + " (" + std::string(to_string(signature.format)) + ")";
  if (!signature.signer.certificate_subject.empty()) {
    text += ", " + signature.signer.certificate_subject;
  }
  return text;
}

std::string describe_rejected(const Verification& verification) {
  if (verification.rejected.empty()) return "";
  const std::size_t more = verification.rejected.size() - 1;
  return "not valid: " + verification.rejected.front().error.summary() +
         (more == 0 ? "" : " (and " + std::to_string(more) + " more)");
}

PolicyCheck check(const SignatureDemand& demand, const Verification& verification) {
  PolicyCheck out{describe(demand), false, {}};
  DistinctSigners signers;
  std::vector<std::string> good;
  std::vector<std::string> others;
  for (const VerifiedSignature& signature : verification.signatures) {
    const std::string why = objection(demand, signature);
    if (why.empty()) {
      signers.add(signature.signer.name, signature.signer.key_fingerprint);
      good.push_back(describe(signature));
    } else {
      others.push_back(describe(signature) + " " + why);
    }
  }
  out.met = signers.count() >= demand.at_least;
  if (out.met) {
    out.found = base::join(good, "; ");
    return out;
  }
  good.insert(good.end(), others.begin(), others.end());
  const std::string rejected = describe_rejected(verification);
  if (!rejected.empty()) good.push_back(rejected);
  if (good.empty() && !verification.attestations.empty()) {
    good.push_back("attestations only, and an attestation is no signature");
  }
  out.found = good.empty() ? "no signature" : base::join(good, "; ");
  return out;
}

PolicyCheck check(const AttestationDemand& demand, const Verification& verification) {
  PolicyCheck out{
      "an attestation " + demand.predicate_type + " by " + base::join(demand.by, " or "),
      false,
      {}};
  std::vector<std::string> others;
  for (const VerifiedAttestation& attestation : verification.attestations) {
    if (attestation.predicate_type != demand.predicate_type) continue;
    if (contains(demand.by, attestation.signer.name)) {
      out.met = true;
      out.found = attestation.signer.name + " (" + std::string(to_string(attestation.format)) + ")";
      return out;
    }
    others.push_back("by " + attestation.signer.name + ", who is not asked for");
  }
  const std::string rejected = describe_rejected(verification);
  if (!rejected.empty()) others.push_back(rejected);
  out.found = others.empty() ? "none of that type" : base::join(others, "; ");
  return out;
}

bool is_named(const RepositoryRule& rule, const std::string& name) {
  const auto names = [&](const auto& demand) { return contains(demand.by, name); };
  if (rule.signatures.empty() && rule.attestations.empty()) return true;
  return std::any_of(rule.signatures.begin(), rule.signatures.end(), names) ||
         std::any_of(rule.attestations.begin(), rule.attestations.end(), names);
}

}  // namespace

const RepositoryRule* find_rule(const TrustPolicy& policy, std::string_view repository) {
  for (const RepositoryRule& rule : policy.rules) {
    for (const std::string& pattern : rule.match) {
      if (repository_matches(pattern, repository)) return &rule;
    }
  }
  return nullptr;
}

bool believes_signature(const RepositoryRule& rule, const VerifiedSignature& signature) {
  if (rule.signatures.empty()) return is_named(rule, signature.signer.name);
  return std::any_of(rule.signatures.begin(), rule.signatures.end(),
                     [&](const auto& demand) { return objection(demand, signature).empty(); });
}

bool believes_statement(const RepositoryRule& rule, const VerifiedAttestation& statement) {
  bool spoken_of = false;
  for (const AttestationDemand& demand : rule.attestations) {
    if (demand.predicate_type != statement.predicate_type) continue;
    if (contains(demand.by, statement.signer.name)) return true;
    spoken_of = true;
  }
  return !spoken_of && is_named(rule, statement.signer.name);
}

bool repository_matches(std::string_view pattern, std::string_view text) {
  // Dynamic programming over prefixes of the text: linear in both, whatever the stars.
  std::vector<char> row(text.size() + 1, 0);
  row[0] = 1;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const bool star = pattern[i] == '*';
    const bool everything = star && pattern.substr(i).starts_with("**");
    if (everything) ++i;
    std::vector<char> next(text.size() + 1, 0);
    if (star) next[0] = row[0];
    for (std::size_t j = 1; j <= text.size(); ++j) {
      if (star) {
        next[j] = row[j] || (next[j - 1] && (everything || text[j - 1] != '/'));
      } else {
        next[j] = row[j - 1] && pattern[i] == text[j - 1];
      }
    }
    row = std::move(next);
  }
  return row[text.size()] != 0;
}

Decision decide(const TrustPolicy& policy, std::string_view repository,
                const Verification& verification) {
  Decision decision;
  const RepositoryRule* rule = find_rule(policy, repository);
  if (rule == nullptr) {
    decision.checks.push_back(
        {"a rule for " + std::string(repository), false, "no rule of the trust policy matches"});
    return decision;
  }
  decision.rule = rule->where.line == 0 ? rule->where.file : rule->where.file + ":" + std::to_string(rule->where.line);
  for (const SignatureDemand& demand : rule->signatures) {
    decision.checks.push_back(check(demand, verification));
  }
  for (const AttestationDemand& demand : rule->attestations) {
    if (demand.required) decision.checks.push_back(check(demand, verification));
  }
  decision.accepted = std::all_of(decision.checks.begin(), decision.checks.end(),
                                  [](const PolicyCheck& check) { return check.met; });
  return decision;
}

Result<> require(const Decision& decision, std::string_view repository) {
  if (decision.accepted) return {};
  std::vector<std::string> lacking;
  for (const PolicyCheck& check : decision.checks) {
    if (!check.met) lacking.push_back("wanted " + check.demand + ", found " + check.found);
  }
  Error error(Errc::mismatch, "the trust policy does not accept this image of " +
                                  std::string(repository) + ": " + base::join(lacking, "; "));
  if (decision.rule.empty()) {
    return fail(std::move(error).hint("add a rule for it under repositories:"));
  }
  return fail(std::move(error).hint("the rule is that of " + decision.rule));
}

}  // namespace imgforge::sign

// Who must have signed what: a file of the release owner, read strictly, and the decision by it
// over what verify() found. Grammar and meaning: docs/reference/trust-policy.md.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sign/verify.h"

namespace imgforge::sign {

struct SignatureDemand {
  std::vector<std::string> by;  // names of keys and authorities: any of them
  int at_least = 1;             // so many different ones, with different keys
  std::vector<Format> formats;  // empty: any
  std::map<std::string, std::string> annotations;
};

struct AttestationDemand {
  std::string predicate_type;
  std::vector<std::string> by;
  bool required = true;  // false: only says who is believed
};

struct RepositoryRule {
  std::vector<std::string> match;  // patterns of "host/repository"
  bool accept_unsigned = false;
  std::vector<SignatureDemand> signatures;      // all must be met
  std::vector<AttestationDemand> attestations;  // all must be met
  Location where;
};

struct TrustPolicy {
  TrustRoots roots;
  std::vector<RepositoryRule> rules;  // the first that matches decides
};

/// The content of a file that the policy names, by its path as written there.
using ReadNamedFile = std::function<Result<std::string>(const std::string& path)>;

/// `file` is the name shown in errors, which have the place.
Result<TrustPolicy> parse_trust_policy(std::string_view yaml, const std::string& file,
                                       const ReadNamedFile& read);
/// Reads the file; paths in it are relative to its folder.
Result<TrustPolicy> load_trust_policy(const std::string& file);

struct PolicyCheck {
  std::string demand;  // "a signature by release or platform"
  bool met = false;
  std::string found;  // the evidence, or what there was instead
};

struct Decision {
  bool accepted = false;
  std::string rule;  // "trust.yaml:12", or empty when no rule matches
  std::vector<PolicyCheck> checks;
};

/// `repository` is "host/path" without tag and digest. A repository that no rule matches is not
/// accepted.
Decision decide(const TrustPolicy& policy, std::string_view repository,
                const Verification& verification);

/// The rule that decides for a repository; null when none matches. Borrowed from the policy.
const RepositoryRule* find_rule(const TrustPolicy& policy, std::string_view repository);

/// Whether the rule takes this signer's word: somebody whom one of its demands names (any key of
/// the policy, when it names nobody). For statements of a type that the rule speaks of, only those
/// whom it names for that type.
bool believes_signature(const RepositoryRule& rule, const VerifiedSignature& signature);
bool believes_statement(const RepositoryRule& rule, const VerifiedAttestation& statement);

/// Errc::mismatch with every demand that is not met.
Result<> require(const Decision& decision, std::string_view repository);

/// '*' stands for any characters but '/', "**" for any at all.
bool repository_matches(std::string_view pattern, std::string_view repository);

}  // namespace imgforge::sign

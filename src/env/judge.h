// Whether a commit keeps its contract: what its message says against the pin at that commit, and
// the pin against the branch. Pure; questions to a registry are returned, not asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "env/contract.h"

namespace imgforge::env {

enum class FindingKind {
  no_contract,     // there is no .imgforge.yaml
  bad_contract,    // it cannot be read
  no_pin,          // nothing is pinned
  no_annotation,   // the message says nothing
  bad_annotation,  // it says something that cannot be read
  contradiction,   // message and pin name different images
  wrong_channel,   // another channel than the branch's
  unresolved,      // the registry does not have it
  unsigned_image,  // it is there, and not signed by whom the trust policy wants
};
std::string_view to_string(FindingKind kind);
/// The image itself is in doubt (exit code 5); otherwise a rule was not kept (exit code 7).
bool is_verification(FindingKind kind);

struct Finding {
  FindingKind kind;
  std::string sentence;
  std::string hint;
};

/// The message names a tag that the pin does not: both are the same image if the registry resolves
/// it to the pinned digest.
struct AskTag {
  oci::Tag tag;
};
struct Agrees {};
using Agreement = std::variant<Agrees, AskTag, Finding>;

/// An annotation against a contract that has a pin. The pin's tag and its build tag agree without
/// any question.
Agreement compare(const Annotation& annotation, const Contract& contract);
Finding contradiction(const Annotation& annotation, const Contract& contract, std::string why);

/// The rule of a branch against the pin: a channel of another branch is a mixture. nullopt: it is
/// kept, or there is none for this branch.
std::optional<Finding> check_branch(const Contract& contract, std::string_view branch);

/// A commit as a verification sees it.
struct CommitFacts {
  bool is_merge = false;
  /// Whether the pin is the one of a parent: the merge says nothing new then.
  bool keeps_a_parents_pin = false;
};
/// What is wrong with a message, or the agreement to look into. nullopt: a merge commit that says
/// nothing, and needs not to.
std::optional<Agreement> judge_message(std::string_view message, const Contract& contract,
                                       const CommitFacts& commit);

}  // namespace imgforge::env

#include "env/judge.h"

#include <fmt/format.h>

#include "env/message.h"

namespace imgforge::env {

std::string_view to_string(FindingKind kind) {
  switch (kind) {
    case FindingKind::no_contract:
      return "no-contract";
    case FindingKind::bad_contract:
      return "bad-contract";
    case FindingKind::no_pin:
      return "no-pin";
    case FindingKind::no_annotation:
      return "no-annotation";
    case FindingKind::bad_annotation:
      return "bad-annotation";
    case FindingKind::contradiction:
      return "contradiction";
    case FindingKind::wrong_channel:
      return "wrong-channel";
    case FindingKind::unresolved:
      return "unresolved";
    case FindingKind::unsigned_image:
      return "unsigned";
  }
  return "";
}

bool is_verification(FindingKind kind) {
  return kind == FindingKind::contradiction || kind == FindingKind::unresolved ||
         kind == FindingKind::unsigned_image || kind == FindingKind::bad_contract;
}

Finding contradiction(const Annotation& annotation, const Contract& contract, std::string why) {
  return {FindingKind::contradiction,
          fmt::format("the message says {}, the pin is {}: {}", annotation.to_string(),
                      contract.annotation()->to_string(), why),
          fmt::format("write {} in the message, or pin what you mean: imgforge env pin TAG",
                      contract.annotation()->mark())};
}

Agreement compare(const Annotation& annotation, const Contract& contract) {
  const Pin& pin = *contract.pin;
  if (annotation.name() != contract.name()) {
    return contradiction(annotation, contract,
                         fmt::format("the repository is {}", contract.repository_name()));
  }
  if (annotation.digest() && *annotation.digest() != pin.digest) {
    return contradiction(annotation, contract, "the digests differ");
  }
  if (!annotation.tag() || *annotation.tag() == pin.tag ||
      annotation.tag()->to_string() == pin.build) {
    return Agrees{};
  }
  return AskTag{*annotation.tag()};
}

std::optional<Finding> check_branch(const Contract& contract, std::string_view branch) {
  if (!contract.pin) return std::nullopt;
  const auto channel = contract.branches.channel_of(branch);
  if (!channel || *channel == contract.pin->tag.to_string()) return std::nullopt;
  return Finding{FindingKind::wrong_channel,
                 fmt::format("the branch {} is for the environment {}, and {} pins {}", branch,
                             *channel, kContractFile, contract.pin->tag.to_string()),
                 fmt::format("imgforge env pin {} && git add {}; after a merge that is the way to "
                             "keep this branch's environment",
                             *channel, kContractFile)};
}

std::optional<Agreement> judge_message(std::string_view message, const Contract& contract,
                                       const CommitFacts& commit) {
  if (!contract.pin) {
    return Finding{FindingKind::no_pin, fmt::format("{} has no pin", kContractFile),
                   fmt::format("imgforge env pin TAG && git add {}", kContractFile)};
  }
  const auto annotation = read_annotation(message);
  if (!annotation) {
    return Finding{FindingKind::bad_annotation, annotation.error().message(),
                   annotation.error().hint()};
  }
  if (!*annotation) {
    if (commit.is_merge && commit.keeps_a_parents_pin) return std::nullopt;
    return Finding{FindingKind::no_annotation, "the message does not say its environment",
                   fmt::format("write {} in a line of its own; `imgforge env hook install` does so "
                               "from then on",
                               contract.annotation()->mark())};
  }
  return compare(**annotation, contract);
}

}  // namespace imgforge::env

// What happened to a channel, as the predicate of an in-toto statement whose subject is the digest
// that the channel came to. History is read from these records, so that it needs no database and
// goes where the image goes. Format: docs/formats/channels.md "The promotion record".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/digest.h"

namespace imgforge::release {

inline constexpr const char* kPromotionPredicate = "https://imgforge.dev/promotion/v1";

enum class Outcome { passed, failed, skipped };
std::string_view to_string(Outcome outcome);

/// What one gate found. Every gate says what it looked at, whatever came out.
struct GateResult {
  std::string gate;  // "signature", "probe"; stable, for machines
  Outcome outcome = Outcome::failed;
  std::string found;   // one sentence
  std::string remedy;  // of a failure: what to do
  bool operator==(const GateResult&) const = default;
};

enum class Action { promote, rollback };
std::string_view to_string(Action action);

struct PromotionRecord {
  Action action = Action::promote;
  std::string channel;
  std::string repository;           // where the channel is
  std::optional<oci::Digest> from;  // nullopt: the channel was new
  oci::Digest to;
  std::string build_tag;  // of `to`; may be empty
  std::string source;     // the repository that the image came from, when it is another one
  std::string policy;     // digest of the channel policy; empty when none was asked
  std::vector<GateResult> gates;
  std::string who;
  base::Seconds when;
  std::string reason;  // may be empty for a promotion
  bool operator==(const PromotionRecord&) const = default;
};

/// The predicate, canonical JSON.
std::string to_json(const PromotionRecord& record);
/// Errc::unsupported for a version that this program does not know, Errc::invalid otherwise.
Result<PromotionRecord> parse_record(std::string_view json);

}  // namespace imgforge::release

// Version of the record: 1 first version. A change that old programs would misread raises it;
// unknown keys are accepted.
#include "release/record.h"

#include <fmt/format.h>

#include <array>

#include "base/json.h"

namespace imgforge::release {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::uint64_t kRecordVersion = 1;
constexpr std::array<std::string_view, 3> kOutcomes = {"passed", "failed", "skipped-by-policy"};
constexpr std::array<std::string_view, 2> kActions = {"promote", "rollback"};

void put(Json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

template <std::size_t N>
std::size_t word(JsonReader& reader, const char* key,
                 const std::array<std::string_view, N>& words) {
  const std::string text = reader.text(key);
  for (std::size_t i = 0; i < N; ++i) {
    if (words[i] == text) return i;
  }
  reader.reject(key, fmt::format("'{}' is not known", text));
  return 0;
}

std::optional<oci::Digest> digest(JsonReader& reader, const char* key) {
  const auto text = reader.optional_text(key);
  if (!text) return std::nullopt;
  auto value = oci::Digest::parse(*text);
  if (!value) {
    reader.reject(key, value.error().message());
    return std::nullopt;
  }
  return *std::move(value);
}

Result<std::vector<GateResult>> read_gates(JsonReader& reader) {
  std::vector<GateResult> gates;
  for (JsonReader& one : reader.objects_or_empty("gates")) {
    gates.push_back({.gate = one.text("gate"),
                     .outcome = static_cast<Outcome>(word(one, "outcome", kOutcomes)),
                     .found = one.text_or("found", ""),
                     .remedy = one.text_or("remedy", "")});
    TRY(one.finish_tolerant());
  }
  return gates;
}

}  // namespace

std::string_view to_string(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }
std::string_view to_string(Action action) { return kActions[static_cast<std::size_t>(action)]; }

std::string to_json(const PromotionRecord& record) {
  Json gates = Json::array();
  for (const GateResult& gate : record.gates) {
    Json one = {{"gate", gate.gate}, {"outcome", std::string(to_string(gate.outcome))}};
    put(one, "found", gate.found);
    put(one, "remedy", gate.remedy);
    gates.push_back(std::move(one));
  }
  Json root = {{"record", kRecordVersion},    {"action", std::string(to_string(record.action))},
               {"channel", record.channel},   {"repository", record.repository},
               {"to", record.to.to_string()}, {"gates", std::move(gates)},
               {"who", record.who},           {"when", base::format_time(record.when)}};
  if (record.from) root["from"] = record.from->to_string();
  put(root, "buildTag", record.build_tag);
  put(root, "source", record.source);
  put(root, "policy", record.policy);
  put(root, "reason", record.reason);
  return base::canonical_json(root);
}

Result<PromotionRecord> parse_record(std::string_view json) {
  const Json root = TRY(base::parse_json(json, "the promotion record"));
  JsonReader reader(root, "record");
  const std::uint64_t version = reader.number("record");
  TRY(reader.finish_tolerant());
  if (version != kRecordVersion) {
    return fail(Error(Errc::unsupported,
                      fmt::format("the promotion record has version {}, and this program reads {}",
                                  version, kRecordVersion))
                    .hint("a newer imgforge reads it"));
  }
  auto to = digest(reader, "to");
  if (!to) {
    reader.text("to");  // says what is missing
    TRY(reader.finish_tolerant());
    return fail(Errc::internal, "a record without a digest was not noticed");
  }
  PromotionRecord record{.action = static_cast<Action>(word(reader, "action", kActions)),
                         .channel = reader.text("channel"),
                         .repository = reader.text("repository"),
                         .from = digest(reader, "from"),
                         .to = *std::move(to),
                         .build_tag = reader.text_or("buildTag", ""),
                         .source = reader.text_or("source", ""),
                         .policy = reader.text_or("policy", ""),
                         .who = reader.text("who"),
                         .reason = reader.text_or("reason", "")};
  const auto when = base::parse_time(reader.text("when"));
  if (when) {
    record.when = *when;
  } else {
    reader.reject("when", when.error().message());
  }
  auto gates = read_gates(reader);
  if (gates) record.gates = *std::move(gates);
  TRY(reader.finish_tolerant());
  if (!gates) return fail(std::move(gates.error()));
  return record;
}

}  // namespace imgforge::release

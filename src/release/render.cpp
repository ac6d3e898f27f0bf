#include "release/render.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "release/duration.h"
#include "release/table.h"

namespace imgforge::release {
namespace {

using base::Json;

std::string short_form(const std::optional<oci::Digest>& digest) {
  return digest ? digest->short_hex() : "nothing";
}

Json digest_json(const std::optional<oci::Digest>& digest) {
  return digest ? Json(digest->to_string()) : Json();
}

Json time_json(const std::optional<base::Seconds>& time) {
  return time ? Json(base::format_time(*time)) : Json();
}

Json gates_json(const std::vector<GateResult>& gates) {
  Json out = Json::array();
  for (const GateResult& gate : gates) {
    Json one = {{"gate", gate.gate},
                {"outcome", std::string(to_string(gate.outcome))},
                {"found", gate.found}};
    if (!gate.remedy.empty()) one["remedy"] = gate.remedy;
    out.push_back(std::move(one));
  }
  return out;
}

std::string components_text(const TagParts& parts) {
  std::vector<std::string> words;
  if (!parts.pytorch.empty()) words.push_back("pytorch " + parts.pytorch);
  if (!parts.cuda.empty()) words.push_back("cuda " + parts.cuda);
  if (!parts.os.empty()) words.push_back(parts.os);
  if (!parts.python.empty()) words.push_back("python " + parts.python);
  if (!parts.arch.empty()) words.push_back(parts.arch);
  return base::join(words, ", ");
}

Json components_json(const TagParts& parts) {
  Json out = Json::object();
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) out[key] = value;
  };
  put("pytorch", parts.pytorch);
  put("cuda", parts.cuda);
  put("os", parts.os);
  put("python", parts.python);
  put("arch", parts.arch);
  put("build", parts.build);
  return out;
}

std::string probe_text(const TagRow& row, base::Seconds now) {
  if (!row.probe) return "none";
  std::string gpu = row.probe->gpus.empty() ? "no GPU" : row.probe->gpus.front().name;
  if (row.probe->gpus.size() > 1) gpu += fmt::format(" +{}", row.probe->gpus.size() - 1);
  const std::int64_t age = std::max<std::int64_t>(0, now.value - row.probe->when.value);
  return fmt::format("{} on {}, {} ago", row.probe->passed ? "ok" : "failed", gpu,
                     human_duration(age));
}

Json probe_json(const std::optional<ProbeReport>& probe) {
  if (!probe) return Json();
  Json gpus = Json::array();
  for (const ProbeReport::Gpu& gpu : probe->gpus) {
    gpus.push_back({{"name", gpu.name}, {"compute_capability", gpu.compute_capability}});
  }
  return {{"passed", probe->passed},
          {"gpus", std::move(gpus)},
          {"driver", probe->driver},
          {"when", base::format_time(probe->when)},
          {"signer", probe->signer}};
}

// The components have their own column; what is left of a build tag is its id.
std::string what_text(const TagRow& row) {
  std::string what(row.kind == TagKind::other ? "" : to_string(row.kind));
  if (!row.channel_kind.empty()) what += " " + row.channel_kind;
  if (row.kind != TagKind::build && !row.build.empty()) {
    what += (what.empty() ? "= " : " = ") + row.components.build;
  }
  return what;
}

void append_lines(std::string& out, const char* title, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) out += fmt::format("{}: {}\n", title, line);
}

}  // namespace

std::string gates_text(const std::vector<GateResult>& gates) {
  Table table({"GATE", "RESULT", "FOUND"});
  for (const GateResult& gate : gates) {
    table.add({gate.gate, std::string(to_string(gate.outcome)), gate.found});
    if (!gate.remedy.empty()) table.add({"", "", "-> " + gate.remedy});
  }
  return table.to_string();
}

std::string plan_text(const MovePlan& plan) {
  const std::string digest = plan.image.descriptor.digest.to_string();
  std::string out = fmt::format("{} {} in {}\n  image    {}\n", to_string(plan.action),
                                plan.channel.name, plan.repository, digest);
  if (plan.build_tag) out += fmt::format("  build    {}\n", plan.build_tag->to_string());
  if (plan.travels()) out += fmt::format("  from     {}\n", plan.source);
  out +=
      fmt::format("  channel  {}\n", plan.before ? plan.before->to_string() : "does not exist yet");
  if (!plan.reason.empty()) out += fmt::format("  reason   {}\n", plan.reason);
  if (!plan.channel.who.empty()) {
    out += fmt::format("  moved by {}\n", base::join(plan.channel.who, ", "));
  }
  out += "\n" + gates_text(plan.gates) + "\n";
  const auto steps = steps_of(plan);
  for (std::size_t i = 0; i < steps.size(); ++i) out += fmt::format("{}. {}\n", i + 1, steps[i]);
  return out;
}

std::string move_json(const MovePlan& plan, const MoveResult* result) {
  const bool failed = std::any_of(plan.gates.begin(), plan.gates.end(), [](const GateResult& one) {
    return one.outcome == Outcome::failed;
  });
  Json out = {{"action", std::string(to_string(plan.action))},
              {"channel", plan.channel.name},
              {"repository", plan.repository},
              {"source", plan.source},
              {"from", digest_json(plan.before)},
              {"to", plan.image.descriptor.digest.to_string()},
              {"already_there", plan.is_there()},
              {"passed", !failed},
              {"gates", gates_json(plan.gates)},
              {"steps", steps_of(plan)},
              {"dry_run", result == nullptr},
              {"moved", result != nullptr && result->moved}};
  if (plan.build_tag) out["build_tag"] = plan.build_tag->to_string();
  if (!plan.reason.empty()) out["reason"] = plan.reason;
  if (result != nullptr) out["done"] = result->done;
  return base::pretty_json(out);
}

std::string history_text(const History& history) {
  std::string out;
  if (history.now && !history.now_is_recorded) {
    out += fmt::format("{} names {}, and no trusted record says how it came there\n\n",
                       history.channel, history.now->to_string());
  } else if (!history.now) {
    out += fmt::format("there is no {} now\n\n", history.channel);
  }
  Table table({"WHEN", "WHAT", "FROM", "TO", "BUILD", "WHO", "SIGNED BY", "STANDING", "REASON"});
  for (const HistoryEntry& entry : history.entries) {
    const PromotionRecord& record = entry.move.record;
    table.add({base::format_time(record.when), std::string(to_string(record.action)),
               short_form(record.from) + (entry.gap_before ? " (unrecorded)" : ""),
               record.to.short_hex(), record.build_tag, record.who, entry.move.signer,
               std::string(to_string(entry.standing)), record.reason});
  }
  out += history.entries.empty() ? "no records\n" : table.to_string();
  append_lines(out, "problem", history.problems);
  return out;
}

std::string history_json(const History& history) {
  Json entries = Json::array();
  for (const HistoryEntry& entry : history.entries) {
    const PromotionRecord& record = entry.move.record;
    Json one = {{"when", base::format_time(record.when)},
                {"action", std::string(to_string(record.action))},
                {"from", digest_json(record.from)},
                {"to", record.to.to_string()},
                {"who", record.who},
                {"reason", record.reason},
                {"signer", entry.move.signer},
                {"trusted", entry.move.trusted},
                {"standing", std::string(to_string(entry.standing))},
                {"gap_before", entry.gap_before},
                {"gates", gates_json(record.gates)}};
    if (!record.build_tag.empty()) one["build_tag"] = record.build_tag;
    if (!record.source.empty()) one["source"] = record.source;
    if (!record.policy.empty()) one["policy"] = record.policy;
    entries.push_back(std::move(one));
  }
  return base::pretty_json({{"channel", history.channel},
                            {"now", digest_json(history.now)},
                            {"now_is_recorded", history.now_is_recorded},
                            {"entries", std::move(entries)},
                            {"problems", history.problems}});
}

std::string tags_text(const TagList& list, base::Seconds now) {
  Table table({"TAG", "DIGEST", "WHAT", "COMPONENTS", "SIGNED BY", "PROBE", "AGE"});
  for (const TagRow& row : list.rows) {
    table.add({row.tag, row.digest.short_hex(), what_text(row), components_text(row.components),
               row.signers.empty() ? "nobody" : base::join(row.signers, ", "), probe_text(row, now),
               row.created
                   ? human_duration(std::max<std::int64_t>(0, now.value - row.created->value))
                   : "unknown"});
  }
  std::string out = list.rows.empty() ? "no tags\n" : table.to_string();
  append_lines(out, "problem", list.problems);
  return out;
}

std::string tags_json(const TagList& list) {
  Json rows = Json::array();
  for (const TagRow& row : list.rows) {
    Json one = {{"tag", row.tag},
                {"digest", row.digest.to_string()},
                {"kind", std::string(to_string(row.kind))},
                {"components", components_json(row.components)},
                {"signers", row.signers},
                {"probe", probe_json(row.probe)},
                {"created", time_json(row.created)}};
    if (!row.channel_kind.empty()) one["channel_kind"] = row.channel_kind;
    if (!row.build.empty()) one["build"] = row.build;
    rows.push_back(std::move(one));
  }
  return base::pretty_json(
      {{"repository", list.repository}, {"tags", std::move(rows)}, {"problems", list.problems}});
}

}  // namespace imgforge::release

#include "release/channel_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "document/fields.h"
#include "oci/reference.h"
#include "release/build_tag.h"
#include "release/duration.h"

namespace imgforge::release {

using document::Fields;
using document::Node;

namespace {

constexpr std::array<std::string_view, 5> kParts = {"pytorch", "cuda", "os", "python", "arch"};
constexpr std::array<std::string_view, 2> kSbomFormats = {"spdx", "cyclonedx"};

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

// One of a few words, with the nearest one in the error.
Result<> check_word(const std::string& word, std::span<const std::string_view> words,
                    const char* what, const Location& where) {
  if (std::find(words.begin(), words.end(), word) != words.end()) return {};
  const auto near = base::nearest(word, words);
  const std::vector<std::string> names(words.begin(), words.end());
  return fail(Error(Errc::invalid, fmt::format("{} is no {}", quote(word), what))
                  .at(where)
                  .hint((near ? "did you mean " + quote(*near) + "? " : "") +
                        "possible are: " + base::join(names, ", ")));
}

std::optional<std::int64_t> read_duration(Fields& fields, const char* key) {
  const auto text = fields.optional_text(key);
  if (!text) return std::nullopt;
  const auto seconds = parse_duration(*text);
  if (!seconds) {
    fields.reject(key, seconds.error().message(), seconds.error().hint());
    return std::nullopt;
  }
  return *seconds;
}

// A gate that is written as true, as a map of its settings, or as false (which says that it is
// meant not to be asked for). nullopt: it is not asked for.
Result<std::optional<Node>> gate_node(Fields& gates, const char* key) {
  const auto node = gates.optional_node(key);
  if (!node) return std::nullopt;
  if (node->is_map()) return node;
  const bool flag = node->is_scalar() && !node->quoted();
  if (flag && node->text() == "false") return std::nullopt;
  if (flag && node->text() == "true") return Node::map({}, node->where());
  return fail(node->error(fmt::format("the gate {} must be true, false or a map", quote(key))));
}

Result<BuildTagGate> read_build_tag(const Node& node) {
  Fields fields(node, "the gate \"build_tag\"");
  BuildTagGate gate{.parts = fields.texts_or_empty("parts"),
                    .values = fields.text_map_or_empty("values")};
  TRY(fields.finish());
  for (const std::string& part : gate.parts) {
    TRY(check_word(part, kParts, "part of a build tag", fields.where("parts")));
  }
  for (const auto& [part, value] : gate.values) {
    TRY(check_word(part, kParts, "part of a build tag", fields.where("values")));
    if (!value.empty()) continue;
    return fail(Error(Errc::invalid, fmt::format("the part {} has no value", quote(part)))
                    .at(fields.where("values")));
  }
  return gate;
}

Result<SbomGate> read_sbom(const Node& node) {
  Fields fields(node, "the gate \"sbom\"");
  SbomGate gate{.is_signed = fields.flag_or("signed", true),
                .formats = fields.texts_or_empty("formats")};
  TRY(fields.finish());
  for (const std::string& format : gate.formats) {
    TRY(check_word(format, kSbomFormats, "format of an SBOM", fields.where("formats")));
  }
  return gate;
}

Result<ProvenanceGate> read_provenance(const Node& node) {
  Fields fields(node, "the gate \"provenance\"");
  const std::vector<std::string> builders = fields.texts_or_empty("builders");
  TRY(fields.finish());
  ProvenanceGate gate;
  for (const std::string& text : builders) {
    auto pattern = Pattern::parse(text);
    if (!pattern) return fail(std::move(pattern.error()).at(fields.where("builders")));
    gate.builders.push_back(*std::move(pattern));
  }
  return gate;
}

Result<ProbeGate> read_probe(const Node& node) {
  Fields fields(node, "the gate \"probe\"");
  ProbeGate gate;
  if (!fields.has("max_age")) fields.text("max_age");
  if (const auto age = read_duration(fields, "max_age")) gate.max_age = *age;
  const std::vector<std::string> gpus = fields.texts_or_empty("gpus");
  TRY(fields.finish());
  for (const std::string& text : gpus) {
    auto gpu = compute_capability(text);
    if (!gpu) {
      return fail(
          Error(Errc::invalid, fmt::format("{} is no compute capability of a GPU", quote(text)))
              .at(fields.where("gpus"))
              .hint("write 8.0 for an A100, 9.0 for an H100"));
    }
    gate.gpus.push_back(*std::move(gpu));
  }
  return gate;
}

Result<VulnerabilityGate> read_vulnerabilities(const Node& node) {
  Fields fields(node, "the gate \"vulnerabilities\"");
  VulnerabilityGate gate;
  if (!fields.has("at_most")) fields.text("at_most");
  const std::string most = fields.choice_or(
      "at_most", {"none", "unknown", "negligible", "low", "medium", "high", "critical"}, "none");
  if (const auto severity = parse_severity(most)) gate.at_most = *severity;
  gate.max_scan_age = read_duration(fields, "max_scan_age");
  gate.skip_without_scanner =
      fields.choice_or("without_scanner", {"fail", "skip"}, "fail") == "skip";
  TRY(fields.finish());
  return gate;
}

// Of `vulnerabilities` and `probe`, which cannot be just "true".
Result<> needs_settings(const Node& gates, const char* key, const char* example) {
  const auto node = gates.find(key);
  if (!node || !node->is_scalar() || node->text() != "true") return {};
  return fail(node->error(fmt::format("the gate {} needs its settings", quote(key)))
                  .hint(fmt::format("write {}: {}", key, example)));
}

Result<Gates> read_gates(const Node& node) {
  Fields fields(node, "the gates");
  Gates gates;
  gates.is_signed = fields.flag_or("signed", false);
  gates.not_older = fields.flag_or("not_older", true);
  gates.min_age = read_duration(fields, "min_age");
  if (node.is_map()) {
    TRY(needs_settings(node, "probe", "{max_age: 7d}"));
    TRY(needs_settings(node, "vulnerabilities", "{at_most: medium}"));
    TRY(needs_settings(node, "build_tag", "{parts: [pytorch, cuda]}"));
  }
  const auto build_tag = TRY(gate_node(fields, "build_tag"));
  const auto sbom = TRY(gate_node(fields, "sbom"));
  const auto provenance = TRY(gate_node(fields, "provenance"));
  const auto probe = TRY(gate_node(fields, "probe"));
  const auto vulnerabilities = TRY(gate_node(fields, "vulnerabilities"));
  TRY(fields.finish());
  if (build_tag) gates.build_tag = TRY(read_build_tag(*build_tag));
  if (sbom) gates.sbom = TRY(read_sbom(*sbom));
  if (provenance) gates.provenance = TRY(read_provenance(*provenance));
  if (probe) gates.probe = TRY(read_probe(*probe));
  if (vulnerabilities) gates.vulnerabilities = TRY(read_vulnerabilities(*vulnerabilities));
  return gates;
}

bool asks_for_signatures(const Gates& gates) {
  return gates.is_signed || gates.provenance || gates.probe ||
         (gates.sbom && gates.sbom->is_signed);
}

Result<> check_name(const Node& name, const Pattern& pattern) {
  constexpr std::string_view kAllowed = "*?[]!";
  const std::string& text = name.text();
  std::string plain;
  for (const char c : text) plain += kAllowed.find(c) == std::string_view::npos ? c : 'x';
  if (!oci::Tag::parse(plain)) {
    return fail(name.error(quote(text) + " cannot be the name of a channel")
                    .hint("a channel is a tag, such as v2.6-lts, nightly or v*-gpu"));
  }
  if (pattern.is_name() && looks_like_build_tag(text)) {
    return fail(name.error(quote(text) + " is a build tag, which is written once and never moved"));
  }
  return {};
}

std::size_t stars(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '*'));
}

Result<> check_stars(const ChannelRule& rule, const Fields& fields) {
  const Channel& channel = rule.channel;
  bool used = stars(channel.from) > 0;
  if (channel.gates.build_tag) {
    for (const auto& [part, value] : channel.gates.build_tag->values) used |= stars(value) > 0;
  }
  const bool one =
      stars(channel.name) == 1 && channel.name.find_first_of("?[") == std::string::npos;
  if (!used || one) return {};
  return fail(Error(Errc::invalid,
                    fmt::format("{} uses what \"*\" stands for, and its name has not exactly one",
                                quote(channel.name)))
                  .at(fields.where("from")));
}

std::string with_star(std::string text, const std::optional<std::string>& star) {
  return star ? base::replace_all(std::move(text), "*", *star) : text;
}

}  // namespace

std::optional<std::string> compute_capability(std::string_view text) {
  if (text.starts_with("sm_")) text.remove_prefix(3);
  std::string digits;
  int points = 0;
  for (const char c : text) {
    if (c == '.' && ++points == 1) continue;
    if (c < '0' || c > '9') return std::nullopt;
    digits += c;
  }
  if (digits.size() < 2 || digits.size() > 3) return std::nullopt;
  if (points == 1 && text[text.size() - 2] != '.') return std::nullopt;
  return digits.substr(0, digits.size() - 1) + "." + digits.back();
}

Result<ChannelRule> read_channel(const Node& name, const Node& body, const std::string& trust) {
  auto pattern = Pattern::parse(name.text());
  if (!pattern) return fail(std::move(pattern.error()).at(name.where()));
  TRY(check_name(name, *pattern));

  Fields fields(body, "the channel " + quote(name.text()));
  Channel channel{.name = name.text(),
                  .kind = fields.text_or("kind", ""),
                  .from = fields.text_or("from", ""),
                  .trust = fields.text_or("trust", trust),
                  .who = fields.texts_or_empty("who")};
  const auto gates = fields.optional_node("gates");
  TRY(fields.finish());
  if (gates) channel.gates = TRY(read_gates(*gates));
  if (channel.trust.empty() && asks_for_signatures(channel.gates)) {
    return fail(name.error(fmt::format("the gates of {} ask for signatures, and nothing says whose",
                                       quote(name.text())))
                    .hint("write trust: NAME, the name of a trust policy, in the channel or at the "
                          "top of the file"));
  }
  ChannelRule rule{*std::move(pattern), std::move(channel), name.where()};
  TRY(check_stars(rule, fields));
  return rule;
}

Channel apply_rule(const ChannelRule& rule, std::string_view name) {
  const auto star = captured(rule.pattern, name);
  Channel channel = rule.channel;
  channel.name = std::string(name);
  channel.from = with_star(channel.from, star);
  if (channel.gates.build_tag) {
    for (auto& [part, value] : channel.gates.build_tag->values) value = with_star(value, star);
  }
  return channel;
}

}  // namespace imgforge::release

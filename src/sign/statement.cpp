// statement = {"_type": version, "subject": [subject...], "predicateType": URI, "predicate":
// object} subject   = {"name"?, "digest": {algorithm: hex...}, "annotations"?: {name: text...}}
#include "sign/statement.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::sign {
namespace {

using base::Json;
using base::JsonReader;

constexpr const char* kVersion1 = "https://in-toto.io/Statement/v1";
constexpr const char* kVersion01 = "https://in-toto.io/Statement/v0.1";

constexpr std::array<std::pair<std::string_view, const char*>, 6> kShortNames = {{
    {"slsaprovenance1", predicate_type::kSlsaProvenance1},
    {"spdxjson", predicate_type::kSpdx},
    {"spdx", predicate_type::kSpdx},
    {"cyclonedx", predicate_type::kCycloneDx},
    {"vuln", predicate_type::kVulnerabilities},
    {"openvex", predicate_type::kOpenVex},
}};

bool is_uri(std::string_view text) {
  const std::size_t colon = text.find("://");
  return colon != std::string_view::npos && colon > 0 && colon + 3 < text.size() &&
         text.find_first_of(" \t\r\n\"<>") == std::string_view::npos;
}

// Annotations are free JSON in the framework; only texts are kept, as only they can be compared.
std::map<std::string, std::string> texts_of(const Json& object) {
  std::map<std::string, std::string> out;
  if (!object.is_object()) return out;
  for (const auto& [key, value] : object.items()) {
    if (value.is_string()) out.emplace(key, value.get<std::string>());
  }
  return out;
}

}  // namespace

Result<std::string> predicate_type_of(std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& [known, uri] : kShortNames) {
    if (known == name) return std::string(uri);
    names.push_back(known);
  }
  if (is_uri(name)) return std::string(name);
  const auto near = base::nearest(name, names);
  return fail(Error(Errc::invalid, "\"" + std::string(name) + "\" is no predicate type")
                  .hint(near ? "did you mean " + *near + "?"
                             : "give a URI, or slsaprovenance1, spdxjson, cyclonedx, vuln or "
                               "openvex"));
}

Result<std::string> to_json(const Statement& statement) {
  Json subjects = Json::array();
  for (const StatementSubject& subject : statement.subjects) {
    Json json = {{"digest", subject.digests}};
    if (!subject.name.empty()) json["name"] = subject.name;
    if (!subject.annotations.empty()) json["annotations"] = subject.annotations;
    subjects.push_back(std::move(json));
  }
  Json predicate = TRY(base::parse_json(statement.predicate, "the predicate"));
  if (!predicate.is_object()) return fail(Errc::invalid, "the predicate is not a JSON object");
  return base::canonical_json({{"_type", kVersion1},
                               {"subject", std::move(subjects)},
                               {"predicateType", statement.predicate_type},
                               {"predicate", std::move(predicate)}});
}

Result<Statement> parse_statement(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the in-toto statement"));
  JsonReader reader(json, "statement");
  const std::string version = reader.text("_type");
  if (version != kVersion1 && version != kVersion01) {
    reader.reject("_type", "is no version of in-toto's statement known here: " + version);
  }
  Statement statement;
  for (JsonReader& item : reader.objects("subject")) {
    StatementSubject subject;
    subject.name = item.text_or("name", "");
    subject.digests = item.text_map_or_empty("digest");
    subject.annotations = texts_of(item.value("annotations", false));
    TRY(item.finish_tolerant());
    statement.subjects.push_back(std::move(subject));
  }
  statement.predicate_type = reader.text("predicateType");
  // The framework allows no predicate at all; cosign's signatures have an empty one.
  const Json& predicate = reader.value("predicate", false);
  if (predicate.is_object()) {
    statement.predicate = base::canonical_json(predicate);
  } else if (!predicate.is_null()) {
    reader.reject("predicate", "must be an object");
  }
  TRY(reader.finish_tolerant());
  return statement;
}

Result<StatementSubject> find_subject(const Statement& statement, const oci::Digest& digest) {
  for (const StatementSubject& subject : statement.subjects) {
    const auto found = subject.digests.find("sha256");
    if (found != subject.digests.end() && found->second == digest.hex()) return subject;
  }
  std::string about = "nothing";
  if (!statement.subjects.empty()) {
    const auto& digests = statement.subjects.front().digests;
    const auto found = digests.find("sha256");
    about = found == digests.end() ? "something without a sha256" : "sha256:" + found->second;
  }
  return fail(Errc::mismatch,
              "the signed statement is about " + about + ", and not about " + digest.to_string());
}

}  // namespace imgforge::sign

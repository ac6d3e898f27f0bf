#include "schema.h"

#include <map>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include "base/file.h"
#include "base/json.h"
#include "catch.h"

using namespace imgforge;
using base::Json;
using valijson::adapters::NlohmannJsonAdapter;

struct Schema::Parsed {
  const Json& load(const std::string& name) {
    const std::string path = std::string(IMGFORGE_SOURCE_DIR) + "/docs/schema/" + name;
    const std::string text = REQUIRE_OK(base::read_file(path));
    documents[name] = std::make_unique<Json>(REQUIRE_OK(base::parse_json(text, name)));
    return *documents[name];
  }

  std::map<std::string, std::unique_ptr<Json>> documents;
  valijson::Schema schema;
};

Schema::Schema(const std::string& name) : parsed_(std::make_unique<Parsed>()) {
  valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
  const auto fetch = [this](const std::string& uri) {
    return &parsed_->load(base::base_name(uri));
  };
  const auto keep = [](const Json*) {};
  parser.populateSchema(NlohmannJsonAdapter(parsed_->load(name)), parsed_->schema, fetch, keep);
}

Schema::~Schema() = default;

std::string Schema::check(const document::Node& node) const {
  const Json value = REQUIRE_OK(base::parse_json(document::canonical(node), "canonical"));
  valijson::ValidationResults results;
  valijson::Validator validator;
  const NlohmannJsonAdapter adapter(value);
  if (validator.validate(parsed_->schema, adapter, &results)) return {};
  std::string out;
  for (valijson::ValidationResults::Error error; results.popError(error);) {
    for (const std::string& part : error.context) out += part;
    out += ": " + error.description + "\n";
  }
  return out.empty() ? "refused without a reason" : out;
}

std::string Schema::check(const std::string& yaml) const {
  return check(REQUIRE_OK(document::parse_yaml(yaml, "x")));
}

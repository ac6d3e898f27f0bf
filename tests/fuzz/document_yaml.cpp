// Any bytes as a YAML document: what is accepted has places inside the text, and canonical text
// that is JSON and reads back as itself. What is refused says where.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/json.h"
#include "document/node.h"
#include "document/secrets.h"

using namespace imgforge;
using document::Node;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_places(const Node& node, int lines) {
  require(node.where().line >= 1 && node.where().line <= lines && node.where().column >= 1);
  for (const Node& item : node.items()) check_places(item, lines);
  for (const auto& [key, value] : node.entries()) {
    require(key.is_scalar());
    check_places(key, lines);
    check_places(value, lines);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const int lines = static_cast<int>(std::count(text.begin(), text.end(), '\n')) + 1;
  const auto node = document::parse_yaml(text, "fuzz.yaml");
  document::looks_like_secret("name", text);
  if (!node) {
    require(node.error().code() == Errc::invalid);
    require(!node.error().message().empty() && node.error().where().file == "fuzz.yaml");
    require(node.error().where().line <= lines);
    return 0;
  }
  check_places(*node, lines);
  const std::string canonical = document::canonical(*node);
  require(base::parse_json(canonical, "canonical", 200).has_value());
  const auto again = document::parse_yaml(canonical, "again.yaml");
  require(again.has_value() && document::canonical(*again) == canonical);
  return 0;
}

#include "layer/python_part.h"

#include "base/json.h"

namespace imgforge::layer {

std::string format_python_part(const PythonPart& part) {
  base::Json json{
      {"version", part.version}, {"executable", part.executable}, {"prefix", part.prefix}};
  if (part.input) json["input"] = sources::to_json(*part.input);
  return base::canonical_json(json);
}

Result<PythonPart> parse_python_part(const std::string& text) {
  const auto json = TRY(base::parse_json(text, "the locked Python"));
  base::JsonReader reader(json, "python");
  PythonPart part{.version = reader.text("version"),
                  .executable = reader.text("executable"),
                  .prefix = reader.text("prefix")};
  const auto input = reader.object("input", /*required=*/false);
  TRY(reader.finish());
  if (input) part.input = TRY(sources::input_from_json(*input));
  return part;
}

}  // namespace imgforge::layer

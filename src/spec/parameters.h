// The parameters of a layer definition: how they are declared, what a user may give for them, and
// how they are put into the definition's text.
//
//   ${name}          the value; as a whole scalar it may be a list or a flag, and as a whole list
//                    item a list is spliced in
//   ${name|digits}   the digits alone: 11.8 -> 118
//   ${name|major}    2.6.0 -> 2
//   ${name|minor}    2.6.0 -> 2.6
//   $${              the two characters "${"
//
// A parameter without value (optional, no default) takes the key or list item that is exactly
// ${name} away; inside a longer text it is an error. Keys of maps are not substituted, and values
// are not searched again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "document/node.h"

namespace imgforge::spec {

struct Parameter {
  enum class Type { text, list, flag };
  std::string name;
  Type type = Type::text;
  std::optional<document::Node> fallback;  // the default; may refer to parameters before this one
  bool required = false;
  std::vector<std::string> choices;  // empty: anything
  std::string pattern;               // ECMAScript, of the whole value; empty: anything
  std::string summary;
};

/// Parameter name -> value; a null node for one without value.
using Bindings = std::map<std::string, document::Node>;

/// `node` is the map under `parameters:`.
Result<std::vector<Parameter>> parse_parameters(const document::Node& node);

/// Checks what `use` (the map {use:, with:}) gives for the parameters of `definition`, and fills in
/// defaults.
Result<Bindings> bind(const std::vector<Parameter>& parameters, const document::Node& use,
                      const std::string& definition);

Result<document::Node> substitute(const document::Node& node, const Bindings& bindings);

}  // namespace imgforge::spec

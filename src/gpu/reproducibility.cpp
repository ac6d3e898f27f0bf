#include "gpu/reproducibility.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::gpu {
namespace {

constexpr std::uint64_t kFormat = 1;

bool matches(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

/// PEP 503, "Normalized Names", near enough for names of distributions in file names.
std::string normalized(std::string_view name) {
  std::string out = base::to_lower(name);
  std::replace(out.begin(), out.end(), '_', '-');
  return out;
}

/// "2.36-9+deb12u4" -> "2.36", "1:3.11.2" -> "3.11".
std::string_view minor(std::string_view version) {
  if (const auto epoch = version.find(':'); epoch != version.npos) version.remove_prefix(epoch + 1);
  const auto first = version.find('.');
  if (first == version.npos) return version;
  return version.substr(0, version.find_first_not_of("0123456789", first + 1));
}

}  // namespace

Result<std::vector<Effect>> parse_effects(std::string_view text) {
  const base::Json json = TRY(base::parse_json(text, "the reproducibility data"));
  base::JsonReader root(json, "reproducibility");
  if (root.number("reproducibility") != kFormat) {
    root.reject("reproducibility", "is a version that this imgforge does not know");
  }
  root.text("date");
  const auto sources = root.text_map_or_empty("sources");
  std::vector<Effect> effects;
  for (base::JsonReader& row : root.objects("effects")) {
    Effect effect;
    effect.id = row.text("id");
    effect.what = row.text("what");
    effect.components = row.texts_or_empty("components");
    effect.packages = row.texts_or_empty("packages");
    effect.env = row.texts_or_empty("env");
    effect.minor_only = row.text_or("when", "any") == "minor";
    effect.changes = row.text("changes");
    const std::string source = row.text("source");
    const auto known = sources.find(source);
    if (known == sources.end()) {
      row.reject("source", "is not among the sources");
    } else {
      effect.source = known->second;
    }
    TRY(row.finish());
    effects.push_back(std::move(effect));
  }
  TRY(root.finish());
  return effects;
}

const std::vector<Effect>& known_effects() {
  // A test reads the built-in data; a program with broken ones would claim nothing.
  static const std::vector<Effect> kEffects =
      parse_effects(kReproducibilityJson).value_or(std::vector<Effect>());
  return kEffects;
}

bool concerns(const Effect& effect, Part part, std::string_view name, std::string_view before,
              std::string_view after) {
  const std::vector<std::string>& patterns = part == Part::component ? effect.components
                                             : part == Part::package ? effect.packages
                                                                     : effect.env;
  const std::string wanted = part == Part::environment ? std::string(name) : normalized(name);
  const bool named = std::any_of(patterns.begin(), patterns.end(),
                                 [&](const std::string& one) { return matches(one, wanted); });
  if (!named) return false;
  const bool both = !before.empty() && !after.empty();
  return !(effect.minor_only && part != Part::environment && both && minor(before) == minor(after));
}

}  // namespace imgforge::gpu

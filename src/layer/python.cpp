#include "layer/python.h"

#include <fmt/format.h>

#include "base/text.h"
#include "layer/file_rules.h"
#include "layer/layer_fields.h"
#include "layer/python_environment.h"
#include "layer/python_part.h"
#include "layer/standalone_python.h"

namespace imgforge::layer {

namespace {

constexpr const char* kStandaloneRole = "python-standalone";
constexpr std::size_t kSumsLimit = 16 << 20;

bool agrees(std::string_view exact, std::string_view wanted) {
  return wanted.empty() || exact == wanted ||
         (exact.starts_with(wanted) && exact.substr(wanted.size()).starts_with('.')) ||
         (wanted.starts_with(exact) && wanted.substr(exact.size()).starts_with('.') &&
          std::count(exact.begin(), exact.end(), '.') < 2);
}

struct PythonSpec {
  std::string id;
  std::string version;  // may be empty for the distribution's
  std::string prefix;
};

Result<> contribute_python(const std::string& id, const std::string& text, Facts& facts) {
  const auto part = TRY(parse_python_part(text));
  facts.python =
      PythonFacts{.version = part.version, .executable = part.executable, .prefix = part.prefix};
  facts.set({.name = "python", .version = part.version, .source = id});
  return {};
}

PythonFacts facts_of(const PythonPart& part) {
  return {.version = part.version, .executable = part.executable, .prefix = part.prefix};
}

class DistroPython final : public Definition {
 public:
  explicit DistroPython(PythonSpec spec) : spec_(std::move(spec)) {}

  Result<std::string> resolve(const ResolveContext& context) const override {
    const auto& below = context.below.python;
    if (!below) {
      return fail(Error(Errc::invalid, "the layers below bring no Python")
                      .hint("add python3 to the packages of the distribution, or take "
                            "`provider: standalone`"));
    }
    TRY(check_version(*below));
    return format_python_part(
        {.version = below->version, .executable = below->executable, .prefix = spec_.prefix});
  }

  Result<> contribute(const std::string& part, Facts& facts) const override {
    if (facts.python) TRY(check_version(*facts.python));
    return contribute_python(spec_.id, part, facts);
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& text,
                                                       const PlanContext&) const override {
    std::vector<std::unique_ptr<Recipe>> recipes;
    recipes.push_back(make_environment_recipe(facts_of(TRY(parse_python_part(text)))));
    return recipes;
  }

 private:
  Result<> check_version(const PythonFacts& below) const {
    if (agrees(below.version, spec_.version)) return {};
    return fail(Error(Errc::mismatch, fmt::format("asked for Python {}, and the layers below bring "
                                                  "Python {}",
                                                  spec_.version, below.version))
                    .hint("correct `version`, or take `provider: standalone`"));
  }

  PythonSpec spec_;
};

struct StandaloneSource {
  std::string release;
  std::string url;
  std::string sha256;
};

class StandalonePython final : public Definition {
 public:
  StandalonePython(PythonSpec spec, StandaloneSource source, std::string home,
                   std::vector<std::string> exclude, GlobSet excluded)
      : spec_(std::move(spec)),
        source_(std::move(source)),
        home_(std::move(home)),
        exclude_(std::move(exclude)),
        excluded_(std::move(excluded)) {}

  Result<std::string> resolve(const ResolveContext& context) const override {
    const auto input = TRY(find(context));
    const auto file = TRY(context.sources.open(input, context.stop));
    const auto version = TRY(read_standalone_version(*file, input.name));
    if (!agrees(version, spec_.version)) {
      return fail(Errc::mismatch, fmt::format("asked for Python {}, and {} is Python {}",
                                              spec_.version, input.name, version));
    }
    const PythonFacts python{.version = version};
    return format_python_part({.version = version,
                               .executable = fmt::format("{}/bin/python{}", home_, python.minor()),
                               .prefix = spec_.prefix,
                               .input = input});
  }

  Result<> contribute(const std::string& part, Facts& facts) const override {
    return contribute_python(spec_.id, part, facts);
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& text,
                                                       const PlanContext&) const override {
    auto part = TRY(parse_python_part(text));
    if (!part.input) {
      return fail(Error(Errc::refused, "the lock has no archive for the standalone Python")
                      .hint("run imgforge lock again"));
    }
    std::vector<std::unique_ptr<Recipe>> recipes;
    recipes.push_back(make_standalone_recipe({.input = *part.input,
                                              .version = part.version,
                                              .home = home_,
                                              .exclude = exclude_,
                                              .excluded = excluded_}));
    if (part.prefix != home_) recipes.push_back(make_environment_recipe(facts_of(part)));
    return recipes;
  }

 private:
  /// The archive, in the store and with its hash.
  Result<sources::Input> find(const ResolveContext& context) const {
    using Kind = sources::Origin::Kind;
    if (!source_.url.empty()) {
      const std::string path = source_.url.substr(0, source_.url.find_first_of("?#"));
      return pin(context, {.kind = Kind::url, .path = source_.url}, base::base_name(path),
                 source_.sha256);
    }
    sources::Origin origin{
        .kind = Kind::redist, .role = kStandaloneRole, .path = source_.release + "/SHA256SUMS"};
    const auto sums = TRY(context.sources.fetch_document(origin, kSumsLimit, context.stop));
    const auto file = TRY(choose_standalone(sums, spec_.version, context.below.architecture));
    origin.path = source_.release + "/" + file.name;
    return pin(context, origin, file.name, file.sha256);
  }

  static Result<sources::Input> pin(const ResolveContext& context, const sources::Origin& origin,
                                    const std::string& name, const std::string& sha256) {
    auto input = TRY(context.sources.pin(origin, name, context.stop));
    if (!sha256.empty() && input.digest.hex() != sha256) {
      return fail(Error(Errc::mismatch, fmt::format("{} has the sha256 {} instead of {}", name,
                                                    input.digest.hex(), sha256))
                      .hint("find out who changed it before you accept it"));
    }
    return input;
  }

  PythonSpec spec_;
  StandaloneSource source_;
  std::string home_;
  std::vector<std::string> exclude_;
  GlobSet excluded_;
};

bool is_version(std::string_view text) {
  const auto parts = base::split(text, '.');
  if (parts.size() < 2 || parts.size() > 3) return false;
  return std::all_of(parts.begin(), parts.end(),
                     [](std::string_view part) { return base::parse_uint(part).has_value(); });
}

Result<std::unique_ptr<Definition>> decode_standalone(LayerFields& fields, PythonSpec spec) {
  StandaloneSource source{.release = fields.text_or("release", ""),
                          .url = fields.text_or("url", ""),
                          .sha256 = base::to_lower(fields.text_or("sha256", ""))};
  const std::string home = "/" + folder_field(fields, "home", "/opt/python");
  std::vector<std::string> exclude;
  auto excluded = patterns_field(fields, "exclude", &exclude);
  if (spec.version.empty()) {
    fields.reject("version", "a standalone Python needs its version", "like \"3.11\"");
  }
  if (source.url.empty() == source.release.empty()) {
    fields.reject(
        "release", "a standalone Python comes from a release or from an address",
        fmt::format("name the release (a date like \"20250517\") that the role {} serves, "
                    "or url and sha256",
                    kStandaloneRole));
  }
  if (!source.sha256.empty() && !oci::Digest::from_sha256_hex(source.sha256)) {
    fields.reject("sha256", "a sha256 has 64 hexadecimal digits");
  }
  if (home == "/") fields.reject("home", "a standalone Python needs a folder of its own");
  TRY(fields.finish());
  return std::make_unique<StandalonePython>(std::move(spec), std::move(source), home,
                                            std::move(exclude), std::move(excluded));
}

}  // namespace

Result<std::unique_ptr<Definition>> decode_python(const document::Node& entry) {
  LayerFields fields(entry);
  const auto provider = fields.choice_or("provider", {"distro", "standalone"}, "distro");
  PythonSpec spec{.id = fields.id(),
                  .version = fields.text_or("version", ""),
                  .prefix = "/" + folder_field(fields, "prefix", "/opt/venv")};
  if (!spec.version.empty() && !is_version(spec.version)) {
    fields.reject("version", fmt::format("\"{}\" is not a version of Python", spec.version),
                  "like \"3.11\" (in quotes, so that 3.10 does not become 3.1)");
  }
  if (spec.prefix == "/") fields.reject("prefix", "an environment needs a folder of its own");
  if (provider == "standalone") return decode_standalone(fields, std::move(spec));
  TRY(fields.finish());
  return std::make_unique<DistroPython>(std::move(spec));
}

}  // namespace imgforge::layer

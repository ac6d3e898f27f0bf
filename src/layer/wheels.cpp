#include "layer/wheels.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "layer/layer_fields.h"
#include "layer/wheel_bytecode.h"
#include "layer/wheels_look.h"
#include "layer/wheels_part.h"
#include "layer/wheels_recipe.h"
#include "layer/wheels_split.h"
#include "layer/wheels_truth.h"
#include "sources/wheel_tags.h"

namespace imgforge::layer {

namespace {

constexpr std::size_t kRequirementsLimit = 16 << 20;

/// What the author wrote.
struct WheelsSpec {
  std::string id;
  std::vector<std::string> requirements;
  std::optional<std::string> requirements_file;
  std::optional<std::string> pylock;
  std::vector<sources::IndexRule> indexes;  // the first is the main one
  std::optional<std::string> prefix;
  std::optional<std::string> cuda;
  std::vector<SplitRule> split;
  bool bytecode = false;
  std::set<std::string> allow_bad_record;  // PEP 503 names
};

bool is_prefix(std::string_view path) {
  const auto normal = archive::normal_path(path);
  return path.starts_with('/') && normal && !normal->empty() && "/" + *normal == path;
}

/// The text of a project's file with "\n" line ends, and its name and digest for the lock.
struct ProjectText {
  std::string text;
  WheelsPart::File file;
};

Result<ProjectText> read_project_text(const std::string& project_directory,
                                      const std::string& path) {
  auto text = TRY(base::read_file(base::join_path(project_directory, path), kRequirementsLimit));
  text = base::replace_all(std::move(text), "\r\n", "\n");
  const std::string sha256 = base::sha256_hex(text);
  return ProjectText{.text = std::move(text), .file = {.path = path, .sha256 = sha256}};
}

class Wheels final : public Definition {
 public:
  explicit Wheels(WheelsSpec spec) : spec_(std::move(spec)) {}

  std::vector<std::string> project_paths() const override {
    const auto& path = spec_.pylock ? spec_.pylock : spec_.requirements_file;
    return path ? std::vector<std::string>{*path} : std::vector<std::string>();
  }

  Result<std::string> resolve(const ResolveContext& context) const override {
    WheelsPart part = TRY(target(context.below));
    const auto request = TRY(this->request(context, part));
    auto resolution = TRY(context.sources.resolve_python(request, context.stop));
    part.resolver = std::move(resolution.resolver);
    part.wheels = std::move(resolution.wheels);
    TRY(look_into_wheels(context, spec_.allow_bad_record, part));
    return format_wheels_part(part);
  }

  Result<> contribute(const std::string& text, Facts& facts) const override {
    const auto part = TRY(parse_wheels_part(text));
    if (!facts.python) return fail(no_python());
    if (facts.python->minor() != part.python) {
      return fail(Error(Errc::mismatch, fmt::format("its wheels were chosen for Python {}, and the "
                                                    "Python below is {}",
                                                    part.python, facts.python->version))
                      .hint("run imgforge lock again"));
    }
    if (spec_.cuda) TRY(check_expected_cuda(*spec_.cuda, part.components));
    for (Component component : part.components) {
      component.source = spec_.id;
      facts.set(std::move(component));
    }
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& text,
                                                       const PlanContext& context) const override {
    const auto part = TRY(parse_wheels_part(text));
    TRY(check_requirements_file(part, context.project_directory));
    std::vector<std::unique_ptr<Recipe>> recipes;
    for (const WheelGroup& group : split_wheels(part.wheels, spec_.split)) {
      WheelsLayerSpec layer{.name = group.name,
                            .prefix = part.prefix,
                            .python = part.python,
                            .allow_bad_record = spec_.allow_bad_record};
      for (const std::size_t i : group.wheels) layer.wheels.push_back(part.wheels[i]);
      recipes.push_back(make_wheels_recipe(std::move(layer)));
    }
    if (spec_.bytecode && !recipes.empty()) {
      recipes.push_back(make_bytecode_recipe(part.prefix, part.python));
    }
    return recipes;
  }

 private:
  static Error no_python() {
    return Error(Errc::invalid, "there is no Python below these wheels")
        .hint("put a layer of kind python under this one");
  }

  Result<WheelsPart> target(const Facts& below) const {
    if (!below.python) return fail(no_python());
    if (below.glibc.empty()) {
      return fail(Error(Errc::invalid,
                        "the C library below these wheels is not known, and the "
                        "choice of wheels depends on its version")
                      .hint("begin with a layer of kind bootstrap or image"));
    }
    return WheelsPart{.python = below.python->minor(),
                      .glibc = below.glibc,
                      .prefix = spec_.prefix.value_or(below.python->prefix)};
  }

  Result<sources::PythonRequest> request(const ResolveContext& context, WheelsPart& part) const {
    sources::PythonRequest request{.requirements = spec_.requirements,
                                   .indexes = spec_.indexes,
                                   .target = {.version = context.below.python->version,
                                              .glibc = part.glibc,
                                              .architecture = context.below.architecture}};
    if (const auto& path = spec_.pylock ? spec_.pylock : spec_.requirements_file) {
      auto read = TRY(read_project_text(context.project_directory, *path));
      part.requirements_file = std::move(read.file);
      (spec_.pylock ? request.pylock_text : request.requirements_text) = std::move(read.text);
    }
    if (context.previous_part && !context.update.empty()) {
      std::set<std::string> free;
      for (const std::string& name : context.update) free.insert(sources::normalized_project(name));
      for (const auto& wheel : TRY(parse_wheels_part(*context.previous_part)).wheels) {
        if (free.contains(wheel.project)) continue;
        request.constraints.push_back(fmt::format("{}=={}", wheel.project, wheel.version));
      }
    }
    return request;
  }

  /// The lock belongs to the content of the project's file, not only to its name.
  static Result<> check_requirements_file(const WheelsPart& part, const std::string& project) {
    if (!part.requirements_file) return {};
    const auto& locked = *part.requirements_file;
    if (TRY(read_project_text(project, locked.path)).file == locked) return {};
    return fail(
        Error(Errc::refused, fmt::format("{} is not what it was when it was locked", locked.path))
            .at({.file = base::join_path(project, locked.path)})
            .hint("run imgforge lock again, or take the old file back"));
  }

  WheelsSpec spec_;
};

void decode_indexes(LayerFields& fields, WheelsSpec& spec) {
  const auto main = fields.optional_text("index");
  std::vector<sources::IndexRule> others;
  for (const auto& node : fields.maps_or_empty("indexes")) {
    document::Fields one(node, "an index");
    sources::IndexRule rule{.role = one.text("index"), .only = one.texts_or_empty("only")};
    if (auto done = one.finish(); !done) return fields.fail_with(std::move(done.error()));
    others.push_back(std::move(rule));
  }
  // The main index is the one that may serve everything.
  const auto open = std::find_if(others.begin(), others.end(),
                                 [](const sources::IndexRule& rule) { return rule.only.empty(); });
  if (main) {
    spec.indexes.push_back({.role = *main});
  } else if (open != others.end()) {
    spec.indexes.push_back(*open);
    others.erase(open);
  } else {
    spec.indexes.push_back({.role = "default"});
  }
  spec.indexes.insert(spec.indexes.end(), others.begin(), others.end());
}

void decode_split(LayerFields& fields, WheelsSpec& spec) {
  for (const auto& node : fields.maps_or_empty("split")) {
    document::Fields one(node, "a split");
    const std::string name = one.text("name");
    std::vector<std::string> patterns;
    for (const auto& pattern : one.texts("match"))
      patterns.push_back(sources::normalized_project(pattern));
    if (auto done = one.finish(); !done) return fields.fail_with(std::move(done.error()));
    auto match = GlobSet::parse(patterns);
    if (!match) return fields.fail_with(std::move(match.error()).at(node.where()));
    spec.split.push_back({.name = name, .match = std::move(*match)});
  }
  if (spec.split.size() >= kMostWheelLayers) {
    fields.reject("split", fmt::format("more than {} layers of wheels", kMostWheelLayers - 1));
  }
}

}  // namespace

Result<std::unique_ptr<Definition>> decode_wheels(const document::Node& entry) {
  LayerFields fields(entry);
  WheelsSpec spec{.id = fields.id(),
                  .requirements = fields.texts_or_empty("requirements"),
                  .requirements_file = fields.optional_text("requirements_file"),
                  .pylock = fields.optional_text("pylock")};
  decode_indexes(fields, spec);
  spec.prefix = fields.optional_text("prefix");
  if (spec.prefix && !is_prefix(*spec.prefix)) {
    fields.reject("prefix", fmt::format("\"{}\" is not an absolute folder", *spec.prefix),
                  "like /opt/venv, without a slash at its end");
  }
  spec.cuda = fields.optional_text("cuda");
  decode_split(fields, spec);
  spec.bytecode = fields.choice_or("bytecode", {"none", "unchecked-hash"}, "none") != "none";
  for (const auto& name : fields.texts_or_empty("allow_bad_record")) {
    spec.allow_bad_record.insert(sources::normalized_project(name));
  }
  const int inputs =
      !spec.requirements.empty() + spec.requirements_file.has_value() + spec.pylock.has_value();
  if (inputs == 0) {
    fields.reject("requirements", "there is nothing to install",
                  "one of requirements, requirements_file and pylock is needed");
  }
  if (spec.pylock && inputs > 1) {
    fields.reject("pylock", "a pylock is complete; nothing can stand beside it",
                  "take requirements and requirements_file out");
  }
  TRY(fields.finish());
  return std::make_unique<Wheels>(std::move(spec));
}

}  // namespace imgforge::layer

// reproduce: an image of a registry built again, and compared.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/rebuilding.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"source", 0, "DIR",
     "the project's files, for layers of kind `files` (default, for those of a commit: the clone "
     "around this folder)"},
    {"spec", 0, "SPEC", "build from this spec and its lock instead of those beside the image"},
    {"vendor", 0, "DIR", "take inputs from this folder ('imgforge fetch --vendor')", true},
    {"reuse", 0, "", "take layers that the store has instead of building them again"},
    {"output", 'o', "REF", "write the rebuilt image here too: oci:DIR[:tag], oci-archive:FILE",
     true},
    {"all", 'a', "", "name every file that differs (default: the first 20 of each layer)"},
    {"dry-run", 'n', "", "say what would be taken from where; build nothing"},
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<RebuildOptions> options_of(const App& app) {
  RebuildOptions options;
  const Args& args = app.args();
  options.spec_file = args.value("spec").value_or("");
  if (const auto source = args.value("source")) {
    if (!base::is_directory(*source)) {
      return fail(Errc::usage, fmt::format("--source takes a folder, and {} is none", *source));
    }
    options.source = TRY(base::absolute_path(*source));
  }
  for (const std::string& folder : args.values("vendor")) {
    if (!base::is_directory(base::join_path(folder, "sha256"))) {
      return fail(Error(Errc::usage, folder + " is no folder of inputs: it has no sha256/")
                      .hint("imgforge fetch SPEC --vendor DIR writes one"));
    }
    options.vendor_folders.push_back(TRY(base::absolute_path(folder)));
  }
  options.reuse = args.flag("reuse");
  for (const std::string& output : args.values("output")) {
    oci::Reference reference = TRY(oci::Reference::parse(output));
    if (reference.registry() != nullptr) {
      return fail(Errc::usage, "'" + output + "' is not a place on this machine");
    }
    options.outputs.push_back(std::move(reference));
  }
  if (args.flag("all")) options.listed = static_cast<std::size_t>(-1);
  return options;
}

/// Whose word counts for the image, and so for the digests of spec and lock that it names.
struct Trust {
  bool asked = false;
  std::vector<std::string> signers;
};

Result<Trust> check_trust(App& app, const RegistryImage& image) {
  Trust trust;
  if (!has_trust(app)) return trust;
  const sign::TrustPolicy policy = TRY(load_trust(app));
  const Judged judged = TRY(judge_image(app, *image.repository, image.descriptor(), policy));
  TRY(require_accepted(judged, *image.repository, image.descriptor().digest));
  trust.asked = true;
  for (const auto& one : judged.found.signatures) {
    if (std::find(trust.signers.begin(), trust.signers.end(), one.signer.name) ==
        trust.signers.end()) {
      trust.signers.push_back(one.signer.name);
    }
  }
  return trust;
}

std::string_view name_of(InputPlace::Kind kind) {
  switch (kind) {
    case InputPlace::Kind::store:
      return "store";
    case InputPlace::Kind::vendored:
      return "vendored";
    case InputPlace::Kind::kept:
      return "kept";
    case InputPlace::Kind::local:
      return "local";
    case InputPlace::Kind::outside:
      return "source";
  }
  return "?";
}

struct Sum {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};
std::map<std::string, Sum> sums(const RebuildPlan& plan) {
  std::map<std::string, Sum> out;
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    Sum& sum = out[std::string(name_of(plan.places[i].kind))];
    ++sum.count;
    sum.bytes += plan.inputs[i].size;
  }
  return out;
}

std::string inputs_text(const RebuildPlan& plan) {
  constexpr std::pair<const char*, const char*> kWords[] = {{"store", "in the store"},
                                                            {"vendored", "in vendored folders"},
                                                            {"kept", "kept beside the image"},
                                                            {"local", "on this machine"},
                                                            {"source", "from their sources"}};
  auto by_place = sums(plan);
  std::vector<std::string> parts;
  for (const auto& [name, words] : kWords) {
    if (const auto found = by_place.find(name); found != by_place.end()) {
      parts.push_back(fmt::format("{} {} ({})", found->second.count, words,
                                  base::human_bytes(found->second.bytes)));
    }
  }
  return fmt::format("{} {}{}", plan.inputs.size(), plan.inputs.size() == 1 ? "input" : "inputs",
                     parts.empty() ? "" : ": " + base::join(parts, ", "));
}

base::Json plan_json(const RegistryImage& image, const RebuildPlan& plan, const Trust& trust) {
  base::Json by_place = base::Json::object();
  for (const auto& [name, sum] : sums(plan)) {
    by_place[name] = {{"count", sum.count}, {"bytes", sum.bytes}};
  }
  base::Json json = {{"image", image.name},
                     {"digest", image.descriptor().digest.to_string()},
                     {"documents", plan.documents},
                     {"project", plan.takes_files ? base::Json(plan.project) : base::Json()},
                     {"built_by", plan.circumstances.built_by},
                     {"rebuilt_by", plan.circumstances.rebuilt_by},
                     {"inputs", by_place}};
  json["signed_by"] = trust.asked ? base::Json(trust.signers) : base::Json();
  return json;
}

std::string plan_text(const RebuildPlan& plan, const Trust& trust) {
  std::string text = fmt::format("built from: {}\n{}\n", plan.documents, inputs_text(plan));
  if (plan.takes_files) text += fmt::format("files of the project: {}\n", plan.project);
  return text + (trust.asked
                     ? "signed by: " + base::join(trust.signers, ", ") + "\n"
                     : std::string("signatures: not looked at, no trust policy is named\n"));
}

Result<int> show_plan(App& app, const RegistryImage& image, const RebuildPlan& plan,
                      const Trust& trust) {
  app.close_progress();
  if (app.json()) {
    base::Json json = plan_json(image, plan, trust);
    json["dry_run"] = true;
    json["layer_count"] = plan.layers;
    json["from"] = base::Json::array();
    for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
      const sources::Input& input = plan.inputs[i];
      json["from"].push_back({{"name", input.name},
                              {"sha256", input.digest.hex()},
                              {"size", input.size},
                              {"place", name_of(plan.places[i].kind)},
                              {"where", plan.places[i].text}});
    }
    TRY(print(base::pretty_json(json)));
    return 0;
  }
  Table table(
      {{"INPUT", Table::Align::left}, {"SIZE", Table::Align::right}, {"FROM", Table::Align::left}});
  for (std::size_t i = 0; i < plan.inputs.size(); ++i) {
    table.add({plan.inputs[i].name, base::human_bytes(plan.inputs[i].size), plan.places[i].text});
  }
  TRY(print(fmt::format("{}\nwould build {} layers and compare with {}\n{}\n{}", image.name,
                        plan.layers, image.descriptor().digest.to_string(), plan_text(plan, trust),
                        plan.inputs.empty() ? "" : table.to_string())));
  return 0;
}

std::string_view name_of(build::LayerDifference::Kind kind) {
  switch (kind) {
    case build::LayerDifference::Kind::missing:
      return "missing";
    case build::LayerDifference::Kind::extra:
      return "extra";
    case build::LayerDifference::Kind::encoding:
      return "encoding";
    case build::LayerDifference::Kind::content:
      return "content";
  }
  return "?";
}

void add_divergence(const build::Divergence& divergence, const build::Cause& cause,
                    base::Json& json) {
  json["first_difference"] = cause.first;
  json["likely_cause"] = cause.likely;
  json["remedy"] = cause.remedy;
  json["config"] = divergence.config;
  json["layers"] = base::Json::array();
  for (const build::LayerDifference& layer : divergence.differing) {
    base::Json files = base::Json::array();
    for (const build::EntryDifference& file : layer.files) {
      constexpr const char* kNames[] = {"only_rebuilt", "only_original", "changed"};
      files.push_back({{"path", file.path},
                       {"kind", kNames[static_cast<std::size_t>(file.kind)]},
                       {"what", file.what}});
    }
    json["layers"].push_back({{"id", layer.id},
                              {"kind", layer.layer_kind},
                              {"difference", name_of(layer.kind)},
                              {"original", layer.original},
                              {"rebuilt", layer.rebuilt},
                              {"files", files},
                              {"file_count", layer.file_count}});
  }
}

std::string divergence_text(const build::Divergence& divergence, const build::Cause& cause) {
  std::string text =
      fmt::format("first difference: {}\nlikely cause: {}\n", cause.first, cause.likely);
  if (!cause.remedy.empty()) text += "what to do: " + cause.remedy + "\n";
  text += fmt::format("\n{} of {} layers differ\n", divergence.differing.size(), divergence.layers);
  for (const build::LayerDifference& layer : divergence.differing) {
    text += fmt::format("\nlayer {} ({}, {}): {}\n", layer.id, layer.layer_kind, layer.title,
                        name_of(layer.kind));
    for (const build::EntryDifference& file : layer.files) {
      text += "  " + build::sentence(file) + "\n";
    }
    if (layer.file_count > layer.files.size()) {
      text += fmt::format("  … and {} more (--all shows them)\n",
                          layer.file_count - layer.files.size());
    }
  }
  if (!divergence.config.empty()) text += "\nconfiguration and annotations\n";
  for (const std::string& one : divergence.config) text += "  " + one + "\n";
  return text;
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "reproduce", "HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST"));
  const RebuildOptions options = TRY(options_of(app));
  constexpr int kDifferent = 5;
  const store::Store& store = *TRY(app.store());
  const auto held = TRY(store.hold());
  const base::TempDir scratch = TRY(store.scratch("reproduce"));
  const RegistryImage image = TRY(open_registry_image(app, app.args().positional()[0]));
  if (image.descriptor().media_type == oci::media_type::kIndex) {
    return fail(Error(Errc::unsupported, image.name + " is an index of several images")
                    .hint("name one of them: HOST/REPOSITORY@DIGEST"));
  }
  const Trust trust = TRY(check_trust(app, image));
  const RebuildPlan plan = TRY(plan_rebuild(app, image, options, scratch.path()));
  if (app.args().flag("dry-run")) return show_plan(app, image, plan, trust);
  const Rebuilt rebuilt = TRY(rebuild(app, image, plan, options, scratch.path()));
  app.close_progress();
  const bool identical = !rebuilt.divergence;
  if (app.json()) {
    base::Json json = plan_json(image, plan, trust);
    json["identical"] = identical;
    json["rebuilt"] = rebuilt.digest.to_string();
    json["reused_layers"] = options.reuse;
    if (!identical) add_divergence(*rebuilt.divergence, rebuilt.cause, json);
    TRY(print(base::pretty_json(json)));
    return identical ? 0 : kDifferent;
  }
  const std::string digest = image.descriptor().digest.to_string();
  std::string text = identical ? fmt::format("identical: {}\n", digest)
                               : fmt::format("different: {} was rebuilt as {}\n", digest,
                                             rebuilt.digest.to_string()) +
                                     divergence_text(*rebuilt.divergence, rebuilt.cause) + "\n";
  text += plan_text(plan, trust);
  if (options.reuse) text += "layers that the store had were not built again (--reuse)\n";
  TRY(print(text));
  return identical ? 0 : kDifferent;
}

}  // namespace

Command reproduce_command() {
  return {
      .name = "reproduce",
      .summary = "build an image of a registry again, and say whether it is the same",
      .synopsis = "HOST/REPOSITORY:TAG|@DIGEST [options]",
      .details =
          "Spec, layer definitions and lock are taken from beside the image (put there by "
          "'imgforge "
          "build --push' with\n"
          "--attest or --keep-inputs) and must be those that the image names. Inputs come from "
          "this "
          "store and vendored\n"
          "folders, from beside the image, else from their sources by role. Every layer is built "
          "anew, in a store of its\n"
          "own. Exit code 0: the same digest. 5: another one; then the first difference is named, "
          "with what it usually\n"
          "comes from. With a trust policy the image must be signed as it demands.\n\n"
          "Examples:\n"
          "  imgforge reproduce harbor.example/ml/app:v2.6-lts\n"
          "  imgforge reproduce harbor.example/ml/app@sha256:4f1e... --source .     layers with "
          "files "
          "of the project\n"
          "  imgforge reproduce harbor.example/ml/app:v1 --dry-run                  what would "
          "come "
          "from where\n"
          "  imgforge reproduce harbor.example/ml/app:v1 --spec specs/app.yaml      from this "
          "project's spec and lock",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

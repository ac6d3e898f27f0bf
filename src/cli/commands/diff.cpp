#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "build/diff_findings.h"
#include "build/image_diff.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/image_view.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"all", 'a', "", "show every changed file (default: the first 20)"},
    {"exit-code", 0, "", "exit with 1 when the images differ"},
    IMGFORGE_REGISTRY_OPTIONS,
};

std::string section(const char* title, const std::vector<build::Change>& changes,
                    std::size_t limit) {
  if (changes.empty()) return "";
  Table table(
      {{title, Table::Align::left}, {"BEFORE", Table::Align::left}, {"AFTER", Table::Align::left}});
  for (std::size_t i = 0; i < std::min(limit, changes.size()); ++i) {
    const build::Change& change = changes[i];
    table.add({change.name, change.before.empty() ? "-" : change.before,
               change.after.empty() ? "-" : change.after});
  }
  std::string out = table.to_string();
  if (changes.size() > limit)
    out += fmt::format("… and {} more (--all shows them)\n", changes.size() - limit);
  return out + "\n";
}

base::Json rows(const std::vector<build::Change>& changes) {
  base::Json out = base::Json::array();
  for (const build::Change& change : changes) {
    base::Json row = {{"name", change.name}};
    row["before"] = change.before.empty() ? base::Json() : base::Json(change.before);
    row["after"] = change.after.empty() ? base::Json() : base::Json(change.after);
    out.push_back(std::move(row));
  }
  return out;
}

std::string findings_text(const build::Findings& findings) {
  std::string out = findings.conclusion + "\n\n";
  for (const build::Finding& one : findings.found) {
    out +=
        fmt::format("{}: {}\n  changes {}\n", one.what, base::join(one.parts, ", "), one.changes);
    if (!one.source.empty()) out += "  says " + one.source + "\n";
  }
  return findings.found.empty() ? out : out + "\n";
}

base::Json findings_json(const build::Findings& findings) {
  base::Json out = base::Json::array();
  for (const build::Finding& one : findings.found) {
    out.push_back({{"what", one.what},
                   {"parts", one.parts},
                   {"changes", one.changes},
                   {"source", one.source.empty() ? base::Json() : base::Json(one.source)}});
  }
  return out;
}

// Layers that both have are not read.
std::vector<oci::Descriptor> not_in(const oci::Manifest& image, const oci::Manifest& other) {
  std::vector<oci::Descriptor> out;
  for (const oci::Descriptor& layer : image.layers) {
    const bool shared =
        std::any_of(other.layers.begin(), other.layers.end(),
                    [&](const oci::Descriptor& one) { return one.digest == layer.digest; });
    if (!shared) out.push_back(layer);
  }
  return out;
}

Result<int> run(App& app) {
  TRY(expect_words(app, 2, "diff", "two images"));
  const ImageView before = TRY(open_image_anywhere(app, app.args().positional()[0]));
  const ImageView after = TRY(open_image_anywhere(app, app.args().positional()[1]));
  const bool same = before.descriptor.digest == after.descriptor.digest;
  build::ImageDiff diff;
  build::Findings findings;
  if (!same) {
    TRY(bring_layers(app, before, not_in(before.manifest, after.manifest)));
    TRY(bring_layers(app, after, not_in(after.manifest, before.manifest)));
    auto task = app.progress().start("compare", "layers that differ", std::nullopt);
    diff = TRY(build::diff_images({before.manifest, before.config, before.directory},
                                  {after.manifest, after.config, after.directory}, app.stop()));
    task->finish("compared");
    findings = build::findings_of(diff);
  }
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"same", same},
                                 {"before", before.descriptor.digest.to_string()},
                                 {"after", after.descriptor.digest.to_string()},
                                 {"conclusion", findings.conclusion},
                                 {"findings", findings_json(findings)},
                                 {"components", rows(diff.components)},
                                 {"packages", rows(diff.packages)},
                                 {"config", rows(diff.config)},
                                 {"files", rows(diff.files)},
                                 {"shared_layers", diff.shared_layers}})));
  } else if (same) {
    TRY(print(fmt::format("identical: {}\n", before.descriptor.digest.to_string())));
  } else {
    constexpr std::size_t kShownFiles = 20;
    const std::size_t everything = static_cast<std::size_t>(-1);
    std::string text =
        findings_text(findings) + section("COMPONENT", diff.components, everything) +
        section("PACKAGE", diff.packages, everything) + section("CONFIG", diff.config, everything) +
        section("FILE", diff.files, app.args().flag("all") ? everything : kShownFiles);
    if (diff.empty())
      text = "the same content in other bytes (compression, order of layers or annotations)\n";
    text += fmt::format("{} of {} and {} layers are the same\n", diff.shared_layers,
                        diff.layers_before, diff.layers_after);
    TRY(print(text));
  }
  return !same && app.args().flag("exit-code") ? 1 : 0;
}

}  // namespace

Command diff_command() {
  return {
      .name = "diff",
      .summary = "what differs between two images: components, packages, configuration, files",
      .synopsis = "IMAGE IMAGE [options]",
      .details =
          "Images are named as for 'imgforge inspect'. Layers that both have are neither fetched "
          "nor read. First comes what is\n"
          "known to change the results of a run, most telling first, with who says so: why does "
          "the "
          "model of two weeks ago\n"
          "not come out again? Then everything that differs.\n\n"
          "Examples:\n"
          "  imgforge diff app:v1 app:v2\n"
          "  imgforge diff harbor.example/ml/app:v2.6-lts harbor.example/ml/app:nightly\n"
          "  imgforge diff oci:before oci:after --json",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

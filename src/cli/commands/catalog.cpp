// catalog: what images there are, as a page, a table or a file.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/catalogue_gather.h"
#include "cli/commands/commands.h"
#include "cli/ends.h"
#include "cli/image_inputs.h"
#include "cli/image_notes.h"
#include "cli/output.h"
#include "cli/promotion.h"
#include "cli/repositories.h"
#include "cli/trust.h"
#include "release/catalogue_html.h"
#include "release/in_use.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"html", 0, "FILE", "write one web page that needs nothing else"},
    {"title", 0, "TEXT", "of the page (default \"Images\")"},
    {"date", 0, "DAY", "the day by which ends of life are judged, as 2026-01-31 (default: today)"},
    {"outdated", 0, "",
     "also look for newer and lost inputs of the images in use (as 'imgforge outdated')"},
    {"dry-run", 'n', "", "gather and show, write no page"},
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

std::string table_of(const release::Catalogue& catalogue) {
  using Align = Table::Align;
  Table table({{"IMAGE", Align::left},
               {"CHANNELS", Align::left},
               {"BYTES", Align::right},
               {"LAYERS", Align::right},
               {"ON A GPU", Align::left},
               {"NOTES", Align::left}});
  for (const release::CatalogueImage& image : catalogue.images) {
    std::vector<std::string> gpus, notes;
    for (const auto& probe : image.probes)
      gpus.push_back((probe.passed ? "" : "failed on ") + probe.gpu);
    for (const auto& note : image.notes) notes.push_back(note.code);
    table.add({image.repository + ":" + image.tag, base::join(image.channels, ", "),
               base::human_bytes(image.bytes), std::to_string(image.layers.size()),
               base::join(gpus, ", "), base::join(notes, ", ")});
  }
  const auto sizes = release::sizes_of(catalogue);
  return table.to_string() +
         fmt::format("\n{} image{}, {} different layer{}; {} stored, {} saved by sharing\n",
                     catalogue.images.size(), catalogue.images.size() == 1 ? "" : "s", sizes.layers,
                     sizes.layers == 1 ? "" : "s", base::human_bytes(sizes.stored),
                     base::human_bytes(sizes.counted - sizes.stored));
}

// A catalogue file of `imgforge matrix --run --catalog`, or of this command's --json.
Result<> add_file(const std::string& file, const std::string& date, release::Catalogue& catalogue) {
  auto read = TRY(release::parse_catalogue(TRY(base::read_file(file)), file));
  if (catalogue.matrix.empty()) catalogue.matrix = read.matrix;
  for (auto& image : read.images) {
    if (image.notes.empty()) image.notes = end_of_life_notes(image.components, date);
    catalogue.images.push_back(std::move(image));
  }
  for (auto& gap : read.gaps) catalogue.gaps.push_back(std::move(gap));
  for (auto& move : read.moves) catalogue.moves.push_back(std::move(move));
  return {};
}

// The same image of a registry and of a file: what the registry knows is more, the cell comes from
// the file.
void join_same(release::Catalogue& catalogue) {
  std::vector<release::CatalogueImage> images;
  for (release::CatalogueImage& image : catalogue.images) {
    const auto same = std::find_if(images.begin(), images.end(), [&](const auto& one) {
      return one.repository == image.repository && one.digest == image.digest;
    });
    if (same == images.end()) {
      images.push_back(std::move(image));
      continue;
    }
    if (same->cell.empty()) same->cell = image.cell;
    if (same->channels.empty()) same->channels = image.channels;
    if (same->probes.empty()) same->probes = image.probes;
    if (same->signers.empty()) same->signers = image.signers;
    if (same->platform.empty()) same->platform = image.platform;
    for (auto& note : image.notes) {
      if (std::find(same->notes.begin(), same->notes.end(), note) == same->notes.end()) {
        same->notes.push_back(std::move(note));
      }
    }
  }
  catalogue.images = std::move(images);
}

// Adds notes to images of one repository.
Result<> look_for_inputs(App& app, const oci::RegistryReference& place,
                         std::span<release::CatalogueImage> images) {
  const auto repository = TRY(open_repository(app, place));
  const base::TempDir scratch = TRY(TRY(app.store())->scratch("catalog"));
  ImageInputs inputs(app, *repository, {"newer", "lost"}, scratch.path());
  const std::vector<bool> used = release::in_use({images.begin(), images.end()});
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!used[i]) continue;
    const oci::Digest digest = TRY(oci::Digest::parse(images[i].digest));
    auto found = TRY(inputs.look_at(digest, images[i].repository + ":" + images[i].tag));
    for (auto& note : found.notes) images[i].notes.push_back(std::move(note));
  }
  return {};
}

Result<int> run(App& app) {
  const auto& words = app.args().positional();
  if (words.empty()) {
    return fail(
        Error(Errc::usage, "which repositories?").hint("imgforge catalog HOST/REPOSITORY…"));
  }
  const std::string date = TRY(date_word(app.args().value("date")));
  release::Catalogue catalogue;
  std::optional<Releasing> releasing;
  for (const std::string& word : words) {
    if (word.ends_with(".json") && base::exists(word)) {
      TRY(add_file(word, date, catalogue));
      continue;
    }
    const auto parsed = TRY(oci::Reference::parse(word));
    const auto* place = parsed.registry();
    if (place == nullptr || place->tag || place->digest) {
      return fail(
          Error(Errc::usage, "'" + word + "' is neither HOST/REPOSITORY nor a catalogue file")
              .hint("without a tag: it is about all of them; files end in .json"));
    }
    if (!releasing) releasing = TRY(open_releasing(app));
    const std::size_t before = catalogue.images.size();
    TRY(base::with_context(add_repository(app, *place, *releasing, date, catalogue), word));
    if (app.args().flag("outdated")) {
      TRY(look_for_inputs(app, *place, std::span(catalogue.images).subspan(before)));
    }
    if (catalogue.images.size() == before) app.progress().warn(word + " has no images");
  }
  join_same(catalogue);
  app.close_progress();
  if (const auto file = app.args().value("html"); file && !app.args().flag("dry-run")) {
    const std::string title = app.args().value("title").value_or("Images");
    TRY(base::write_file_atomic(*file, release::catalogue_html(catalogue, title)));
  }
  TRY(print(app.json() ? release::format_catalogue(catalogue) : table_of(catalogue)));
  return 0;
}

}  // namespace

Command catalog_command() {
  return {
      .name = "catalog",
      .summary = "what images there are: channels, evidence, shared layers, as a page or a table",
      .synopsis = "HOST/REPOSITORY|FILE.json... [options]",
      .details =
          "Reads repositories, and catalogue files of 'imgforge matrix --run --catalog'. The page "
          "is one file\n"
          "without scripts; the same state gives the same bytes (with --date, on every day).\n\n"
          "Examples:\n"
          "  imgforge catalog harbor.example/ml/pytorch-cuda --html public/index.html\n"
          "  imgforge catalog harbor.example/ml/a harbor.example/ml/b --policy channels.yaml "
          "--json\n"
          "  imgforge catalog out/catalogue.json --html out/matrix.html --title \"GPU images\"",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

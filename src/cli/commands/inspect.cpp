#include <fmt/format.h>

#include "archive/tar_reader.h"
#include "base/json.h"
#include "base/text.h"
#include "build/assemble.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/image_view.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"files", 0, "LAYER", "list the files of this layer (its id or number)"},
    {"raw", 0, "", "print the manifest as it is"},
    IMGFORGE_REGISTRY_OPTIONS,
};

std::string annotation(const std::map<std::string, std::string>& annotations,
                       const std::string& name) {
  const auto found = annotations.find(name);
  return found == annotations.end() ? std::string() : found->second;
}

struct LayerRow {
  std::string id, title, kind;
  const oci::Descriptor* blob;
};

// What each layer holds: from our annotations, else from the config's history.
std::vector<LayerRow> layer_rows(const ImageView& image) {
  std::vector<const oci::HistoryEntry*> history;
  for (const oci::HistoryEntry& entry : image.config.history) {
    if (!entry.empty_layer) history.push_back(&entry);
  }
  std::vector<LayerRow> rows;
  for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
    const oci::Descriptor& blob = image.manifest.layers[i];
    LayerRow row{annotation(blob.annotations, build::kLayerId),
                 annotation(blob.annotations, build::kLayerTitle),
                 annotation(blob.annotations, build::kLayerKind), &blob};
    if (row.id.empty()) row.id = std::to_string(i + 1);
    if (row.title.empty() && i < history.size()) row.title = history[i]->created_by;
    rows.push_back(std::move(row));
  }
  return rows;
}

std::map<std::string, std::string> components(const ImageView& image) {
  std::map<std::string, std::string> out;
  const std::string_view prefix = build::kComponentPrefix;
  for (const auto* source : {&image.config.config.labels, &image.manifest.annotations}) {
    for (const auto& [name, value] : *source) {
      if (name.starts_with(prefix)) out[name.substr(prefix.size())] = value;
    }
  }
  return out;
}

bool for_gpu(const ImageView& image) {
  for (const std::string& variable : image.config.config.env) {
    if (variable.starts_with("NVIDIA_VISIBLE_DEVICES=")) return true;
  }
  return false;
}

/// podman makes a name of its own from a layout's path, and refuses paths that make none (capitals,
/// "-_").
bool podman_names(const std::string& directory) {
  const std::string_view path = std::string_view(directory).substr(
      std::min(directory.find_first_not_of('/'), directory.size()));
  return oci::Reference::parse(fmt::format("localhost/{}", path)).has_value();
}

/// What the image is called, where nothing better than its title is known.
std::string local_name(const ImageView& image, const std::string& tag) {
  const auto title = image.manifest.annotations.find("org.opencontainers.image.title");
  std::string name = fmt::format(
      "localhost/{}:{}", title != image.manifest.annotations.end() ? title->second : "image", tag);
  return oci::Reference::parse(name) ? name : "localhost/image:latest";
}

// Layouts are loaded by podman itself; the store too is one.
std::string run_command(const ImageView& image) {
  const char* const command = "podman run --rm -it ";
  const char* const gpu = for_gpu(image) ? "--device nvidia.com/gpu=all " : "";
  if (image.registry) {  // by digest: what was looked at is what runs
    return fmt::format("{}{}{}/{}@{}", command, gpu, image.registry->host,
                       image.registry->repository, image.descriptor.digest.to_string());
  }
  std::string reference = "oci:" + image.directory;
  const std::string tag = image.name.substr(image.name.rfind(':') + 1);
  if (!image.name.empty())
    reference += ":" + (image.directory.ends_with("/store") ? image.name : tag);
  if (podman_names(image.directory)) {
    return fmt::format("{}{}{}", command, gpu, base::shell_quote(reference));
  }
  const std::string name = local_name(image, tag);
  return fmt::format("skopeo copy {} containers-storage:{} && {}{}{}", base::shell_quote(reference),
                     name, command, gpu, name);
}

Result<int> list_files(App& app, const ImageView& image, const std::string& wanted) {
  const auto rows = layer_rows(image);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].id != wanted && std::to_string(i + 1) != wanted) continue;
    TRY(bring_layers(app, image, {*rows[i].blob}));
    app.close_progress();
    base::File blob = TRY(base::File::open_read(image.blob_path(rows[i].blob->digest)));
    archive::TarReader reader = TRY(archive::TarReader::open(blob));
    while (const auto entry = TRY(reader.next())) {
      static constexpr char kTypes[] = {'-', 'd', 'l', 'h', 'p', 'c', 'b'};
      std::string line =
          fmt::format("{}{:04o} {:>5}:{:<5} {:>12} {}", kTypes[static_cast<int>(entry->type)],
                      entry->mode, entry->uid, entry->gid, entry->size, entry->path);
      if (!entry->link_target.empty()) line += " -> " + entry->link_target;
      TRY(print(line + "\n"));
    }
    return 0;
  }
  std::vector<std::string> ids;
  for (const LayerRow& row : rows) ids.push_back(row.id);
  return fail(Error(Errc::not_found, "there is no layer '" + wanted + "'")
                  .hint("the layers are " + base::join(ids, ", ")));
}

Result<> print_json(const ImageView& image) {
  base::Json layers = base::Json::array();
  const auto rows = layer_rows(image);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    base::Json layer = {{"id", rows[i].id},           {"kind", rows[i].kind},
                        {"title", rows[i].title},     {"digest", rows[i].blob->digest.to_string()},
                        {"size", rows[i].blob->size}, {"media_type", rows[i].blob->media_type}};
    if (i < image.config.diff_ids.size()) layer["diff_id"] = image.config.diff_ids[i].to_string();
    layers.push_back(std::move(layer));
  }
  return print(base::pretty_json(
      {{"name", image.name},
       {"digest", image.descriptor.digest.to_string()},
       {"platform", image.config.platform.to_string()},
       {"created", base::format_time(image.config.created)},
       {"components", components(image)},
       {"layers", layers},
       {"config", base::Json::parse(image.config_json).value("config", base::Json::object())},
       {"annotations", image.manifest.annotations},
       {"run", run_command(image)}}));
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "inspect", "one image"));
  const ImageView image = TRY(open_image_anywhere(app, app.args().positional()[0]));
  if (const auto layer = app.args().value("files")) return list_files(app, image, *layer);
  app.close_progress();
  if (app.args().flag("raw")) {
    TRY(print(image.manifest_json));
    return 0;
  }
  if (app.json()) {
    TRY(print_json(image));
    return 0;
  }
  std::uint64_t total = 0;
  Table layers({{"#", Table::Align::right},
                {"LAYER", Table::Align::left},
                {"SIZE", Table::Align::right},
                {"DIGEST", Table::Align::left},
                {"HOLDS", Table::Align::left}});
  const auto rows = layer_rows(image);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    total += rows[i].blob->size;
    layers.add({std::to_string(i + 1), rows[i].id, base::human_bytes(rows[i].blob->size),
                rows[i].blob->digest.short_hex(), rows[i].title});
  }
  std::string text = fmt::format(
      "{}\n  digest    {}\n  platform  {}\n  created   {}\n  size      {} in {} layers\n",
      image.name, image.descriptor.digest.to_string(), image.config.platform.to_string(),
      base::format_time(image.config.created), base::human_bytes(total), rows.size());
  if (const auto parts = components(image); !parts.empty()) {
    Table table({{"COMPONENT", Table::Align::left}, {"VERSION", Table::Align::left}});
    for (const auto& [name, version] : parts) table.add({name, version});
    text += "\n" + table.to_string();
  }
  text += "\n" + layers.to_string() + "\nrun it:\n  " + run_command(image) + "\n";
  TRY(print(text));
  return 0;
}

}  // namespace

Command inspect_command() {
  return {.name = "inspect",
          .summary = "show what an image is: components, layers, how to run it",
          .synopsis = "IMAGE [options]",
          .details =
              "IMAGE is image:tag, image or a digest's beginning (in the store), oci:DIR[:tag], "
              "oci-archive:FILE,\nor HOST/REPOSITORY:TAG or @DIGEST in a registry, of which only "
              "manifest "
              "and config are fetched\n(and with --files that layer).\n\n"
              "Examples:\n"
              "  imgforge inspect pytorch-cuda\n"
              "  imgforge inspect harbor.example/ml/app:v2.6-lts\n"
              "  imgforge inspect oci:out/app --json\n"
              "  imgforge inspect pytorch-cuda --files probe",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli

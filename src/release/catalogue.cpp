#include "release/catalogue.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/json.h"

namespace imgforge::release {
namespace {

using base::Json;
using base::JsonReader;

template <class T, class Convert>
Json list(const std::vector<T>& values, Convert convert) {
  Json json = Json::array();
  for (const T& value : values) json.push_back(convert(value));
  return json;
}

Json layer_json(const CatalogueLayer& layer) {
  return {{"id", layer.id},
          {"kind", layer.kind},
          {"title", layer.title},
          {"digest", layer.digest},
          {"size", layer.size}};
}

Json probe_json(const CatalogueProbe& probe) {
  return {{"gpu", probe.gpu},       {"compute_capability", probe.compute_capability},
          {"driver", probe.driver}, {"sentence", probe.sentence},
          {"at", probe.at},         {"passed", probe.passed}};
}

Json note_json(const CatalogueNote& note) {
  return {{"severity", note.severity},
          {"code", note.code},
          {"sentence", note.sentence},
          {"remedy", note.remedy}};
}

Json image_json(const CatalogueImage& image) {
  return {{"repository", image.repository},
          {"tag", image.tag},
          {"digest", image.digest},
          {"cell", image.cell},
          {"created", image.created},
          {"platform", image.platform},
          {"bytes", image.bytes},
          {"components", image.components},
          {"labels", image.labels},
          {"layers", list(image.layers, layer_json)},
          {"channels", image.channels},
          {"signers", image.signers},
          {"probes", list(image.probes, probe_json)},
          {"notes", list(image.notes, note_json)}};
}

CatalogueLayer read_layer(JsonReader& reader) {
  return {reader.text("id"), reader.text("kind"), reader.text("title"), reader.text("digest"),
          reader.number("size")};
}

CatalogueProbe read_probe(JsonReader& reader) {
  return {reader.text("gpu"),    reader.text("compute_capability"),
          reader.text("driver"), reader.text("sentence"),
          reader.text("at"),     reader.flag_or("passed", false)};
}

template <class T, class Read>
Result<std::vector<T>> read_list(JsonReader& reader, const char* key, Read read) {
  std::vector<T> values;
  for (JsonReader& item : reader.objects_or_empty(key)) {
    values.push_back(read(item));
    TRY(item.finish());
  }
  return values;
}

Result<CatalogueImage> read_image(JsonReader& reader) {
  CatalogueImage image;
  image.repository = reader.text("repository");
  image.tag = reader.text("tag");
  image.digest = reader.text("digest");
  image.cell = reader.text("cell");
  image.created = reader.text("created");
  image.platform = reader.text("platform");
  image.bytes = reader.number("bytes");
  image.components = reader.text_map_or_empty("components");
  image.labels = reader.text_map_or_empty("labels");
  image.layers = TRY(read_list<CatalogueLayer>(reader, "layers", read_layer));
  image.channels = reader.texts_or_empty("channels");
  image.signers = reader.texts_or_empty("signers");
  image.probes = TRY(read_list<CatalogueProbe>(reader, "probes", read_probe));
  image.notes = TRY(read_list<CatalogueNote>(reader, "notes", [](JsonReader& note) {
    return CatalogueNote{note.text("severity"), note.text("code"), note.text("sentence"),
                         note.text("remedy")};
  }));
  TRY(reader.finish());
  return image;
}

}  // namespace

std::string format_catalogue(const Catalogue& catalogue) {
  return base::pretty_json(
      {{"catalogue", kCatalogueFormat},
       {"matrix", catalogue.matrix},
       {"images", list(catalogue.images, image_json)},
       {"gaps",
        list(catalogue.gaps,
             [](const CatalogueGap& gap) {
               return Json{{"cell", gap.cell}, {"standing", gap.standing}, {"reason", gap.reason}};
             })},
       {"moves", list(catalogue.moves, [](const CatalogueMove& move) {
          return Json{{"repository", move.repository}, {"channel", move.channel},
                      {"action", move.action},         {"tag", move.tag},
                      {"digest", move.digest},         {"at", move.at},
                      {"actor", move.actor},           {"reason", move.reason},
                      {"trusted", move.trusted}};
        })}});
}

Result<Catalogue> parse_catalogue(std::string_view json, const std::string& name) {
  const Json root = TRY(base::parse_json(json, "the catalogue " + name));
  JsonReader reader(root, "catalogue");
  if (reader.number("catalogue") != kCatalogueFormat) {
    return fail(Errc::unsupported, name + " is no catalogue of format 1");
  }
  Catalogue catalogue;
  catalogue.matrix = reader.text("matrix");
  for (JsonReader& image : reader.objects("images"))
    catalogue.images.push_back(TRY(read_image(image)));
  catalogue.gaps = TRY(read_list<CatalogueGap>(reader, "gaps", [](JsonReader& gap) {
    return CatalogueGap{gap.text("cell"), gap.text("standing"), gap.text("reason")};
  }));
  catalogue.moves = TRY(read_list<CatalogueMove>(reader, "moves", [](JsonReader& move) {
    return CatalogueMove{
        move.text("repository"), move.text("channel"), move.text("action"),
        move.text("tag"),        move.text("digest"),  move.text("at"),
        move.text("actor"),      move.text("reason"),  move.flag_or("trusted", false)};
  }));
  TRY(reader.finish());
  return catalogue;
}

CatalogueSizes sizes_of(const Catalogue& catalogue) {
  CatalogueSizes sizes;
  std::set<std::string> seen;
  for (const CatalogueImage& image : catalogue.images) {
    for (const CatalogueLayer& layer : image.layers) {
      sizes.counted += layer.size;
      if (!seen.insert(layer.digest).second) continue;
      sizes.stored += layer.size;
      ++sizes.layers;
    }
  }
  return sizes;
}

std::vector<LayerGroup> shared_layers(const Catalogue& catalogue) {
  std::map<std::string, std::pair<CatalogueLayer, std::set<std::size_t>>> holders;
  for (std::size_t i = 0; i < catalogue.images.size(); ++i) {
    for (const CatalogueLayer& layer : catalogue.images[i].layers)
      holders.try_emplace(layer.digest, layer, std::set<std::size_t>())
          .first->second.second.insert(i);
  }
  std::map<std::set<std::size_t>, LayerGroup> groups;
  for (const auto& [digest, held] : holders) {
    const auto& [layer, images] = held;
    if (images.size() < 2) continue;
    LayerGroup& group = groups[images];
    group.images = images.size();
    group.size += layer.size;
    group.layers.push_back(layer);
  }
  std::vector<LayerGroup> out;
  for (auto& [images, group] : groups) {
    std::stable_sort(group.layers.begin(), group.layers.end(),
                     [](const auto& a, const auto& b) { return a.size > b.size; });
    out.push_back(std::move(group));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.saved() > b.saved(); });
  return out;
}

}  // namespace imgforge::release

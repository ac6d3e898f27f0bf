// What `docker save` writes:
//   manifest.json   [{"Config": FILE, "RepoTags": ["NAME:TAG"...] or null, "Layers": [FILE...]}]
//   FILE            a config, or the tar of a layer, or (older docker) a link to one
// An image's layers stay as they are, mostly uncompressed; the config keeps its bytes, and so the
// image its id.
#include <map>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "store/archive_reading.h"
#include "store/decompress.h"
#include "store/index_json.h"

namespace imgforge::store {
namespace {

struct SavedImage {
  std::string config;
  std::vector<std::string> names, layers;
};

struct Contents {
  std::vector<SavedImage> images;
  std::map<std::string, std::string> links;

  // Through at most as many links as there are.
  std::string resolve(std::string name) const {
    for (std::size_t i = 0; i <= links.size(); ++i) {
      const auto link = links.find(name);
      if (link == links.end()) return name;
      name = link->second;
    }
    return name;
  }
};

Result<std::vector<SavedImage>> parse_contents(const std::string& text, const std::string& file) {
  const base::Json json = TRY(base::parse_json(text, "manifest.json of " + file));
  if (!json.is_array()) return fail(Errc::invalid, "manifest.json of " + file + " is no array");
  std::vector<SavedImage> images;
  for (const base::Json& entry : json) {
    base::JsonReader reader(entry, "manifest");
    SavedImage image{.config = reader.text("Config"),
                     .names = reader.texts_or_empty("RepoTags"),
                     .layers = reader.texts("Layers")};
    TRY(base::with_context(reader.finish_tolerant(), "reading manifest.json of " + file));
    images.push_back(std::move(image));
  }
  return images;
}

// The name within the archive that a link leads to.
std::string target_of(const ArchiveReader::Entry& entry) {
  const std::string from = entry.symbolic ? "/" + base::parent_path(entry.name) + "/" : "/";
  const auto path = base::absolute_path(from + entry.link);
  return path ? path->substr(1) : entry.link;
}

// The first time through: what there is, since manifest.json mostly comes last.
Result<Contents> look(const std::string& file, base::ProgressTask& task,
                      const std::stop_token& stop) {
  ArchiveReader reader = TRY(ArchiveReader::open(file));
  Contents contents;
  bool found = false;
  while (const auto entry = TRY(reader.next())) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (!entry->link.empty()) {
      contents.links[entry->name] = target_of(*entry);
    } else if (entry->name == "manifest.json") {
      contents.images = TRY(parse_contents(TRY(reader.read_text(*entry, task, stop)), file));
      found = true;
    }
  }
  if (found) return contents;
  return fail(Error(Errc::not_found, file + " is not a docker-archive: it has no manifest.json")
                  .hint("a docker-archive is what 'docker save' and 'podman save' write"));
}

struct Taken {
  std::map<std::string, std::string> configs;
  std::map<std::string, oci::Descriptor> layers;
};

Result<oci::Descriptor> take_layer(Store& store, ArchiveReader& reader,
                                   const ArchiveReader::Entry& entry, base::ProgressTask& task,
                                   const std::stop_token& stop) {
  Ingest ingest = TRY(store.new_blob(entry.size));
  TRY(reader.copy_to(ingest, task, stop));
  const std::uint64_t size = ingest.written();
  auto digest = TRY(ingest.commit());
  return oci::Descriptor{
      .media_type = oci::media_type::kLayer, .digest = std::move(digest), .size = size};
}

// By its first bytes: docker with containerd's store saves layers as it got them.
Result<std::string> layer_type(const Store& store, const oci::Descriptor& blob,
                               const oci::Digest& diff_id) {
  if (blob.digest == diff_id) return std::string(oci::media_type::kLayer);
  const auto tar = TRY(open_layer_tar(store.blob_path(blob.digest)));
  base::HashingSink hash;
  TRY(base::copy(*tar, hash));
  if (const std::string hex = hash.finish_hex(); hex != diff_id.hex()) {
    return fail(Errc::mismatch,
                "a layer has diffID sha256:" + hex + ", its config says " + diff_id.to_string());
  }
  std::byte magic[1]{};
  TRY(TRY(store.open_blob(blob.digest)).read_at(0, magic));
  return std::string(magic[0] == std::byte{0x1f} ? oci::media_type::kLayerGzip
                                                 : oci::media_type::kLayerZstd);
}

Result<oci::Descriptor> make_image(Store& store, const Contents& contents, const SavedImage& image,
                                   const Taken& taken, const std::string& file) {
  const auto missing = [&](const std::string& name) {
    return fail(Errc::invalid, file + " has no " + name + ", which its manifest.json names");
  };
  const auto config = taken.configs.find(contents.resolve(image.config));
  if (config == taken.configs.end()) return missing(image.config);
  const oci::ImageConfig parsed = TRY(base::with_context(
      oci::parse_image_config(config->second), "reading " + image.config + " of " + file));
  if (parsed.diff_ids.size() != image.layers.size()) {
    return fail(Errc::invalid, file + " names " + std::to_string(image.layers.size()) +
                                   " layers, its config " + std::to_string(parsed.diff_ids.size()));
  }
  oci::Manifest manifest;
  manifest.config = TRY(store.put_document(config->second, oci::media_type::kConfig));
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const auto layer = taken.layers.find(contents.resolve(image.layers[i]));
    if (layer == taken.layers.end()) return missing(image.layers[i]);
    oci::Descriptor blob = layer->second;
    blob.media_type = TRY(base::with_context(layer_type(store, blob, parsed.diff_ids[i]),
                                             "reading " + image.layers[i] + " of " + file));
    manifest.layers.push_back(std::move(blob));
  }
  return store.put_document(oci::to_json(manifest), oci::media_type::kManifest);
}

}  // namespace

Result<oci::Index> take_docker_archive(Store& store, const std::string& file,
                                       base::ProgressTask& task, const std::stop_token& stop) {
  const Contents contents = TRY(look(file, task, stop));
  std::set<std::string> configs, layers;
  for (const SavedImage& image : contents.images) {
    configs.insert(contents.resolve(image.config));
    for (const std::string& layer : image.layers) layers.insert(contents.resolve(layer));
  }
  Taken taken;
  ArchiveReader reader = TRY(ArchiveReader::open(file));
  while (const auto entry = TRY(reader.next())) {
    if (!entry->link.empty()) continue;
    if (configs.contains(entry->name)) {
      taken.configs[entry->name] = TRY(reader.read_text(*entry, task, stop));
    } else if (layers.contains(entry->name)) {
      taken.layers.insert_or_assign(entry->name,
                                    TRY(take_layer(store, reader, *entry, task, stop)));
    }
  }
  oci::Index index;
  for (const SavedImage& image : contents.images) {
    const auto manifest = TRY(make_image(store, contents, image, taken, file));
    for (const std::string& name : image.names) {
      index.manifests.push_back(manifest);
      index.manifests.back().annotations[kRefName] = name;
    }
    if (image.names.empty()) index.manifests.push_back(manifest);
  }
  return index;
}

}  // namespace imgforge::store

#include <algorithm>
#include <set>

#include "base/json.h"
#include "store/decompress.h"
#include "store/export.h"
#include "store/image_blobs.h"
#include "store/ustar_stream.h"

namespace imgforge::store {
namespace {

// Passes bytes on, counts them for the progress, and stops when asked to.
class WatchedSource final : public base::Source {
 public:
  WatchedSource(base::Source& source, base::ProgressTask& task, std::stop_token stop)
      : source_(source), task_(task), stop_(std::move(stop)) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const std::size_t n = TRY(source_.read(buffer));
    task_.advance(n);
    return n;
  }

 private:
  base::Source& source_;
  base::ProgressTask& task_;
  std::stop_token stop_;
};

}  // namespace

Result<> export_oci_archive(const Store& store, const oci::Descriptor& manifest,
                            const std::string& file, const std::string& name,
                            base::Progress& progress, std::stop_token stop) {
  auto blobs = TRY(blobs_of(store, manifest));
  std::sort(blobs.begin(), blobs.end(),
            [](const auto& a, const auto& b) { return a.digest < b.digest; });
  std::uint64_t total = 0;
  for (const oci::Descriptor& blob : blobs) total += blob.size;
  auto task = progress.start("write", file, total);
  UstarFile archive = TRY(UstarFile::create(file));
  TRY(archive.folder("blobs"));
  TRY(archive.folder("blobs/sha256"));
  for (const oci::Descriptor& blob : blobs) {
    base::File content = TRY(store.open_blob(blob.digest));
    WatchedSource watched(content, *task, stop);
    TRY(archive.file("blobs/sha256/" + blob.digest.hex(), watched));
  }
  TRY(archive.file("index.json", single_index(manifest, name)));
  TRY(archive.file("oci-layout", kOciLayout));
  TRY(archive.commit());
  task->finish("written");
  return {};
}

Result<> export_docker_archive(const Store& store, const oci::Descriptor& manifest,
                               const std::string& file, const std::vector<std::string>& names,
                               base::Progress& progress, std::stop_token stop) {
  const oci::Manifest parsed = TRY(oci::parse_manifest(TRY(store.read_blob(manifest.digest))));
  if (!parsed.config) return fail(Errc::invalid, "the image has no config");
  const std::string config_json = TRY(store.read_blob(parsed.config->digest));
  const oci::ImageConfig config = TRY(oci::parse_image_config(config_json));
  if (config.diff_ids.size() != parsed.layers.size()) {
    return fail(Errc::invalid, "the image's config and manifest have different numbers of layers");
  }
  auto task = progress.start("write", file, std::nullopt);
  UstarFile archive = TRY(UstarFile::create(file));
  base::Json layers = base::Json::array();
  std::set<oci::Digest> written;
  for (std::size_t i = 0; i < parsed.layers.size(); ++i) {
    const std::string entry = config.diff_ids[i].hex() + ".tar";
    layers.push_back(entry);
    if (!written.insert(config.diff_ids[i]).second) continue;
    const auto tar = TRY(open_layer_tar(store.blob_path(parsed.layers[i].digest)));
    WatchedSource watched(*tar, *task, stop);
    TRY(archive.file(entry, watched));
  }
  const std::string config_name = parsed.config->digest.hex() + ".json";
  TRY(archive.file(config_name, config_json));
  const base::Json document =
      base::Json::array({{{"Config", config_name}, {"Layers", layers}, {"RepoTags", names}}});
  TRY(archive.file("manifest.json", base::canonical_json(document)));
  TRY(archive.commit());
  task->finish("written");
  return {};
}

}  // namespace imgforge::store

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/sha256.h"
#include "store/decompress.h"
#include "store/export.h"
#include "store/image_blobs.h"
#include "store/index_json.h"
#include "store/ustar_stream.h"

namespace imgforge::store {
namespace {

/// index.json of a layout that holds this one image.
Result<std::string> single_index(const oci::Descriptor& manifest, const std::string& name) {
  return TRY(index_with(empty_index(), name, manifest)).value_or(empty_index());
}

// The tar of a layer, hashed on the way: compressed damage that its decoder does not see must not
// leave the store under a diffID that it does not have.
class CheckedTar final : public base::Source {
 public:
  CheckedTar(std::unique_ptr<base::Source> tar, const oci::Digest& diff_id)
      : tar_(std::move(tar)), diff_id_(diff_id) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    const std::size_t n = TRY(tar_->read(buffer));
    if (n != 0) {
      hash_.update(buffer.first(n));
    } else if (const std::string hex = hash_.finish_hex(); hex != diff_id_.hex()) {
      return fail(Error(Errc::mismatch, "a layer of the image has diffID sha256:" + hex +
                                            ", its config says " + diff_id_.to_string())
                      .hint("imgforge cache verify --quarantine, then build again"));
    }
    return n;
  }

 private:
  std::unique_ptr<base::Source> tar_;
  const oci::Digest& diff_id_;
  base::Sha256 hash_;
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
  TRY(archive.file("index.json", TRY(single_index(manifest, name))));
  TRY(archive.file("oci-layout", kOciLayout));
  TRY(archive.commit());
  task->finish("written");
  return {};
}

Result<> export_docker_archive(const Store& store, const oci::Descriptor& manifest,
                               const std::string& file, const std::vector<std::string>& names,
                               base::Progress& progress, std::stop_token stop) {
  (void)TRY(blobs_of(store, manifest));  // all there, or nothing is begun
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
    CheckedTar tar(TRY(open_layer_tar(store.blob_path(parsed.layers[i].digest))),
                   config.diff_ids[i]);
    WatchedSource watched(tar, *task, stop);
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

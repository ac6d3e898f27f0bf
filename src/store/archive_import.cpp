// Images into the store: from a layout folder, or from a tar of one. Everything is verified on the
// way.
#include <algorithm>
#include <set>

#include "oci/graph.h"
#include "store/archive_reading.h"
#include "store/export.h"
#include "store/image_blobs.h"
#include "store/index_json.h"
#include "store/layout_reading.h"

namespace imgforge::store {
namespace {

constexpr std::size_t kMaximumDocument = 16 << 20;

// One blob by digest from wherever the image comes.
using Fetch = std::function<Result<>(const oci::Descriptor& blob, Ingest& into)>;

// Without a variant any will do: "linux/arm64" is what indexes call linux/arm64/v8.
bool fits(const oci::Platform& there, const oci::Platform& wanted) {
  return there.os == wanted.os && there.architecture == wanted.architecture &&
         (wanted.variant.empty() || there.variant == wanted.variant);
}

class Importer {
 public:
  Importer(Store& store, Fetch fetch, std::stop_token stop)
      : store_(store), fetch_(std::move(fetch)), stop_(std::move(stop)) {}

  /// The image that index.json and `platform` choose, with all its blobs.
  Result<oci::Descriptor> take_image(std::string_view index, const std::string& name,
                                     const oci::Platform& platform, const std::string& where) {
    const oci::Index parsed =
        TRY(base::with_context(oci::parse_index(index), "reading index.json of " + where));
    oci::Descriptor image = TRY(choose(TRY(pick_image(parsed, name, where)), platform));
    if (!oci::is_manifest(image.media_type)) {
      return fail(Errc::unsupported, where + ": " + image.media_type + " is not an image");
    }
    TRY(base::with_context(take_with_children(image), "taking the image from " + where));
    image.annotations.clear();
    image.platform.reset();
    return image;
  }

 private:
  Result<> take(const oci::Descriptor& descriptor) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (!seen_.insert(descriptor.digest).second) return {};
    const auto size = store_.blob_size(descriptor.digest);
    if (!size || *size != descriptor.size) {
      Ingest blob = TRY(store_.new_blob(descriptor.size));
      TRY(fetch_(descriptor, blob));
      (void)TRY(blob.commit(Ingest::Expected{descriptor.digest, descriptor.size}));
    }
    return {};
  }

  Result<> take_with_children(const oci::Descriptor& descriptor) {
    TRY(take(descriptor));
    const std::string text = TRY(store_.read_blob(descriptor.digest, kMaximumDocument));
    for (const oci::Descriptor& child : TRY(oci::successors(descriptor.media_type, text))) {
      TRY(base::with_context(take(child), "blob " + child.digest.to_string()));
    }
    return {};
  }

  Result<oci::Descriptor> choose(const oci::Descriptor& descriptor, const oci::Platform& platform) {
    if (!oci::is_index(descriptor.media_type)) return descriptor;
    TRY(take(descriptor));
    const oci::Index index =
        TRY(oci::parse_index(TRY(store_.read_blob(descriptor.digest, kMaximumDocument))));
    std::vector<std::string> platforms;
    for (const oci::Descriptor& child : index.manifests) {
      if (!child.platform) continue;
      if (fits(*child.platform, platform)) return child;
      platforms.push_back(child.platform->to_string());
    }
    std::string there;
    for (const std::string& one : platforms) there += (there.empty() ? "it has " : ", ") + one;
    return fail(
        Error(Errc::not_found, "the image is not there for " + platform.to_string()).hint(there));
  }

  Store& store_;
  Fetch fetch_;
  std::stop_token stop_;
  std::set<oci::Digest> seen_;
};

}  // namespace

Result<oci::Descriptor> import_layout(Store& store, const std::string& directory,
                                      const std::string& name, const oci::Platform& platform,
                                      base::Progress& progress, std::stop_token stop) {
  const auto index = base::read_file(directory + "/index.json", kMaximumDocument);
  if (!index) {
    return fail(Error(index.error().code(),
                      directory + " is not an OCI layout: its index.json cannot be read")
                    .hint("an OCI layout is a folder with oci-layout, index.json and blobs/"));
  }
  auto task = progress.start("import", directory, std::nullopt);
  const Fetch fetch = [&](const oci::Descriptor& blob, Ingest& into) -> Result<> {
    base::File file = TRY(base::File::open_read(directory + "/blobs/sha256/" + blob.digest.hex()));
    WatchedSource watched(file, *task, stop);
    TRY(base::copy(watched, into));
    return {};
  };
  Importer importer(store, fetch, stop);
  oci::Descriptor image = TRY(importer.take_image(*index, name, platform, directory));
  task->finish("imported");
  return image;
}

Result<oci::Descriptor> import_oci_archive(Store& store, const std::string& file,
                                           const std::string& name, const oci::Platform& platform,
                                           base::Progress& progress, std::stop_token stop) {
  auto task = progress.start("import", file, base::file_size(file).value_or(0));
  const std::string index = TRY(take_oci_archive(store, file, *task, stop));
  const Fetch fetch = [&](const oci::Descriptor&, Ingest&) -> Result<> {
    return fail(Errc::invalid, "it is missing in " + file);
  };
  Importer importer(store, fetch, stop);
  oci::Descriptor image = TRY(importer.take_image(index, name, platform, file));
  task->finish("imported");
  return image;
}

}  // namespace imgforge::store

// The tars that images travel in, read once from beginning to end, and their blobs taken into the
// store, each verified. Private to the room.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"
#include "oci/image.h"
#include "store/store.h"

struct archive;

namespace imgforge::store {

class ArchiveReader {
 public:
  static Result<ArchiveReader> open(const std::string& file);

  struct Entry {
    std::string name;       // without "./"; empty when this is neither a file nor a link
    std::string link;       // where a link leads; empty: a file
    bool symbolic = false;  // a hard link's way begins at the archive's root
    std::uint64_t size = 0;
  };
  /// nullopt at the end.
  Result<std::optional<Entry>> next();
  /// The content of the entry that next() gave last.
  Result<> copy_to(base::Sink& sink, base::ProgressTask& task, const std::stop_token& stop);
  /// The same for a small document.
  Result<std::string> read_text(const Entry& entry, base::ProgressTask& task,
                                const std::stop_token& stop);

 private:
  struct Closer {
    void operator()(::archive* archive) const;
  };
  explicit ArchiveReader(std::string file);
  Error broken() const;

  std::string file_;
  std::unique_ptr<::archive, Closer> archive_;
  std::vector<std::byte> buffer_;
};

/// Every blob of an oci-archive, whether an image needs it or not (what it does not need is for
/// prune); returns index.json.
Result<std::string> take_oci_archive(Store& store, const std::string& file,
                                     base::ProgressTask& task, const std::stop_token& stop);

/// The images of `docker save`'s form as images of ours, by their names: layers and config are the
/// archive's own, the manifests are written here.
Result<oci::Index> take_docker_archive(Store& store, const std::string& file,
                                       base::ProgressTask& task, const std::stop_token& stop);

}  // namespace imgforge::store

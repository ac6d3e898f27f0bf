#include "base/file.h"
#include "store/archive_reading.h"
#include "store/ends.h"
#include "store/layout_reading.h"

namespace imgforge::store {
namespace {

class ArchiveOrigin final : public content::Origin {
 public:
  ArchiveOrigin(Store& store, std::string file, oci::Index index)
      : store_(store), shelf_(store), file_(std::move(file)), index_(std::move(index)) {}

  std::string name() const override { return file_; }
  Result<content::Document> resolve(const std::string& reference, std::stop_token stop) override {
    if (oci::Digest::parse(reference)) return shelf_.resolve(reference, stop);
    return shelf_.document(TRY(pick_image(index_, reference, file_)), stop);
  }
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token stop) override {
    return shelf_.document(wanted, stop);
  }
  Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                        std::stop_token stop) override {
    return shelf_.open_blob(blob, stop);
  }
  Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink, base::ProgressTask& task,
                     std::stop_token stop) override {
    return shelf_.read_blob(blob, sink, task, stop);
  }
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                 std::stop_token) override {
    return entries_with_subject(store_.directory(), index_, subject);
  }

 private:
  Store& store_;
  StoreEnd shelf_;
  std::string file_;
  oci::Index index_;
};

}  // namespace

Result<std::unique_ptr<content::Origin>> open_archive(Store& store,
                                                      const oci::ArchiveReference& archive,
                                                      base::Progress& progress,
                                                      std::stop_token stop) {
  auto task = progress.start("import", archive.file, base::file_size(archive.file).value_or(0));
  oci::Index index;
  if (archive.format == oci::ArchiveReference::Format::docker) {
    index = TRY(take_docker_archive(store, archive.file, *task, stop));
  } else {
    index = TRY(base::with_context(
        oci::parse_index(TRY(take_oci_archive(store, archive.file, *task, stop))),
        "reading index.json of " + archive.file));
  }
  task->finish("imported");
  return std::unique_ptr<content::Origin>(
      std::make_unique<ArchiveOrigin>(store, archive.file, std::move(index)));
}

}  // namespace imgforge::store

#include "store/inputs_end.h"

#include <fmt/format.h>

#include "base/sha256.h"

namespace imgforge::store {
namespace {

/// Tells the task of the bytes that pass.
class CountingSink final : public base::Sink {
 public:
  CountingSink(base::Sink& next, base::ProgressTask& task) : next_(next), task_(task) {}
  Result<> write(base::Bytes bytes) override {
    TRY(next_.write(bytes));
    task_.advance(bytes.size());
    return {};
  }

 private:
  base::Sink& next_;
  base::ProgressTask& task_;
};

Error no_document(const std::string& name, const std::string& wanted) {
  return Error(Errc::not_found, fmt::format("{} has no document {}", name, wanted));
}

}  // namespace

Result<content::Document> InputsOrigin::resolve(const std::string& reference, std::stop_token) {
  return fail(no_document(name(), reference));
}

Result<content::Document> InputsOrigin::document(const oci::Descriptor& wanted, std::stop_token) {
  return fail(no_document(name(), wanted.digest.to_string()));
}

Result<std::unique_ptr<base::RandomAccess>> InputsOrigin::open_blob(const oci::Descriptor& blob,
                                                                    std::stop_token) {
  if (const auto found = small_.find(blob.digest); found != small_.end()) {
    return std::make_unique<base::TextAccess>(found->second);
  }
  auto file = std::make_unique<base::File>(TRY(store_.open_input(blob.digest)));
  if (file->size() != blob.size) {
    return fail(
        Error(Errc::mismatch, fmt::format("the input {} in {} has {} bytes, not {}",
                                          blob.digest.to_string(), name(), file->size(), blob.size))
            .hint("imgforge cache verify --quarantine, then imgforge fetch SPEC"));
  }
  return file;
}

Result<> InputsOrigin::read_blob(const oci::Descriptor& blob, base::Sink& sink,
                                 base::ProgressTask& task, std::stop_token) {
  if (const auto found = small_.find(blob.digest); found != small_.end()) {
    task.advance(found->second.size());
    return sink.write(base::as_bytes(found->second));
  }
  base::File file = TRY(store_.open_input(blob.digest));
  CountingSink counted(sink, task);
  base::HashingSink hashed(&counted);
  TRY(base::copy(file, hashed));
  if (hashed.finish_hex() == blob.digest.hex()) return {};
  return fail(Error(Errc::mismatch,
                    fmt::format("the input {} in {} is damaged", blob.digest.to_string(), name()))
                  .hint("imgforge cache verify --quarantine, then imgforge fetch SPEC"));
}

Result<std::vector<oci::Descriptor>> InputsOrigin::referrers(const oci::Digest&, std::stop_token) {
  return std::vector<oci::Descriptor>();
}

}  // namespace imgforge::store

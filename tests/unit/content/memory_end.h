// An end in memory that writes down what is asked of it, in order, and refuses what a registry
// would: documents whose children are not there, content that is not its digest.
#pragma once

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/sha256.h"
#include "content/ends.h"
#include "oci/graph.h"
#include "oci/image.h"

namespace imgforge::test {

class MemoryEnd final : public content::Target {
 public:
  explicit MemoryEnd(std::string name = "memory") : name_(std::move(name)) {}

  // ---- What a test puts in and finds.
  oci::Descriptor add_blob(const std::string& content,
                           const std::string& type = oci::media_type::kLayerGzip) {
    const oci::Digest digest = oci::Digest::of(content);
    const std::lock_guard lock(mutex_);
    blobs[digest] = content;
    return {.media_type = type, .digest = digest, .size = content.size()};
  }
  content::Document add_document(const std::string& bytes, const std::string& type) {
    content::Document document{
        {.media_type = type, .digest = oci::Digest::of(bytes), .size = bytes.size()}, bytes};
    const std::lock_guard lock(mutex_);
    documents.insert_or_assign(document.descriptor.digest, document);
    return document;
  }
  content::Document add_image(const std::string& name, std::vector<oci::Descriptor> layers,
                              std::optional<oci::Descriptor> subject = {}) {
    const auto config = add_blob("config of " + name, oci::media_type::kConfig);
    return add_document(
        oci::to_json(oci::Manifest{
            .config = config, .layers = std::move(layers), .subject = std::move(subject)}),
        oci::media_type::kManifest);
  }
  content::Document add_index(std::vector<oci::Descriptor> children) {
    return add_document(oci::to_json(oci::Index{.manifests = std::move(children)}),
                        oci::media_type::kIndex);
  }
  std::vector<std::string> events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::size_t count(const std::string& verb) {
    const auto all = events();
    return static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [&](const auto& event) { return event.starts_with(verb + " "); }));
  }

  std::map<oci::Digest, std::string> blobs;
  std::map<oci::Digest, content::Document> documents;
  std::map<std::string, oci::Digest> tags;
  /// Asked before each blob is taken.
  std::function<Result<>(const oci::Descriptor&)> before_take;
  bool forgets_referrers = false;
  std::atomic<int> most_at_once = 0;

  // ---- content::Target
  std::string name() const override { return name_; }
  Result<content::Document> resolve(const std::string& reference, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    const auto tag = tags.find(reference);
    if (tag != tags.end()) return documents.at(tag->second);
    const auto digest = oci::Digest::parse(reference);
    if (digest && documents.contains(*digest)) return documents.at(*digest);
    return fail(Errc::not_found, name_ + " has no " + reference);
  }
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    const auto found = documents.find(wanted.digest);
    if (found == documents.end()) {
      return fail(Errc::not_found, name_ + " has no " + wanted.digest.to_string());
    }
    return found->second;
  }
  Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                        std::stop_token) override {
    const std::lock_guard lock(mutex_);
    const auto found = blobs.find(blob.digest);
    if (found == blobs.end()) {
      return fail(Errc::not_found, name_ + " has no " + blob.digest.to_string());
    }
    events_.push_back("read " + blob.digest.to_string());
    return std::unique_ptr<base::RandomAccess>(std::make_unique<base::TextAccess>(found->second));
  }
  Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink, base::ProgressTask& task,
                     std::stop_token stop) override {
    const auto data = TRY(open_blob(blob, stop));
    base::RangeSource source(*data, 0, data->size());
    task.advance(TRY(base::copy(source, sink)));
    return {};
  }
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                 std::stop_token) override {
    const std::lock_guard lock(mutex_);
    std::vector<oci::Descriptor> found;
    if (forgets_referrers) return found;
    for (const auto& [digest, document] : documents) {
      const auto manifest = oci::parse_manifest(document.bytes);
      if (manifest && manifest->subject && manifest->subject->digest == subject) {
        found.push_back(document.descriptor);
      }
    }
    return found;
  }
  Result<std::optional<oci::Descriptor>> find(const std::string& tag, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    const auto found = tags.find(tag);
    if (found == tags.end()) return std::nullopt;
    return documents.at(found->second).descriptor;
  }
  Result<bool> has_blob(const oci::Descriptor& blob, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    events_.push_back("look " + blob.digest.to_string());
    return blobs.contains(blob.digest);
  }
  Result<bool> has_document(const oci::Descriptor& document, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    return documents.contains(document.digest);
  }
  Result<content::Taken> take_blob(const oci::Descriptor& blob, content::Origin& origin,
                                   const content::Ways&, base::ProgressTask& task,
                                   std::stop_token stop) override {
    const int now = ++at_once_;
    for (int most = most_at_once; now > most && !most_at_once.compare_exchange_weak(most, now);) {
    }
    auto taken = take(blob, origin, task, stop);
    --at_once_;
    return taken;
  }
  Result<> put_document(const content::Document& document, std::stop_token) override {
    const std::lock_guard lock(mutex_);
    return keep(document, "put");
  }
  Result<> tag(const content::Document& document, const std::string& tag,
               std::stop_token) override {
    const std::lock_guard lock(mutex_);
    TRY(keep(document, "tag " + tag + " at"));
    tags.insert_or_assign(tag, document.descriptor.digest);
    return {};
  }

 private:
  Result<content::Taken> take(const oci::Descriptor& blob, content::Origin& origin,
                              base::ProgressTask& task, std::stop_token stop) {
    if (before_take) TRY(before_take(blob));
    if (TRY(has_blob(blob, stop))) return content::Taken::there;
    std::string content;
    base::StringSink sink(content);
    TRY(origin.read_blob(blob, sink, task, stop));
    if (oci::Digest::of(content) != blob.digest) return fail(Errc::mismatch, "damaged");
    const std::lock_guard lock(mutex_);
    events_.push_back("take " + blob.digest.to_string());
    blobs[blob.digest] = std::move(content);
    return content::Taken::sent;
  }
  Result<> keep(const content::Document& document, const std::string& verb) {
    for (const auto& child : TRY(oci::successors(document.descriptor.media_type, document.bytes))) {
      if (!blobs.contains(child.digest) && !documents.contains(child.digest)) {
        return fail(Error(Errc::invalid, "its child " + child.digest.to_string() + " is not here")
                        .with("code", "MANIFEST_BLOB_UNKNOWN"));
      }
    }
    events_.push_back(verb + " " + document.descriptor.digest.to_string());
    documents.insert_or_assign(document.descriptor.digest, document);
    return {};
  }

  std::string name_;
  std::mutex mutex_;
  std::vector<std::string> events_;
  std::atomic<int> at_once_ = 0;
};

}  // namespace imgforge::test

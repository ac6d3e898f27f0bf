// The two ends of a copy: where blobs and documents come from, and where they go. A registry's
// repository, the store and a layout are such ends; the algorithm (copy.h) knows none of them.
// All functions are safe from several threads at once.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"
#include "content/document.h"

namespace imgforge::content {

/// A repository of a registry, as mounts name it.
struct Place {
  std::string registry, repository;
  bool operator==(const Place&) const = default;
};

class Origin {
 public:
  virtual ~Origin() = default;
  /// For people: "harbor.example/ml/torch", "oci:/srv/images".
  virtual std::string name() const = 0;
  /// Where a registry may mount from; nullopt: not in a registry.
  virtual std::optional<Place> place() const { return std::nullopt; }

  /// What `reference` (a tag or a digest) names here; its bytes are verified. not_found otherwise.
  virtual Result<Document> resolve(const std::string& reference, std::stop_token stop) = 0;
  /// The document of that digest, verified.
  virtual Result<Document> document(const oci::Descriptor& wanted, std::stop_token stop) = 0;
  /// The blob for reading in order, from any offset on, more than once where the way breaks. It is
  /// not verified: who takes it checks the digest. The origin outlives it.
  virtual Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                                std::stop_token stop) = 0;
  /// The whole blob into `sink`, verified: after an Error what the sink got is worthless. `task`
  /// hears of the bytes.
  virtual Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink,
                             base::ProgressTask& task, std::stop_token stop) = 0;
  /// The documents whose `subject` is that digest (distribution-spec v1.1.1, "Listing Referrers").
  virtual Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                         std::stop_token stop) = 0;
};

enum class Taken { sent, mounted, there };

/// How a blob may come.
struct Ways {
  /// Repositories of the target's own registry that may have the blob.
  std::vector<std::string> mount_from;
  /// Sends it even if the target says that it has it.
  bool again = false;
};

class Target : public Origin {
 public:
  /// What the tag points at; nullopt when there is none.
  virtual Result<std::optional<oci::Descriptor>> find(const std::string& tag,
                                                      std::stop_token stop) = 0;
  virtual Result<bool> has_blob(const oci::Descriptor& blob, std::stop_token stop) = 0;
  /// The document is there, and the blobs that it names: a registry takes none without them.
  virtual Result<bool> has_document(const oci::Descriptor& document, std::stop_token stop) = 0;

  /// Makes the blob be here, moving as little as possible: nothing when it is there, a mount where
  /// that goes, else its bytes from `origin`, verified.
  virtual Result<Taken> take_blob(const oci::Descriptor& blob, Origin& origin, const Ways& ways,
                                  base::ProgressTask& task, std::stop_token stop) = 0;
  /// Keeps a document under its digest, and lists it with its subject where it has one. Everything
  /// that it names is here; where that turns out wrong the Error has the fact "code" with
  /// MANIFEST_BLOB_UNKNOWN.
  virtual Result<> put_document(const Document& document, std::stop_token stop) = 0;
  /// Keeps the document and points the tag at it, in one step.
  virtual Result<> tag(const Document& document, const std::string& tag, std::stop_token stop) = 0;
};

}  // namespace imgforge::content

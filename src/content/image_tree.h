// The documents of an image: itself, and what an index names, down to the manifests. Private to the
// room.
#pragma once

#include <set>

#include "content/ends.h"

namespace imgforge::content {

class ImageTree {
 public:
  /// Borrows both.
  ImageTree(Origin& origin, Target& target, std::size_t parallel)
      : origin_(origin), target_(target), parallel_(parallel) {}

  /// Adds the document and what it names, as far as the target lacks them.
  Result<> add(Document root, std::stop_token stop);

  /// What the target lacks, children first.
  const std::vector<Document>& missing() const { return missing_; }
  /// Every document, there or not.
  const std::vector<oci::Descriptor>& all() const { return all_; }

 private:
  Result<> add(Document document, int depth, std::stop_token stop);

  Origin& origin_;
  Target& target_;
  std::size_t parallel_;
  std::vector<Document> missing_;
  std::vector<oci::Descriptor> all_;
  std::set<oci::Digest> seen_;
  std::uint64_t bytes_ = 0;
};

/// The image for `platform`, through indexes of indexes. `name` is the image for messages.
Result<Document> choose_image(Origin& origin, Document document, const oci::Platform& platform,
                              const std::string& name, std::stop_token stop);

}  // namespace imgforge::content

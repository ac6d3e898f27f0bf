#include "content/image_tree.h"

#include <fmt/format.h>

#include "base/task_group.h"
#include "content/platform_choice.h"
#include "oci/graph.h"

namespace imgforge::content {
namespace {

/// Indexes of indexes are legal; deeper than this they are a trap.
constexpr int kDeepestIndex = 3;
/// All documents of one image are held at once; real ones stay far below.
constexpr std::uint64_t kMostDocumentBytes = 32 << 20;

Result<Document> child_document(Origin& origin, const oci::Descriptor& child,
                                std::stop_token stop) {
  Document document = TRY(origin.document(child, stop));
  if (document.descriptor.size != child.size ||
      document.descriptor.media_type != child.media_type) {
    return fail(Errc::mismatch,
                fmt::format("an index of {} describes {} as {} of {} bytes, and it is {} of {}",
                            origin.name(), child.digest.to_string(), child.media_type, child.size,
                            document.descriptor.media_type, document.descriptor.size));
  }
  return document;
}

Error too_deep(const Origin& origin) {
  return Error(Errc::unsupported, fmt::format("the index of {} names indexes more than {} deep",
                                              origin.name(), kDeepestIndex));
}

}  // namespace

Result<> ImageTree::add(Document root, std::stop_token stop) {
  return add(std::move(root), 0, std::move(stop));
}

Result<> ImageTree::add(Document document, int depth, std::stop_token stop) {
  if (!seen_.insert(document.descriptor.digest).second) return {};
  bytes_ += document.bytes.size();
  if (bytes_ > kMostDocumentBytes) {
    return fail(Errc::unsupported, origin_.name() + " has an image with more manifests than fit");
  }
  if (oci::is_index(document.descriptor.media_type)) {
    if (depth == kDeepestIndex) return fail(too_deep(origin_));
    std::vector<oci::Descriptor> children;
    for (oci::Descriptor& child :
         TRY(oci::successors(document.descriptor.media_type, document.bytes))) {
      const bool known = oci::is_manifest(child.media_type) || oci::is_index(child.media_type);
      if (known && !seen_.contains(child.digest)) children.push_back(std::move(child));
    }
    auto documents = TRY(base::parallel_map<Document>(
        children.size(), parallel_, stop, [&](std::size_t i, std::stop_token inner) {
          return child_document(origin_, children[i], inner);
        }));
    for (Document& child : documents) TRY(add(std::move(child), depth + 1, stop));
  }
  all_.push_back(document.descriptor);
  if (!TRY(target_.has_document(document.descriptor, stop))) {
    missing_.push_back(std::move(document));
  }
  return {};
}

Result<Document> choose_image(Origin& origin, Document document, const oci::Platform& platform,
                              const std::string& name, std::stop_token stop) {
  for (int depth = 0; oci::is_index(document.descriptor.media_type); ++depth) {
    if (depth == kDeepestIndex) return fail(too_deep(origin));
    const auto index =
        TRY(base::with_context(oci::parse_index(document.bytes), "reading the index of " + name));
    document = TRY(child_document(origin, TRY(choose_platform(index, platform, name)), stop));
  }
  return document;
}

}  // namespace imgforge::content

#include "content/copy.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/task_group.h"
#include "content/image_tree.h"
#include "content/referrers.h"
#include "oci/graph.h"

namespace imgforge::content {
namespace {

// What would be moved: a look at every blob, and nothing else.
Result<Moved> preview(Target& target, const std::vector<Document>& documents, std::size_t parallel,
                      std::stop_token stop) {
  std::vector<oci::Descriptor> blobs;
  std::set<oci::Digest> seen;
  for (const Document& document : documents) {
    for (oci::Descriptor& child :
         TRY(oci::successors(document.descriptor.media_type, document.bytes))) {
      const bool known = oci::is_manifest(child.media_type) || oci::is_index(child.media_type);
      if (!known && seen.insert(child.digest).second) blobs.push_back(std::move(child));
    }
  }
  const auto there = TRY(base::parallel_map<bool>(
      blobs.size(), parallel, stop,
      [&](std::size_t i, std::stop_token inner) { return target.has_blob(blobs[i], inner); }));
  Moved moved;
  for (std::size_t i = 0; i < blobs.size(); ++i) {
    Counted& counted = there[i] ? moved.there : moved.sent;
    ++counted.blobs;
    counted.bytes += blobs[i].size;
  }
  return moved;
}

// The tags that have to be written.
Result<std::vector<std::string>> stale(Target& target, const std::vector<std::string>& tags,
                                       const oci::Digest& digest, std::size_t parallel,
                                       std::stop_token stop) {
  const auto points_there = TRY(base::parallel_map<bool>(
      tags.size(), parallel, stop, [&](std::size_t i, std::stop_token inner) -> Result<bool> {
        const auto found = TRY(target.find(tags[i], inner));
        return found && found->digest == digest;
      }));
  std::vector<std::string> out;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (!points_there[i]) out.push_back(tags[i]);
  }
  return out;
}

}  // namespace

Result<CopyReport> copy(Origin& origin, const std::string& reference, Target& target,
                        const CopyOptions& options, base::Progress& progress,
                        std::stop_token stop) {
  Document root = TRY(origin.resolve(reference, stop));
  if (options.platform) {
    root = TRY(choose_image(origin, std::move(root), *options.platform,
                            origin.name() + ":" + reference, stop));
  }
  CopyReport report{.image = root.descriptor};
  report.written = TRY(stale(target, options.tags, root.descriptor.digest, options.parallel, stop));

  ImageTree tree(origin, target, options.parallel);
  TRY(tree.add(root, stop));
  const auto& missing = tree.missing();
  report.document_there =
      missing.empty() || missing.back().descriptor.digest != root.descriptor.digest;

  if (options.dry_run) {
    report.moved = TRY(preview(target, missing, options.parallel, stop));
    if (options.referrers) {
      for (const Referrer& referrer :
           TRY(find_referrers(origin, tree.all(), options.parallel, stop))) {
        report.referrers.push_back(referrer.document.descriptor);
      }
    }
    return report;
  }

  Pusher pusher(origin, target,
                {.verb = options.verb,
                 .subject = options.subject,
                 .parallel = options.parallel,
                 .mount_from = options.mount_from},
                progress, stop);
  // With referrers the tags wait for them: who follows a tag finds the signature.
  const bool tags_at_once = !options.referrers && !report.document_there;
  TRY(pusher.publish(missing, tags_at_once ? report.written : std::vector<std::string>()));
  if (options.referrers) {
    report.referrers =
        TRY(copy_referrers(origin, target, pusher, tree.all(), options.parallel, stop));
  }
  if (!tags_at_once) {
    for (const std::string& tag : report.written) TRY(target.tag(root, tag, stop));
  }
  report.moved = pusher.moved();
  if (missing.empty()) {
    auto task = progress.start(
        options.verb,
        fmt::format("{} {}", options.subject.empty() ? target.name() : options.subject,
                    root.descriptor.digest.short_hex()),
        std::nullopt);
    task->finish(report.written.empty() ? "there already" : "tagged");
  }
  return report;
}

}  // namespace imgforge::content

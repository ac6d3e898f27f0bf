#include "content/referrers.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/task_group.h"
#include "content/image_tree.h"

namespace imgforge::content {
namespace {

/// A signature of an SBOM of an image is 2; beyond this it is a chain that somebody made up.
constexpr int kLongestChain = 4;
/// Every promotion leaves a record on the image; a thousand of anything else is a mistake.
constexpr std::size_t kMostReferrers = 1000;
constexpr const char* kKinds[] = {"sig", "att", "sbom"};

// What points at one image, by referrers and by tags.
Result<std::vector<Referrer>> pointing_at(Origin& origin, const oci::Digest& subject,
                                          std::stop_token stop) {
  std::vector<Referrer> found;
  for (const oci::Descriptor& entry : TRY(origin.referrers(subject, stop))) {
    auto document = TRY(origin.document(entry, stop));
    found.push_back({subject, std::move(document), ""});
  }
  for (const char* kind : kKinds) {
    std::string tag = cosign_tag(subject, kind);
    auto document = origin.resolve(tag, stop);
    if (document) {
      found.push_back({subject, *std::move(document), std::move(tag)});
    } else if (document.error().code() != Errc::not_found) {
      return fail(std::move(document.error()));
    }
  }
  return found;
}

Result<bool> is_listed(Target& target, const Referrer& referrer, std::stop_token stop) {
  if (!referrer.tag.empty()) {
    const auto found = TRY(target.find(referrer.tag, stop));
    return found && found->digest == referrer.document.descriptor.digest;
  }
  const auto listed = TRY(target.referrers(referrer.subject, stop));
  return std::any_of(listed.begin(), listed.end(), [&](const oci::Descriptor& entry) {
    return entry.digest == referrer.document.descriptor.digest;
  });
}

}  // namespace

std::string cosign_tag(const oci::Digest& subject, const std::string& kind) {
  return fmt::format("sha256-{}.{}", subject.hex(), kind);
}

Result<std::vector<Referrer>> find_referrers(Origin& origin,
                                             const std::vector<oci::Descriptor>& images,
                                             std::size_t parallel, std::stop_token stop) {
  std::vector<Referrer> all;
  std::set<oci::Digest> asked;
  std::set<std::pair<oci::Digest, std::string>> seen;
  std::vector<oci::Digest> subjects;
  for (const oci::Descriptor& image : images) subjects.push_back(image.digest);
  for (int depth = 0; !subjects.empty(); ++depth) {
    if (depth == kLongestChain) {
      return fail(Errc::unsupported, fmt::format("{} has referrers of referrers more than {} deep",
                                                 origin.name(), kLongestChain));
    }
    std::erase_if(subjects, [&](const auto& digest) { return !asked.insert(digest).second; });
    const auto rounds = TRY(base::parallel_map<std::vector<Referrer>>(
        subjects.size(), parallel, stop, [&](std::size_t i, std::stop_token inner) {
          return pointing_at(origin, subjects[i], inner);
        }));
    subjects.clear();
    for (const auto& round : rounds) {
      for (const Referrer& referrer : round) {
        if (!seen.emplace(referrer.document.descriptor.digest, referrer.tag).second) continue;
        subjects.push_back(referrer.document.descriptor.digest);
        all.push_back(referrer);
      }
    }
    if (all.size() > kMostReferrers) {
      return fail(Errc::unsupported, fmt::format("{} has more than {} signatures and other "
                                                 "referrers of one image",
                                                 origin.name(), kMostReferrers));
    }
  }
  return all;
}

Result<std::vector<oci::Descriptor>> copy_referrers(Origin& origin, Target& target, Pusher& pusher,
                                                    const std::vector<oci::Descriptor>& images,
                                                    std::size_t parallel, std::stop_token stop) {
  const auto all = TRY(find_referrers(origin, images, parallel, stop));
  std::vector<oci::Descriptor> copied;
  for (const Referrer& referrer : all) {
    // Documents that are there are put again when they are not listed: a registry that learnt of
    // them before it knew subjects, or lost the race for the fallback tag.
    if (TRY(is_listed(target, referrer, stop))) {
      copied.push_back(referrer.document.descriptor);
      continue;
    }
    ImageTree tree(origin, target, parallel);
    TRY(tree.add(referrer.document, stop));
    std::vector<Document> documents = tree.missing();
    if (documents.empty()) documents.push_back(referrer.document);
    TRY(pusher.publish(
        documents, referrer.tag.empty() ? std::vector<std::string>() : std::vector{referrer.tag}));
    if (!TRY(is_listed(target, referrer, stop))) {
      return fail(Error(Errc::mismatch,
                        fmt::format("{} took {} and does not list it with {}", target.name(),
                                    referrer.document.descriptor.digest.to_string(),
                                    referrer.subject.to_string()))
                      .hint("try again: somebody may have written its list at the same time"));
    }
    copied.push_back(referrer.document.descriptor);
  }
  return copied;
}

}  // namespace imgforge::content

#include "release/tag_list.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "base/task_group.h"
#include "release/build_order.h"

namespace imgforge::release {
namespace {

/// What is known about one image, whatever it is called.
struct ImageFacts {
  std::vector<std::string> signers;
  std::optional<ProbeReport> probe;
  std::optional<base::Seconds> created;
  std::vector<std::string> problems;
};

bool is_internal(const std::string& tag) {
  return tag.starts_with("sha256-") || tag.starts_with("imgforge-cache-");
}

std::optional<ProbeReport> newest_probe(const Verification& verification, const ProbeReader& reader,
                                        bool only_trusted, std::vector<std::string>& problems) {
  std::optional<ProbeReport> newest;
  if (!reader.read) return newest;
  for (const Attestation& one : verification.attestations) {
    if (one.predicate_type != reader.predicate_type || (only_trusted && !one.trusted)) continue;
    auto report = reader.read(one.predicate);
    if (!report) {
      problems.push_back("a probe report cannot be read: " + report.error().summary());
      continue;
    }
    report->signer = one.signer;
    report->trusted = one.trusted;
    if (!newest || report->when > newest->when) newest = *std::move(report);
  }
  return newest;
}

Result<ImageFacts> look_at(Repository& repository, const oci::Digest& digest,
                           const std::string& trust, const Tools& tools, std::stop_token stop) {
  ImageFacts facts;
  const RawManifest image = TRY(repository.manifest(digest));
  facts.created = created_of(image);
  const Beside beside = TRY(look_beside(repository, image.descriptor, trust, tools, stop));
  std::set<std::string> signers;
  for (const Signature& one : beside.verification.signatures) {
    if (!trust.empty() && !one.trusted) continue;
    signers.insert(fmt::format("{} ({})", one.signer, one.format));
  }
  facts.signers.assign(signers.begin(), signers.end());
  facts.problems = beside.verification.problems;
  facts.probe = newest_probe(beside.verification, tools.probe, !trust.empty(), facts.problems);
  return facts;
}

bool goes_before(const TagRow& a, const TagRow& b) {
  if (a.kind != b.kind) return a.kind < b.kind;
  if (a.kind != TagKind::build) return a.tag < b.tag;
  const auto order = compare_build_ids(a.components.build, b.components.build);
  return order != 0 ? order > 0 : a.tag < b.tag;
}

// Channels and other tags get the components of the newest build tag on the same image.
void name_builds(std::vector<TagRow>& rows) {
  std::map<oci::Digest, const TagRow*> builds;
  for (const TagRow& row : rows) {
    if (row.kind == TagKind::build) builds.emplace(row.digest, &row);
  }
  for (TagRow& row : rows) {
    const auto found = builds.find(row.digest);
    if (row.kind == TagKind::build || found == builds.end()) continue;
    row.build = found->second->tag;
    row.components = found->second->components;
  }
}

}  // namespace

std::string_view to_string(TagKind kind) {
  constexpr std::array<std::string_view, 3> kWords = {"channel", "build", "other"};
  return kWords[static_cast<std::size_t>(kind)];
}

Result<TagList> list_tags(Repository& repository, const ChannelPolicy* policy,
                          const std::string& trust, const Tools& tools, std::stop_token stop) {
  std::vector<std::string> tags = TRY(repository.tags());
  std::erase_if(tags, is_internal);
  using Found = std::optional<oci::Descriptor>;
  const auto found = TRY(base::parallel_map<Found>(
      tags.size(), tools.parallel, stop, [&](std::size_t i, std::stop_token) -> Result<Found> {
        return repository.resolve(TRY(oci::Tag::parse(tags[i])));
      }));

  TagList list{.repository = repository.name()};
  std::set<oci::Digest> unique;
  for (std::size_t i = 0; i < tags.size(); ++i) {
    if (!found[i]) continue;
    TagRow row{.tag = tags[i], .digest = found[i]->digest};
    unique.insert(row.digest);
    if (const auto build = BuildTag::parse(row.tag)) {
      row.kind = TagKind::build;
      row.components = build->parts();
    } else if (policy != nullptr && policy->is_channel(row.tag)) {
      row.kind = TagKind::channel;
      row.channel_kind = TRY(policy->channel(row.tag)).kind;
    }
    list.rows.push_back(std::move(row));
  }
  std::sort(list.rows.begin(), list.rows.end(), goes_before);
  name_builds(list.rows);

  const std::vector<oci::Digest> digests(unique.begin(), unique.end());
  auto facts = TRY(base::parallel_map<ImageFacts>(
      digests.size(), tools.parallel, stop,
      [&](std::size_t i, std::stop_token inner) -> Result<ImageFacts> {
        Tools one = tools;
        one.parallel = 1;  // the images are what runs side by side
        return look_at(repository, digests[i], trust, one, inner);
      }));
  for (TagRow& row : list.rows) {
    const auto at = std::lower_bound(digests.begin(), digests.end(), row.digest);
    const ImageFacts& known = facts[static_cast<std::size_t>(at - digests.begin())];
    row.signers = known.signers;
    row.probe = known.probe;
    row.created = known.created;
  }
  for (std::size_t i = 0; i < digests.size(); ++i) {
    for (const std::string& problem : facts[i].problems) {
      list.problems.push_back(digests[i].short_hex() + ": " + problem);
    }
  }
  return list;
}

}  // namespace imgforge::release

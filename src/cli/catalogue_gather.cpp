#include "cli/catalogue_gather.h"

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/progress.h"
#include "base/task_group.h"
#include "build/assemble.h"
#include "cli/image_notes.h"
#include "cli/repositories.h"
#include "cli/snapshot_repository.h"
#include "cli/trust.h"
#include "oci/image.h"
#include "release/history.h"
#include "release/tag_list.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kParallel = 8;

std::string annotation(const std::map<std::string, std::string>& all, const char* name) {
  const auto found = all.find(name);
  return found != all.end() ? found->second : "";
}

// The newest report of each GPU.
std::vector<release::CatalogueProbe> probes_of(const release::Verification& verification,
                                               const release::ProbeReader& reader,
                                               bool only_trusted) {
  std::map<std::string, std::pair<base::Seconds, release::CatalogueProbe>> newest;
  if (!reader.read) return {};
  for (const release::Attestation& one : verification.attestations) {
    if (one.predicate_type != reader.predicate_type || (only_trusted && !one.trusted)) continue;
    const auto report = reader.read(one.predicate);
    if (!report) continue;  // list_tags() has said so
    std::vector<release::ProbeReport::Gpu> gpus = report->gpus;
    if (gpus.empty()) gpus.push_back({});
    for (const auto& gpu : gpus) {
      const release::CatalogueProbe probe{
          gpu.name,         gpu.compute_capability,    report->driver,
          report->sentence, format_time(report->when), report->passed};
      auto& place = newest.try_emplace(gpu.name, report->when, probe).first->second;
      if (report->when > place.first) place = {report->when, probe};
    }
  }
  std::vector<release::CatalogueProbe> out;
  for (auto& [name, entry] : newest) out.push_back(std::move(entry.second));
  return out;
}

// An image's configuration is small; what claims to be larger is none (as content/image_tree.h).
constexpr std::uint64_t kLargestConfig = 8 << 20;

// Labels and platform stand in the configuration, not in the manifest.
Result<> take_config(App& app, const oci::RegistryReference& place, const release::RawManifest& raw,
                     release::CatalogueImage& image, std::stop_token stop) {
  const auto manifest = oci::parse_manifest(raw.bytes);
  if (!manifest || !manifest->config ||
      manifest->config->media_type.find("config") == std::string::npos ||
      manifest->config->size > kLargestConfig) {
    return {};
  }
  registry::Client& client = *TRY(app.images().client(place.host));
  std::string text;
  base::StringSink sink(text);
  TRY(client.get_blob(place.repository, *manifest->config, sink,
                      *base::silent_progress().start("fetch", "config", std::nullopt), stop));
  const auto config = oci::parse_image_config(text);
  if (!config) return {};  // of something that is no image
  image.labels = config->config.labels;
  image.platform = config->platform.to_string();
  return {};
}

struct Gathering {
  App& app;
  const oci::RegistryReference& place;
  SnapshotRepository& repository;
  const Releasing& releasing;
  std::string trust;
  const std::string& date;
};

Result<release::CatalogueImage> look_at(const Gathering& gathering, const oci::Digest& digest,
                                        std::stop_token stop) {
  const release::RawManifest manifest = TRY(gathering.repository.manifest(digest));
  release::CatalogueImage image = describe_manifest(manifest);
  image.repository = gathering.repository.name();
  if (image.layers.empty()) return image;
  TRY(take_config(gathering.app, gathering.place, manifest, image, stop));
  release::Tools tools = gathering.releasing.tools;
  tools.parallel = 1;  // the images are what runs side by side
  const auto beside = TRY(release::look_beside(gathering.repository, manifest.descriptor,
                                               gathering.trust, tools, stop));
  image.probes = probes_of(beside.verification, tools.probe, !gathering.trust.empty());
  image.notes = end_of_life_notes(image.components, gathering.date);
  if (release::HarborSide* harbor = gathering.repository.harbor()) {
    const auto scan = harbor->vulnerabilities(digest);
    if (!scan) {
      gathering.app.progress().warn("the scan of " + digest.to_string() + ": " +
                                    scan.error().summary());
    } else {
      for (auto& note : vulnerability_notes(*scan)) image.notes.push_back(std::move(note));
    }
  }
  return image;
}

// The tags of an image: its newest build tag names it, the others are channels.
void name_image(const release::TagList& list, bool policy_known, release::CatalogueImage& image) {
  for (const release::TagRow& row : list.rows) {
    if (row.digest.to_string() != image.digest) continue;
    if (row.kind == release::TagKind::build) {
      if (image.tag.empty()) image.tag = row.tag;
    } else if (row.kind == release::TagKind::channel || !policy_known) {
      image.channels.push_back(row.tag);
    }
    image.signers = row.signers;
  }
  if (!image.tag.empty()) return;
  for (const release::TagRow& row : list.rows) {
    if (row.digest.to_string() == image.digest) image.tag = row.tag;
  }
}

Result<> add_moves(const Gathering& gathering, const release::TagList& list,
                   release::Catalogue& catalogue) {
  for (const release::TagRow& row : list.rows) {
    if (row.kind != release::TagKind::channel) continue;
    const release::Channel channel = TRY(gathering.releasing.policy->channel(row.tag));
    const auto history = TRY(release::read_history(
        gathering.repository, channel, gathering.releasing.tools, gathering.app.stop()));
    for (const release::HistoryEntry& entry : history.entries) {
      if (entry.standing == release::Standing::not_in_force) continue;
      const release::PromotionRecord& record = entry.move.record;
      catalogue.moves.push_back({gathering.repository.name(), row.tag,
                                 std::string(to_string(record.action)), record.build_tag,
                                 record.to.to_string(), base::format_time(record.when), record.who,
                                 record.reason, entry.move.trusted});
    }
    for (const std::string& problem : history.problems) gathering.app.progress().warn(problem);
  }
  return {};
}

}  // namespace

release::CatalogueImage describe_manifest(const release::RawManifest& raw) {
  release::CatalogueImage image;
  image.digest = raw.descriptor.digest.to_string();
  const auto manifest = oci::parse_manifest(raw.bytes);
  if (!manifest) return image;
  const std::string prefix = build::kComponentPrefix;
  for (const auto& [name, value] : manifest->annotations) {
    if (name.starts_with(prefix)) image.components[name.substr(prefix.size())] = value;
  }
  image.created = annotation(manifest->annotations, "org.opencontainers.image.created");
  for (const oci::Descriptor& layer : manifest->layers) {
    image.bytes += layer.size;
    image.layers.push_back({annotation(layer.annotations, build::kLayerId),
                            annotation(layer.annotations, build::kLayerKind),
                            annotation(layer.annotations, build::kLayerTitle),
                            layer.digest.to_string(), layer.size});
  }
  return image;
}

Result<> add_repository(App& app, const oci::RegistryReference& place, const Releasing& releasing,
                        const std::string& date, release::Catalogue& catalogue) {
  const auto asked = TRY(open_repository(app, place));
  SnapshotRepository repository(*asked);
  const Gathering gathering{app, place, repository, releasing, has_trust(app) ? "configured" : "",
                            date};
  const release::ChannelPolicy* policy = releasing.policy ? &*releasing.policy : nullptr;
  const auto list =
      TRY(release::list_tags(repository, policy, gathering.trust, releasing.tools, app.stop()));
  for (const std::string& problem : list.problems) app.progress().warn(problem);

  std::vector<oci::Digest> digests;  // in the order of the list, each once
  std::set<oci::Digest> seen;
  for (const auto kind :
       {release::TagKind::build, release::TagKind::channel, release::TagKind::other}) {
    for (const release::TagRow& row : list.rows) {
      if (row.kind == kind && seen.insert(row.digest).second) digests.push_back(row.digest);
    }
  }
  auto images = TRY(base::parallel_map<release::CatalogueImage>(
      digests.size(), kParallel, app.stop(),
      [&](std::size_t i, std::stop_token stop) { return look_at(gathering, digests[i], stop); }));
  for (release::CatalogueImage& image : images) {
    name_image(list, policy != nullptr, image);
    if (image.layers.empty()) {
      app.progress().note(image.repository + ":" + image.tag + " is no image of layers: left out");
      continue;
    }
    catalogue.images.push_back(std::move(image));
  }
  if (policy != nullptr) TRY(add_moves(gathering, list, catalogue));
  return {};
}

}  // namespace imgforge::cli

#include "release/gather.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/task_group.h"
#include "base/text.h"
#include "oci/graph.h"
#include "oci/image.h"
#include "release/history.h"

namespace imgforge::release {
namespace {

constexpr const char* kTagAnnotation = "io.imgforge.tag";  // what build/assemble writes
constexpr const char* kVersionAnnotation = "org.opencontainers.image.version";
constexpr const char* kCreatedAnnotation = "org.opencontainers.image.created";

std::map<std::string, std::string> annotations_of(const RawManifest& image) {
  if (oci::is_index(image.descriptor.media_type)) {
    const auto index = oci::parse_index(image.bytes);
    return index ? index->annotations : std::map<std::string, std::string>();
  }
  const auto manifest = oci::parse_manifest(image.bytes);
  return manifest ? manifest->annotations : std::map<std::string, std::string>();
}

// Of the artifact itself and not of the way to it: the others can still speak.
bool is_damage(Errc code) {
  return code == Errc::mismatch || code == Errc::invalid || code == Errc::not_found ||
         code == Errc::unsupported || code == Errc::protocol;
}

// A plainly attached SBOM signs nothing, and may be large.
bool may_be_signed(const Artifact& artifact) {
  Candidate sboms{.image = artifact.manifest.descriptor};
  take_attached_sboms({artifact}, sboms);
  return sboms.sboms.empty();
}

void take_probe_reports(const std::vector<Attestation>& attestations, const ProbeReader& reader,
                        Candidate& candidate) {
  if (!reader.read) return;
  for (const Attestation& one : attestations) {
    if (one.predicate_type != reader.predicate_type) continue;
    auto report = reader.read(one.predicate);
    if (!report) {
      candidate.problems.push_back(fmt::format("a probe report signed by {} cannot be read: {}",
                                               one.signer, report.error().summary()));
      continue;
    }
    report->signer = one.signer;
    report->trusted = one.trusted;
    candidate.probes.push_back(*std::move(report));
  }
}

Result<BelowEvidence> look_below(Repository& repository, const Channel& channel,
                                 const oci::Digest& image, const Verification& verification) {
  BelowEvidence below;
  if (channel.from.empty()) return below;
  const auto now = TRY(repository.resolve(TRY(oci::Tag::parse(channel.from))));
  if (now) below.now = now->digest;
  below.is_there_now = below.now == image;
  for (RecordedMove& move : records_of(verification, image, repository.name()).moves) {
    if (!move.trusted || move.record.channel != channel.from) continue;
    const bool newer = !below.was_there || move.record.when > below.was_there->when;
    if (newer) below.was_there = std::move(move.record);
  }
  return below;
}

// The earliest of what trusted evidence says. The record counts first: an image that waited a week
// below has been looked at for a week, whenever it was built.
Result<std::optional<Since>> since(Repository& repository, const Candidate& candidate,
                                   const Channel& channel) {
  if (candidate.below.was_there) {
    return Since{candidate.below.was_there->when,
                 fmt::format("the record of its coming to {}", channel.from)};
  }
  std::optional<Since> earliest;
  const auto consider = [&](base::Seconds when, std::string known_from) {
    if (!earliest || when < earliest->when) earliest = Since{when, std::move(known_from)};
  };
  for (const ProvenanceEvidence& one : candidate.provenances) {
    if (one.trusted && one.finished) {
      consider(*one.finished, "its provenance, signed by " + one.signer);
    }
  }
  if (HarborSide* harbor = repository.harbor()) {
    if (const auto pushed = TRY(harbor->pushed(candidate.image.digest))) {
      consider(*pushed, "Harbor's time of its push");
    }
  }
  return earliest;
}

}  // namespace

Result<Beside> look_beside(Repository& repository, const oci::Descriptor& image,
                           const std::string& trust, const Tools& tools, std::stop_token stop) {
  Beside beside;
  beside.artifacts = TRY(repository.artifacts(image.digest));
  std::vector<std::string> damaged;
  std::vector<const Artifact*> wanted;
  for (const Artifact& one : beside.artifacts) {
    if (may_be_signed(one)) wanted.push_back(&one);
  }
  std::vector<std::optional<Artifact>> slots(wanted.size());
  std::vector<std::string> problems(wanted.size());
  TRY(base::parallel_for(
      wanted.size(), tools.parallel, stop, [&](std::size_t i, std::stop_token) -> Result<> {
        auto fetched = repository.fetch(*wanted[i]);
        if (fetched) {
          slots[i] = *std::move(fetched);
          return {};
        }
        if (!is_damage(fetched.error().code())) return fail(std::move(fetched.error()));
        problems[i] =
            fmt::format("{} cannot be read: {}", wanted[i]->manifest.descriptor.digest.short_hex(),
                        fetched.error().summary());
        return {};
      }));
  std::vector<Artifact> readable;
  for (auto& slot : slots) {
    if (slot) readable.push_back(*std::move(slot));
  }
  beside.verification = TRY(tools.verify(trust, repository.name(), image, readable));
  for (std::string& problem : problems) {
    if (!problem.empty()) beside.verification.problems.push_back(std::move(problem));
  }
  return beside;
}

Result<RawManifest> find_image(Repository& repository, const ImageName& name) {
  if (const auto* digest = std::get_if<oci::Digest>(&name)) return repository.manifest(*digest);
  const auto& tag = std::get<oci::Tag>(name);
  const auto descriptor = TRY(repository.resolve(tag));
  if (descriptor) return repository.manifest(descriptor->digest);
  const std::vector<std::string> tags = TRY(repository.tags());
  const std::vector<std::string_view> views(tags.begin(), tags.end());
  const auto near = base::nearest(tag.to_string(), views);
  return fail(
      Error(Errc::not_found, fmt::format("{} has no tag {}", repository.name(), tag.to_string()))
          .hint(near ? fmt::format("did you mean {}?", *near)
                     : "imgforge tags lists what the repository has"));
}

Result<std::optional<BuildTag>> build_tag_of(Repository& repository, const RawManifest& image) {
  const auto annotations = annotations_of(image);
  for (const char* key : {kTagAnnotation, kVersionAnnotation}) {
    const auto found = annotations.find(key);
    if (found == annotations.end()) continue;
    auto tag = BuildTag::parse(found->second);
    if (!tag) continue;
    const auto named = TRY(repository.resolve(TRY(oci::Tag::parse(tag->to_string()))));
    if (named && named->digest == image.descriptor.digest) return *std::move(tag);
  }
  return std::nullopt;
}

std::optional<base::Seconds> created_of(const RawManifest& image) {
  const auto annotations = annotations_of(image);
  const auto found = annotations.find(kCreatedAnnotation);
  if (found == annotations.end()) return std::nullopt;
  const auto time = base::parse_time(found->second);
  return time ? std::optional(*time) : std::nullopt;
}

Result<Gathered> gather(Repository& repository, const Channel& channel, const RawManifest& image,
                        const Tools& tools, std::stop_token stop) {
  Gathered out{.candidate = {.image = image.descriptor, .created = created_of(image)}};
  Candidate& candidate = out.candidate;
  out.beside = TRY(look_beside(repository, image.descriptor, channel.trust, tools, stop));
  candidate.verification = out.beside.verification;
  candidate.build_tag = TRY(build_tag_of(repository, image));
  take_attestations(candidate.verification.attestations, candidate);
  take_attached_sboms(out.beside.artifacts, candidate);
  take_probe_reports(candidate.verification.attestations, tools.probe, candidate);
  candidate.below =
      TRY(look_below(repository, channel, image.descriptor.digest, candidate.verification));
  if (channel.gates.min_age) candidate.since = TRY(since(repository, candidate, channel));
  if (channel.gates.vulnerabilities && repository.harbor() != nullptr) {
    candidate.vulnerabilities = TRY(repository.harbor()->vulnerabilities(image.descriptor.digest));
  }
  return out;
}

}  // namespace imgforge::release

#include "release/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "oci/graph.h"
#include "release/gate_checks.h"

namespace imgforge::release {
namespace {

/// Signatures of signatures of signatures: deeper than anybody signs.
constexpr int kMaximumDepth = 3;

// Whether Harbor may copy: it brings every tag of the image along, and overwrites (Harbor 2.15).
// Only build tags that are free or name this image already are harmless.
Result<bool> may_copy_in_harbor(const MovePlan& plan, Repository& source, Repository& target) {
  if (source.harbor() == nullptr || target.harbor() == nullptr) return false;
  if (!target.harbor()->can_copy_from(source.name())) return false;
  const oci::Digest& image = plan.image.descriptor.digest;
  for (const std::string& text : TRY(source.harbor()->tags_of(image))) {
    const auto named = TRY(target.resolve(TRY(oci::Tag::parse(text))));
    if (named ? named->digest != image : !looks_like_build_tag(text)) return false;
  }
  return true;
}

std::vector<std::string> names_of(const std::vector<Artifact>& artifacts) {
  std::vector<std::string> names;
  for (const Artifact& one : artifacts) {
    names.push_back(one.manifest.descriptor.digest.to_string());
  }
  return names;
}

/// What Repository::fetch takes of a signature or statement; kept inputs are larger.
constexpr std::uint64_t kLargestStatement = 32 << 20;

bool is_large(const Artifact& artifact) {
  const auto parts =
      oci::successors(artifact.manifest.descriptor.media_type, artifact.manifest.bytes);
  if (!parts) return false;
  std::uint64_t sum = 0;
  for (const oci::Descriptor& part : *parts) sum += std::min(part.size, kLargestStatement + 1);
  return sum > kLargestStatement;
}

struct Copied {
  std::size_t count = 0;
  std::vector<std::string> left;  // legacy tags that hold something else at the target
};

// Brings what stands beside `image`, subjects before what is about them.
Result<> copy_beside(Repository& source, Repository& target, const oci::Digest& image,
                     const std::vector<Artifact>& artifacts, int depth, Copied& copied,
                     std::stop_token stop) {
  const std::vector<Artifact> there = TRY(target.artifacts(image));
  const auto present = names_of(there);
  for (const Artifact& one : artifacts) {
    const std::string name = one.manifest.descriptor.digest.to_string();
    const bool is_there = std::find(present.begin(), present.end(), name) != present.end();
    const bool tag_is_taken =
        one.tag && std::any_of(there.begin(), there.end(),
                               [&](const Artifact& other) { return other.tag == one.tag; });
    if (!is_there && tag_is_taken) {
      // Another set of cosign signatures. Overwriting would drop theirs; whether theirs will do is
      // for the gates to say.
      copied.left.push_back(one.tag->to_string());
      continue;
    }
    if (!is_there) {
      if (!one.tag && is_large(one)) {
        // From one registry into the other, without coming into memory here.
        TRY(target.copy_image(source, one.manifest.descriptor, stop));
      } else {
        TRY(target.attach(TRY(source.fetch(one))));
      }
      ++copied.count;
    }
    if (depth >= kMaximumDepth) continue;
    const oci::Digest& digest = one.manifest.descriptor.digest;
    TRY(copy_beside(source, target, digest, TRY(source.artifacts(digest)), depth + 1, copied,
                    stop));
  }
  return {};
}

Error arrived_wrong(const Repository& target, std::string why) {
  return Error(Errc::mismatch,
               fmt::format("what arrived in {} is not what was sent: {}", target.name(), why))
      .hint("the channel was not moved; run it again, and look at the registry if it stays so");
}

Result<> verify_there(const MovePlan& plan, const Copied& copied, Repository& target,
                      const Tools& tools, std::stop_token stop) {
  const oci::Digest& image = plan.image.descriptor.digest;
  const RawManifest manifest = TRY(target.manifest(image));
  if (manifest.bytes != plan.image.bytes) {
    return fail(arrived_wrong(target, "the manifest has other bytes"));
  }
  Channel statements{.name = plan.channel.name, .trust = plan.channel.trust};
  statements.gates = plan.channel.gates;
  const Gathered there = TRY(gather(target, statements, manifest, tools, stop));
  const auto present = names_of(there.beside.artifacts);
  for (const Artifact& one : plan.artifacts) {
    const std::string name = one.manifest.descriptor.digest.to_string();
    const bool left = one.tag && std::find(copied.left.begin(), copied.left.end(),
                                           one.tag->to_string()) != copied.left.end();
    if (left || std::find(present.begin(), present.end(), name) != present.end()) continue;
    return fail(arrived_wrong(target, fmt::format("{} is not listed beside the image", name)));
  }
  for (const GateResult& gate :
       {gate::signature(plan.channel, there.candidate), gate::sbom(plan.channel, there.candidate),
        gate::provenance(plan.channel, there.candidate),
        gate::probe(plan.channel, there.candidate, plan.now)}) {
    if (gate.outcome != Outcome::failed) continue;
    return fail(arrived_wrong(
        target, fmt::format("the gate {} does not pass there: {}", gate.gate, gate.found)));
  }
  return {};
}

}  // namespace

Result<> transfer(const MovePlan& plan, Repository& source, Repository& target, const Tools& tools,
                  std::vector<std::string>& done, std::stop_token stop) {
  const oci::Digest& image = plan.image.descriptor.digest;
  if (TRY(may_copy_in_harbor(plan, source, target))) {
    TRY(target.harbor()->copy_from(source.name(), image));
    done.push_back("Harbor copied the image");
  } else {
    TRY(target.copy_image(source, plan.image.descriptor, stop));
    done.push_back("copied the image");
  }
  // After Harbor's copy, too: it leaves out what was attached since the image first came here.
  Copied copied;
  TRY(copy_beside(source, target, image, plan.artifacts, 0, copied, stop));
  if (copied.count > 0) {
    done.push_back(fmt::format("copied {} signature{} and statement{}", copied.count,
                               copied.count == 1 ? "" : "s", copied.count == 1 ? "" : "s"));
  }
  for (const std::string& tag : copied.left) {
    done.push_back(fmt::format("left {} as {} has it", tag, target.name()));
  }
  TRY(verify_there(plan, copied, target, tools, stop));
  done.push_back("verified what arrived");
  return {};
}

}  // namespace imgforge::release

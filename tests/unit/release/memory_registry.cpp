#include "memory_registry.h"

#include <algorithm>

#include "catch.h"
#include "oci/graph.h"
#include "oci/image.h"
#include "release/pattern.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

oci::Descriptor describe(const std::string& media_type, const std::string& bytes) {
  return {.media_type = media_type, .digest = oci::Digest::of(bytes), .size = bytes.size()};
}

// distribution-spec v1.1.1, "Referrers tag schema".
std::string fallback_tag(const oci::Digest& subject) { return "sha256-" + subject.hex(); }

bool is_legacy(const std::string& tag, const oci::Digest& subject) {
  for (const char* suffix : {".sig", ".att", ".sbom"}) {
    if (tag == fallback_tag(subject) + suffix) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<std::string>> MemoryHarbor::immutability_rule(const oci::Tag& tag) {
  if (!repository.is_immutable(tag.to_string())) return std::nullopt;
  return "immutability rule 7";
}

Result<std::vector<std::string>> MemoryHarbor::tags_of(const oci::Digest& image) {
  std::vector<std::string> out;
  for (const auto& [tag, digest] : repository.tags_) {
    if (digest == image) out.push_back(tag);
  }
  return out;
}

Result<> MemoryHarbor::copy_from(const std::string& name, const oci::Digest& image) {
  MemoryRepository& source = *sources.at(name);
  repository.writes.push_back("harbor copy");
  const bool is_new = !repository.has(image);
  TRY(repository.copy_image(source, source.manifests_.at(image).descriptor, {}));
  repository.writes.pop_back();  // that of copy_image
  for (const auto& [tag, digest] : source.tags_) {
    if (digest == image) repository.tags_.insert_or_assign(tag, digest);
  }
  if (!is_new) return {};
  for (const Artifact& one : TRY(source.artifacts(image))) {
    TRY(repository.attach(TRY(source.fetch(one))));
    repository.writes.pop_back();
  }
  return {};
}

bool MemoryRepository::is_immutable(const std::string& tag) const {
  return std::any_of(immutable.begin(), immutable.end(), [&](const std::string& pattern) {
    return REQUIRE_OK(Pattern::parse(pattern)).matches(tag);
  });
}

Result<std::optional<oci::Descriptor>> MemoryRepository::resolve(const oci::Tag& tag) {
  const std::lock_guard lock(mutex_);
  const auto found = tags_.find(tag.to_string());
  if (found == tags_.end()) return std::nullopt;
  return manifests_.at(found->second).descriptor;
}

Result<RawManifest> MemoryRepository::manifest(const oci::Digest& digest) {
  const std::lock_guard lock(mutex_);
  const auto found = manifests_.find(digest);
  if (found == manifests_.end()) {
    return fail(Errc::not_found, name_ + " has no manifest " + digest.to_string());
  }
  return found->second;
}

Result<> MemoryRepository::put_manifest(const oci::Tag& tag, const RawManifest& manifest) {
  const std::lock_guard lock(mutex_);
  const std::string name = tag.to_string();
  if (before_put) TRY(before_put(name));
  if (is_immutable(name) && tags_.count(name) > 0) {
    return fail(Errc::refused, "412: '" + name + "' configured as immutable");
  }
  if (oci::Digest::of(manifest.bytes) != manifest.descriptor.digest) {
    return fail(Errc::invalid, "400: DIGEST_INVALID");
  }
  for (const oci::Descriptor& child :
       TRY(oci::successors(manifest.descriptor.media_type, manifest.bytes))) {
    if (blobs_.count(child.digest.to_string()) > 0 || has(child.digest)) continue;
    return fail(Errc::invalid, "400: MANIFEST_BLOB_UNKNOWN " + child.digest.to_string());
  }
  writes.push_back("put " + name);
  manifests_.insert_or_assign(manifest.descriptor.digest, manifest);
  tags_.insert_or_assign(name, manifest.descriptor.digest);
  if (after_put) TRY(after_put(name));
  return {};
}

Result<std::vector<std::string>> MemoryRepository::tags() {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [tag, digest] : tags_) out.push_back(tag);
  std::reverse(out.begin(), out.end());  // in no useful order, as distribution 2.8
  return out;
}

Result<std::vector<Artifact>> MemoryRepository::referrers(const oci::Digest& image) {
  std::vector<Artifact> out;
  if (!referrers_api) {
    const auto tag = tags_.find(fallback_tag(image));
    if (tag == tags_.end()) return out;
    for (const auto& entry : TRY(oci::parse_index(manifests_.at(tag->second).bytes)).manifests) {
      if (has(entry.digest)) out.push_back({.manifest = manifests_.at(entry.digest)});
    }
    return out;
  }
  for (const auto& [digest, raw] : manifests_) {
    const auto parsed = oci::parse_manifest(raw.bytes);
    if (parsed && parsed->subject && parsed->subject->digest == image) {
      out.push_back({.manifest = raw});
    }
  }
  return out;
}

Result<std::vector<Artifact>> MemoryRepository::artifacts(const oci::Digest& image) {
  const std::lock_guard lock(mutex_);
  std::vector<Artifact> out = TRY(referrers(image));
  for (const auto& [tag, digest] : tags_) {
    if (!is_legacy(tag, image)) continue;
    out.push_back({.manifest = manifests_.at(digest), .tag = TRY(oci::Tag::parse(tag))});
  }
  return out;
}

Result<Artifact> MemoryRepository::fetch(const Artifact& artifact) {
  const std::lock_guard lock(mutex_);
  if (before_fetch) TRY(before_fetch(artifact.manifest.descriptor.digest));
  Artifact out = artifact;
  const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest.bytes));
  for (const oci::Descriptor& layer : manifest.layers) {
    const auto found = blobs_.find(layer.digest.to_string());
    if (found == blobs_.end()) return fail(Errc::not_found, "404: BLOB_UNKNOWN");
    ++blob_reads;
    out.blobs.push_back({layer, found->second});
  }
  if (tamper) tamper(out);
  return out;
}

void MemoryRepository::write_fallback(const oci::Digest& subject, const oci::Descriptor& entry,
                                      bool add) {
  oci::Index index;
  const auto tag = tags_.find(fallback_tag(subject));
  if (tag != tags_.end()) {
    index = REQUIRE_OK(oci::parse_index(manifests_.at(tag->second).bytes));
  }
  std::erase_if(index.manifests, [&](const auto& one) { return one.digest == entry.digest; });
  if (add) index.manifests.push_back(entry);
  const std::string bytes = oci::to_json(index);
  store_manifest({describe(oci::media_type::kIndex, bytes), bytes});
  set_tag(fallback_tag(subject), oci::Digest::of(bytes));
}

Result<> MemoryRepository::attach(const Artifact& artifact) {
  const std::lock_guard lock(mutex_);
  if (before_attach) TRY(before_attach(artifact));
  const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest.bytes));
  for (const Blob& blob : artifact.blobs) store_blob(blob.bytes);
  for (const oci::Descriptor& layer : manifest.layers) {
    if (blobs_.count(layer.digest.to_string()) == 0) {
      return fail(Errc::invalid, "400: MANIFEST_BLOB_UNKNOWN");
    }
  }
  writes.push_back("attach " + artifact.manifest.descriptor.digest.short_hex());
  store_manifest(artifact.manifest);
  if (artifact.tag) {
    tags_.insert_or_assign(artifact.tag->to_string(), artifact.manifest.descriptor.digest);
  } else if (!referrers_api) {
    write_fallback(manifest.subject->digest, artifact.manifest.descriptor, true);
  }
  return {};
}

Result<> MemoryRepository::detach(const Artifact& artifact) {
  const std::lock_guard lock(mutex_);
  if (!deletes) return fail(Errc::unsupported, "405: UNSUPPORTED");
  const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest.bytes));
  if (!has(artifact.manifest.descriptor.digest)) return fail(Errc::not_found, "404");
  writes.push_back("detach " + artifact.manifest.descriptor.digest.short_hex());
  manifests_.erase(artifact.manifest.descriptor.digest);
  if (!referrers_api) {
    write_fallback(manifest.subject->digest, artifact.manifest.descriptor, false);
  }
  return {};
}

Result<> MemoryRepository::copy_image(Repository& source, const oci::Descriptor& image,
                                      std::stop_token) {
  const std::lock_guard lock(mutex_);
  auto& other = static_cast<MemoryRepository&>(source);
  const RawManifest manifest = TRY(other.manifest(image.digest));
  writes.push_back("copy image");
  for (const oci::Descriptor& child : TRY(oci::successors(image.media_type, manifest.bytes))) {
    blobs_[child.digest.to_string()] = other.blobs_.at(child.digest.to_string());
  }
  store_manifest(manifest);
  return {};
}

void MemoryRepository::store_manifest(const RawManifest& manifest) {
  manifests_.insert_or_assign(manifest.descriptor.digest, manifest);
}

void MemoryRepository::set_tag(const std::string& tag, const oci::Digest& digest) {
  REQUIRE(has(digest));
  tags_.insert_or_assign(tag, digest);
}

void MemoryRepository::forget(const oci::Digest& digest) {
  manifests_.erase(digest);
  std::erase_if(tags_, [&](const auto& entry) { return entry.second == digest; });
}

std::optional<oci::Digest> MemoryRepository::tagged(const std::string& tag) const {
  const auto found = tags_.find(tag);
  return found == tags_.end() ? std::nullopt : std::optional(found->second);
}

std::size_t MemoryRepository::artifact_count(const oci::Digest& image) {
  return REQUIRE_OK(artifacts(image)).size();
}

RawManifest make_image(MemoryRepository& repository, const std::string& build_tag,
                       const std::string& created, const std::string& content) {
  const std::string config = "{}", layer = "layer of " + build_tag + content;
  repository.store_blob(config);
  repository.store_blob(layer);
  oci::Manifest manifest;
  manifest.config = describe(oci::media_type::kConfig, config);
  manifest.layers = {describe(oci::media_type::kLayer, layer)};
  if (!created.empty()) manifest.annotations["org.opencontainers.image.created"] = created;
  if (!build_tag.empty()) manifest.annotations["io.imgforge.tag"] = build_tag;
  const std::string bytes = oci::to_json(manifest);
  RawManifest raw{describe(oci::media_type::kManifest, bytes), bytes};
  repository.store_manifest(raw);
  if (!build_tag.empty()) repository.set_tag(build_tag, raw.descriptor.digest);
  return raw;
}

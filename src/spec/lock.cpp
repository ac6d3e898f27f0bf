// The codec of locks. Format 1:
//
//   {"lock": 1, "spec": HEX, "epoch": TIME,
//    "tools": {NAME: VERSION}, "components": {NAME: VERSION},
//    "layers": [{"id": …, "kind": …, "part": {…}}],
//    "records": [{"key": HEX, "digest": HEX, "size": N, "diff_id": HEX, "tar_size": N}],
//    "manifest": HEX}
//
// HEX is a sha256 in lower case; "manifest" and "records" may be missing.
#include "spec/lock.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "spec/matrix.h"

namespace imgforge::spec {

using base::Json;
using base::JsonReader;

namespace {

// A lock holds apt stanzas and file hashes: some 100 kB for an operating system.
constexpr std::size_t kMaximumBytes = 64 << 20;

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Json encode(const LockedLayer& layer) {
  Json part = Json::parse(layer.part, nullptr, false);
  // Not JSON: a bug of the kind. Kept as it is, so that reading the lock refuses it.
  if (part.is_discarded()) part = layer.part;
  return {{"id", layer.id}, {"kind", layer.kind}, {"part", std::move(part)}};
}

Json encode(const BuiltRecord& record) {
  return {{"key", record.key},
          {"digest", record.digest},
          {"size", record.size},
          {"diff_id", record.diff_id},
          {"tar_size", record.tar_size}};
}

Result<LockedLayer> decode_layer(JsonReader& reader) {
  LockedLayer layer;
  layer.id = reader.text("id");
  layer.kind = reader.text("kind");
  const Json& part = reader.value("part", true);
  if (!part.is_object() && !part.is_null()) reader.reject("part", "must be an object");
  TRY(reader.finish());
  layer.part = base::canonical_json(part);
  return layer;
}

Result<BuiltRecord> decode_record(JsonReader& reader) {
  BuiltRecord record;
  record.key = reader.text("key");
  record.digest = reader.text("digest");
  record.size = reader.number("size");
  record.diff_id = reader.text("diff_id");
  record.tar_size = reader.number("tar_size");
  const std::pair<const char*, const std::string*> hashes[] = {
      {"key", &record.key}, {"digest", &record.digest}, {"diff_id", &record.diff_id}};
  for (const auto& [key, value] : hashes) {
    if (!is_sha256(*value)) reader.reject(key, "must be a sha256 of 64 hex digits");
  }
  TRY(reader.finish());
  return record;
}

Result<> check_version(const Json& json) {
  const auto version = json.is_object() ? json.find("lock") : json.end();
  if (!json.is_object() || version == json.end() || !version->is_number_unsigned()) {
    return fail(Errc::invalid, "it has no number \"lock\", so it is no lock");
  }
  if (version->get<std::uint64_t>() == kLockVersion) return {};
  return fail(Error(Errc::unsupported,
                    "it has format " + version->dump() + ", and this imgforge reads format 1")
                  .hint("use the imgforge that wrote it, or lock again: imgforge lock SPEC"));
}

Result<Lock> decode(const Json& json) {
  TRY(check_version(json));
  JsonReader reader(json, "lock");
  Lock lock;
  reader.number("lock");
  lock.spec_digest = reader.text("spec");
  if (!is_sha256(lock.spec_digest)) reader.reject("spec", "must be a sha256 of 64 hex digits");
  const std::string epoch = reader.text("epoch");
  if (const auto time = base::parse_time(epoch)) {
    lock.epoch = *time;
  } else {
    reader.reject("epoch", "must be a point in time like 2025-05-20T00:00:00Z");
  }
  lock.tools = reader.text_map_or_empty("tools");
  lock.components = reader.text_map_or_empty("components");
  lock.manifest = reader.text_or("manifest", "");
  if (!lock.manifest.empty() && !is_sha256(lock.manifest)) {
    reader.reject("manifest", "must be a sha256 of 64 hex digits");
  }
  auto layers = reader.objects("layers");
  auto records = reader.objects_or_empty("records");
  TRY(reader.finish());
  std::set<std::string> ids;
  for (JsonReader& layer : layers) {
    lock.layers.push_back(TRY(decode_layer(layer)));
    if (ids.insert(lock.layers.back().id).second) continue;
    return fail(Errc::invalid, "the layer id \"" + lock.layers.back().id + "\" stands twice");
  }
  for (JsonReader& record : records) lock.records.push_back(TRY(decode_record(record)));
  return lock;
}

Error not_valid(const Error& why, const std::string& file) {
  Location where = why.where();
  where.file = file;
  return Error(why.code(), "the lock " + file + " is not valid: " + why.summary())
      .at(std::move(where))
      .hint(why.hint().empty()
                ? "restore it from version control, or lock again: imgforge lock SPEC"
                : why.hint());
}

std::string described(const std::string& id, const std::string& kind) {
  return "\"" + id + "\" (" + kind + ")";
}

/// What the list of layers says about the difference; empty when it is the same.
std::string difference(const Lock& lock, const ImageSpec& spec) {
  std::map<std::string, std::string> locked;
  for (const LockedLayer& layer : lock.layers) locked.emplace(layer.id, layer.kind);
  for (const LayerUse& use : spec.layers) {
    const auto found = locked.find(use.id);
    if (found == locked.end()) {
      return "the spec has the layer " + described(use.id, use.kind) + ", the lock does not";
    }
    if (found->second != use.kind) {
      return "the layer " + described(use.id, use.kind) + " is locked as kind " + found->second;
    }
    locked.erase(found);
  }
  if (!locked.empty()) {
    const auto& [id, kind] = *locked.begin();
    return "the lock has the layer " + described(id, kind) + ", the spec does not";
  }
  const auto same = [](const LockedLayer& layer, const LayerUse& use) {
    return layer.id == use.id;
  };
  if (!std::equal(lock.layers.begin(), lock.layers.end(), spec.layers.begin(), spec.layers.end(),
                  same)) {
    return "the layers stand in another order";
  }
  if (lock.epoch != spec.epoch) {
    return "the spec's epoch is " + base::format_time(spec.epoch) + ", the lock's is " +
           base::format_time(lock.epoch);
  }
  return {};
}

}  // namespace

std::string lock_path(const std::string& spec_file) {
  const SpecAddress address = parse_address(spec_file);
  std::string_view stem = address.file;
  for (std::string_view extension : {".yaml", ".yml", ".json"}) {
    if (!stem.ends_with(extension)) continue;
    stem.remove_suffix(extension.size());
    break;
  }
  return std::string(stem) + (address.cell.empty() ? "" : "." + address.cell) + ".lock.json";
}

std::string format_lock(const Lock& lock) {
  Json json = {{"lock", kLockVersion},
               {"spec", lock.spec_digest},
               {"epoch", base::format_time(lock.epoch)},
               {"tools", lock.tools},
               {"components", lock.components},
               {"layers", Json::array()},
               {"records", Json::array()}};
  for (const LockedLayer& layer : lock.layers) json["layers"].push_back(encode(layer));
  for (const BuiltRecord& record : lock.records) json["records"].push_back(encode(record));
  if (!lock.manifest.empty()) json["manifest"] = lock.manifest;
  return base::pretty_json(json);
}

Result<Lock> parse_lock(std::string_view text, const std::string& file) {
  auto json = base::parse_json(text, "the document");
  if (!json) return fail(not_valid(json.error(), file));
  auto lock = decode(*json);
  if (!lock) return fail(not_valid(lock.error(), file));
  return std::move(*lock);
}

Result<Lock> load_lock(const std::string& file) {
  const auto text = base::read_file(file, kMaximumBytes);
  if (text) return parse_lock(*text, file);
  if (text.error().code() != Errc::not_found) return fail(text.error());
  return fail(Error(Errc::not_found, "there is no lock " + file)
                  .hint("resolve the inputs once: imgforge lock SPEC"));
}

Result<> check_lock(const Lock& lock, const ImageSpec& spec, const std::string& lock_file) {
  const std::string what = difference(lock, spec);
  if (lock.spec_digest == spec.digest && what.empty()) return {};
  std::string message = "the lock " + lock_file + " does not belong to the spec " + spec.file;
  message +=
      what.empty() ? ": the spec or a layer definition it uses has changed since" : ": " + what;
  return fail(Error(Errc::refused, std::move(message))
                  .at({lock_file, 0, 0, {}})
                  .hint("imgforge lock " + base::shell_quote(spec.file)));
}

}  // namespace imgforge::spec

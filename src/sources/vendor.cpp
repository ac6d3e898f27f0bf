#include <algorithm>
#include <map>

#include "base/file.h"
#include "sources/sources.h"

// DIR/sha256/HEX holds the content; DIR/inputs.json is {"imgforge-inputs": 1, "inputs": [...]} with
// one object per input (the codec of input.h), sorted by sha256. Vendoring adds to what is there.

namespace imgforge::sources {
namespace {

constexpr const char* kVersionKey = "imgforge-inputs";
constexpr std::uint64_t kVersion = 1;

Result<std::map<std::string, base::Json>> listed(const std::string& path) {
  std::map<std::string, base::Json> by_digest;
  if (!base::exists(path)) return by_digest;
  const base::Json document = TRY(base::parse_json(TRY(base::read_file(path)), path));
  base::JsonReader reader(document, path);
  if (reader.number(kVersionKey) != kVersion) {
    reader.reject(kVersionKey, "is a version that this imgforge does not know");
  }
  for (const base::JsonReader& entry : reader.objects("inputs")) {
    const Input input = TRY(input_from_json(entry));
    by_digest.emplace(input.digest.hex(), to_json(input));
  }
  TRY(reader.finish());
  return by_digest;
}

}  // namespace

Result<> vendor(const store::Store& store, std::span<const Input> inputs,
                const std::string& directory, base::Progress& progress, std::stop_token stop) {
  const std::string content = base::join_path(directory, "sha256");
  const std::string list = base::join_path(directory, "inputs.json");
  TRY(base::make_directories(content));
  auto by_digest = TRY(listed(list));
  std::uint64_t total = 0;
  for (const Input& input : inputs) total += input.size;
  auto task = progress.start("vendor", directory, total);
  for (const Input& input : inputs) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (!store.has_input(input.digest)) {
      return fail(Error(Errc::not_found, input.name + " is not in the store")
                      .hint("'imgforge fetch' brings it there"));
    }
    const std::string target = base::join_path(content, input.digest.hex());
    // A file of another size is the rest of an interrupted copy by other means.
    if (base::exists(target) && TRY(base::file_size(target)) != input.size) {
      TRY(base::remove_all(target));
    }
    TRY(base::link_or_copy(store.input_path(input.digest), target));
    by_digest.insert_or_assign(input.digest.hex(), to_json(input));
    task->advance(input.size);
  }
  base::Json all = base::Json::array();
  for (auto& [digest, entry] : by_digest) all.push_back(std::move(entry));
  const base::Json document{{kVersionKey, kVersion}, {"inputs", std::move(all)}};
  TRY(base::write_file_atomic(list, base::pretty_json(document)));
  task->finish("vendored");
  return {};
}

}  // namespace imgforge::sources

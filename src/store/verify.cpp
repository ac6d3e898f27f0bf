// Reads and hashes everything that is named by its content.
#include <algorithm>
#include <mutex>

#include "base/sha256.h"
#include "base/task_group.h"
#include "store/store_state.h"

namespace imgforge::store {
namespace {

constexpr std::size_t kReaders = 2;

struct Candidate {
  std::string relative;
  std::string hex;
};

Result<std::vector<Candidate>> candidates(const std::string& directory) {
  std::vector<Candidate> all;
  for (const char* folder : {"blobs/sha256", "inputs/sha256"}) {
    for (std::string& name : TRY(base::list_directory(directory + "/" + folder))) {
      all.push_back({std::string(folder) + "/" + name, name});
    }
  }
  return all;
}

Result<std::string> digest_of(const std::string& path, base::ProgressTask& task,
                              std::stop_token stop) {
  base::File file = TRY(base::File::open_read(path));
  base::Sha256 hash;
  std::vector<std::byte> buffer(base::kChunk);
  while (const std::size_t n = TRY(file.read(buffer))) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    hash.update(base::Bytes(buffer).first(n));
    task.advance(n);
  }
  return hash.finish_hex();
}

}  // namespace

Result<std::vector<Damage>> Store::verify(bool quarantine, base::Progress& progress,
                                          std::stop_token stop) {
  const auto held = TRY(hold());  // a blob that prune removes meanwhile is not damage
  const auto all = TRY(candidates(state_->directory));
  std::uint64_t total = 0;
  for (const Candidate& one : all) total += base::file_size(state_->path(one.relative)).value_or(0);
  auto task = progress.start("verify", state_->directory, total);
  std::mutex mutex;
  std::vector<Damage> damages;
  TRY(base::parallel_for(
      all.size(), kReaders, stop, [&](std::size_t i, std::stop_token inner) -> Result<> {
        const std::string path = state_->path(all[i].relative);
        const auto hex = digest_of(path, *task, inner);
        if (!hex && hex.error().code() == Errc::cancelled) return fail(hex.error());
        if (hex && *hex == all[i].hex) return {};
        {
          const std::lock_guard lock(mutex);
          damages.push_back({all[i].relative, hex ? "its content has digest sha256:" + *hex
                                                  : hex.error().summary()});
        }
        if (!quarantine) return {};
        return base::rename(path, state_->path("tmp/damaged-" + all[i].hex));
      }));
  task->finish(damages.empty() ? "whole" : "damaged");
  std::sort(damages.begin(), damages.end(),
            [](const auto& a, const auto& b) { return a.path < b.path; });
  return damages;
}

}  // namespace imgforge::store

// What the tests of this program against registry_server.py share.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>

#include "base/progress.h"
#include "catch.h"
#include "integration/registry_server.h"
#include "registry/credentials.h"

namespace imgforge::test {

// One of each kind for the whole program; faults and log are those of the test case.
inline RegistryServer& server(const std::string& authentication) {
  static std::map<std::string, std::unique_ptr<RegistryServer>> servers;
  auto& one = servers[authentication];
  if (!one) one = std::make_unique<RegistryServer>(authentication);
  if (!one->lacks()) one->clear();
  return *one;
}

#define REQUIRE_SERVER(name, authentication)     \
  RegistryServer& name = server(authentication); \
  if (const auto missing = name.lacks()) SKIP_TEST(*missing)

inline const registry::Credentials kAlice{.user = "alice", .password = "secret"};
inline const registry::Credentials kBob{.user = "bob", .password = "secret"};

// Counts notes, keeps warnings, outcomes and bytes.
class Notes final : public base::Progress {
 public:
  std::unique_ptr<base::ProgressTask> start(std::string_view, std::string_view,
                                            std::optional<std::uint64_t>) override {
    return std::make_unique<Task>(*this);
  }
  void note(std::string_view) override { ++notes; }
  void warn(std::string_view text) override {
    const std::lock_guard lock(mutex);
    warnings.emplace_back(text);
  }
  std::map<std::string, int> outcomes_so_far() {
    const std::lock_guard lock(mutex);
    return outcomes;
  }

  std::atomic<int> notes = 0;
  std::atomic<std::uint64_t> bytes = 0;
  std::vector<std::string> warnings;

 private:
  class Task final : public base::ProgressTask {
   public:
    explicit Task(Notes& notes) : notes_(notes) {}
    void advance(std::uint64_t bytes) override { notes_.bytes += bytes; }
    void set_total(std::uint64_t) override {}
    void set_phase(std::string_view) override {}
    void finish(std::string_view outcome) override {
      const std::lock_guard lock(notes_.mutex);
      ++notes_.outcomes[std::string(outcome)];
    }

   private:
    Notes& notes_;
  };
  std::mutex mutex;
  std::map<std::string, int> outcomes;
};

inline std::size_t count(const std::vector<Seen>& log, const std::string& method,
                         const std::string& part) {
  return static_cast<std::size_t>(std::count_if(log.begin(), log.end(), [&](const Seen& seen) {
    return seen.method == method && seen.path.find(part) != std::string::npos;
  }));
}

}  // namespace imgforge::test

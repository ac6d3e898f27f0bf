// Executed kinds taken through build: a store, a sandbox, layers below.
#pragma once

#include <string>
#include <vector>

#include "../sandbox/fixture.h"
#include "kind_fixture.h"

namespace imgforge::layer {

class ExecutedFixture : public KindFixture {
 public:
  explicit ExecutedFixture(Decode decode, sources::AddressSettings settings = {})
      : KindFixture(decode, std::move(settings)),
        scratch_(REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-executed"))) {}
  ~ExecutedFixture() {
    sandbox::Sandbox cleaner(sandbox::testing::child_program(), scratch_.path());
    for (const auto& layer : parents) (void)cleaner.remove_tree(store().tree_path(layer.diff_id));
  }

  /// A root with sh and small programs of this machine as the lowest layer.
  void add_small_root() {
    add_tar(REQUIRE_OK(base::read_file(sandbox::testing::root_tar(), std::size_t{256} << 20)));
  }
  void add_tar(std::string_view tar) {
    auto ingest = REQUIRE_OK(store().new_blob());
    REQUIRE_OK(ingest.write(base::as_bytes(tar)));
    const auto digest = REQUIRE_OK(ingest.commit());
    parents.push_back({.blob = {.media_type = archive::layer_media_type(archive::Compression::none),
                                .digest = digest,
                                .size = tar.size()},
                       .diff_id = digest,
                       .tar_size = tar.size()});
  }

  Result<store::BuiltLayer> execute(const Recipe& recipe) {
    const auto scratch = TRY(base::TempDir::create(scratch_.path(), "build"));
    sandbox::Sandbox sandbox(sandbox::testing::child_program(), scratch.path());
    const auto task = base::silent_progress().start("build", recipe.title(), std::nullopt);
    base::Allowance held(16 << 20);
    return recipe.produce({.store = store(),
                           .epoch = epoch,
                           .encoder = {.compression = archive::Compression::none},
                           .held = held,
                           .scratch = scratch.path(),
                           .project_directory = project(),
                           .sandbox = &sandbox,
                           .parents = parents,
                           .task = *task,
                           .stop = {}});
  }
  Result<store::BuiltLayer> execute(const std::string& yaml) {
    const auto made = TRY(recipes(yaml, TRY(lock(yaml))));
    REQUIRE(made.size() == 1);
    return execute(*made[0]);
  }

  std::vector<store::BuiltLayer> parents;

 private:
  base::TempDir scratch_;
};

}  // namespace imgforge::layer

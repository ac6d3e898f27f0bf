#include "build/matrix.h"

#include <set>

#include "catch.h"

using namespace imgforge;
using build::arrange;
using build::SharedWork;

namespace {

// Every shared layer is made once, before anybody else needs it.
void check_sound(const build::Stages& stages, const std::vector<SharedWork>& shared) {
  for (std::size_t i = 0; i < shared.size(); ++i) {
    const std::size_t maker = stages.maker[i];
    for (const std::size_t cell : shared[i].cells) {
      if (cell == maker) continue;
      INFO("layer " << i << ", cell " << cell);
      CHECK(stages.stage[cell] > stages.stage[maker]);
      const auto& needs = stages.needs[cell];
      CHECK(std::find(needs.begin(), needs.end(), maker) != needs.end());
    }
  }
}

build::CellPlan judged(std::map<std::string, std::string> components) {
  spec::ImageSpec spec;
  spec.epoch = *base::parse_time("2025-05-20T00:00:00Z");
  spec.components = std::move(components);
  build::CellPlan cell;
  build::judge(spec, cell);
  return cell;
}

}  // namespace

TEST_CASE("cells that share nothing are one stage") {
  const auto stages = arrange(3, {}, 0);
  CHECK(stages.count == 1);
  CHECK(stages.stage == std::vector<std::size_t>{0, 0, 0});
  CHECK(arrange(0, {}, 0).count == 0);
}

TEST_CASE("a grid of two axes begins with its diagonal") {
  // Cells 0..3: rows share a layer, columns share a layer.
  const std::vector<SharedWork> shared = {{{0, 1}, 9}, {{2, 3}, 9}, {{0, 2}, 5}, {{1, 3}, 5}};
  const auto stages = arrange(4, shared, 0);
  CHECK(stages.stage == std::vector<std::size_t>{0, 1, 1, 0});
  CHECK(stages.needs[1] == std::vector<std::size_t>{0, 3});
  CHECK(stages.count == 2);
  check_sound(stages, shared);
}

TEST_CASE("larger grids are sound") {
  std::vector<SharedWork> shared;
  constexpr std::size_t kRows = 5, kColumns = 4;
  for (std::size_t row = 0; row < kRows; ++row) {
    SharedWork work{.cells = {}, .weight = row + 1};
    for (std::size_t column = 0; column < kColumns; ++column)
      work.cells.push_back(row * kColumns + column);
    shared.push_back(std::move(work));
  }
  for (std::size_t column = 0; column < kColumns; ++column) {
    SharedWork work{.cells = {}, .weight = 100};
    for (std::size_t row = 0; row < kRows; ++row) work.cells.push_back(row * kColumns + column);
    shared.push_back(std::move(work));
  }
  const auto stages = arrange(kRows * kColumns, shared, 0);
  check_sound(stages, shared);
  CHECK(stages.made_twice == 0);

  const auto fewer = arrange(kRows * kColumns, shared, 2);
  CHECK(fewer.count == 2);
  CHECK(fewer.made_twice > 0);
}

TEST_CASE("one layer that everybody has is made by the first alone") {
  const std::vector<SharedWork> shared = {{{0, 1, 2}, 1}};
  const auto stages = arrange(3, shared, 0);
  CHECK(stages.stage == std::vector<std::size_t>{0, 1, 1});
  CHECK(stages.maker == std::vector<std::size_t>{0});
  const auto one = arrange(3, shared, 1);
  CHECK(one.count == 1);
  CHECK(one.made_twice == 1);
}

TEST_CASE("the compatibility table says which cells cannot be, and what to do") {
  const auto missing = judged({{"torch", "2.6"}, {"cuda", "12.1"}, {"os", "debian12"}});
  CHECK(missing.standing == build::CellStanding::impossible);
  CHECK(missing.reason.find("CUDA 12.1") != std::string::npos);
  CHECK_FALSE(missing.remedy.empty());
  CHECK(judged({{"torch", "2.6"}, {"cuda", "12.4"}, {"python", "3.14"}}).standing ==
        build::CellStanding::impossible);
  CHECK(judged({{"torch", "2.6"}, {"cuda", "12.4"}, {"python", "3.11"}, {"os", "debian12"}})
            .standing == build::CellStanding::ready);
  CHECK(judged({}).standing == build::CellStanding::ready);
}

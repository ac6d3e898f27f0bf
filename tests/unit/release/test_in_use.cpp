#include "release/in_use.h"

#include "catch.h"

using namespace imgforge::release;

namespace {

CatalogueImage image(const std::string& tag, std::vector<std::string> channels = {},
                     const std::string& repository = "registry.example/ml/demo") {
  CatalogueImage one;
  one.repository = repository;
  one.tag = tag;
  one.channels = std::move(channels);
  return one;
}

using Used = std::vector<bool>;

}  // namespace

TEST_CASE("in use is what a channel names, whatever is newer") {
  CHECK(in_use({image("v1"), image("v2", {"lts"}), image("v3")}) == Used{false, true, false});
  CHECK(in_use({image("v1", {"lts"}), image("v2", {"nightly"})}) == Used{true, true});
}

TEST_CASE("without a channel the newest build of each line is in use") {
  CHECK(in_use({image("v2.6.9"), image("v2.6.10"), image("v2.6.1")}) == Used{false, true, false});
  CHECK(in_use({image("cuda12.4-debian12-v1"), image("cuda12.4-debian12-v2"),
                image("cuda11.8-debian12-v1"), image("cuda12.1-debian12-v1", {"lts"}),
                image("cuda12.1-debian12-v2")}) == Used{false, true, true, true, false});
  CHECK(in_use({image("v1"), image("v2", {}, "registry.example/ml/other")}) == Used{true, true});
  CHECK(in_use({}).empty());
}

TEST_CASE("an image without a build tag is in use") {
  CHECK(in_use({image("test-of-anna"), image("v1"), image("v2")}) == Used{true, false, true});
}

#include "catch.h"
#include "env/running.h"
#include "gpu/promise.h"

using namespace imgforge::env;  // the whole of this room's comparing

namespace {

std::string promise(const std::string& torch, const std::string& tag = "v1") {
  imgforge::gpu::Promise made;
  made.image = "demo";
  made.tag = tag;
  made.build = "v1";
  made.components = {{"torch", torch, {{"cuda", "12.4"}}}, {"python", "3.11.2", {}}};
  return imgforge::gpu::to_json(made);
}

Contract pinned(const Running& running) {
  Contract contract = *Contract::parse("imgforge: 1\nrepository: harbor.example/ml/demo\n", "f");
  contract.pin = Pin{.tag = *imgforge::oci::Tag::parse("lts"),
                     .digest = imgforge::oci::Digest::of("image"),
                     .build = running.tag,
                     .promise = running.promise,
                     .components = running.components};
  return contract;
}

}  // namespace

TEST_CASE("the pinned environment has no difference") {
  const Running running = *read_running(promise("2.6.0"), "promise.json");
  CHECK(running.image == "demo");
  CHECK(running.components.at("torch") == "2.6.0");
  CHECK(differences(pinned(running), running).empty());
}

TEST_CASE("another environment says what is different") {
  const Contract contract = pinned(*read_running(promise("2.6.0"), "p"));
  const Running other = *read_running(promise("2.5.1", "v0"), "p");
  CHECK(sentence(differences(contract, other)) ==
        "build v0 instead of v1, torch 2.5.1 instead of 2.6.0");

  // The same words in another document are not the same environment.
  Running forged = *read_running(promise("2.6.0"), "p");
  forged.promise = imgforge::oci::Digest::of("other");
  const auto found = differences(contract, forged);
  REQUIRE(found.size() == 1);
  CHECK(found[0].what == "promise");

  // A pin that knows nothing but its digest can be compared with nothing here.
  Contract bare = contract;
  bare.pin->build.clear();
  bare.pin->promise.reset();
  bare.pin->components.clear();
  CHECK(differences(bare, forged).size() == 1);
}

TEST_CASE("what is no promise is refused") {
  CHECK_FALSE(read_running("", "p"));
  CHECK_FALSE(read_running("{}", "p"));
  CHECK_FALSE(read_running("{\"promise\": 2}", "p"));
  CHECK_FALSE(read_running("{\"promise\": 1, \"components\": [{\"name\": 1}]}", "p"));
}

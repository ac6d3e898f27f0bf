#include "base/json.h"
#include "catch.h"
#include "oci/image.h"
#include "registry/referrers_index.h"

using namespace imgforge;
using registry::describe_referrer;
using registry::index_with_referrer;

namespace {

content::Document manifest(const std::string& json) {
  return {{.media_type = oci::media_type::kManifest,
           .digest = oci::Digest::of(json),
           .size = json.size()},
          json};
}

}  // namespace

TEST_CASE("a referrer is described by its own words") {
  const std::string config = R"("config":{"mediaType":"application/c","size":2,"digest":"sha256:)" +
                             oci::Digest::of("{}").hex() + "\"}";
  const auto of = [&](const std::string& more) {
    return REQUIRE_OK(describe_referrer(manifest("{\"schemaVersion\":2," + config + more + "}")));
  };
  CHECK(of("").artifact_type == "application/c");
  CHECK(of(R"(,"artifactType":"application/a")").artifact_type == "application/a");
  CHECK(of(R"(,"annotations":{"k":"v"})").annotations.at("k") == "v");
  CHECK_FALSE(describe_referrer(manifest("[]")));
}

TEST_CASE("a list gains one entry at its end, once, and keeps what it has") {
  const oci::Descriptor first{.media_type = oci::media_type::kManifest,
                              .digest = oci::Digest::of("1"),
                              .size = 1,
                              .artifact_type = "application/a"};
  oci::Descriptor second = first;
  second.digest = oci::Digest::of("2");
  const auto one = REQUIRE_OK(index_with_referrer(std::nullopt, first));
  REQUIRE(one);
  CHECK_FALSE(REQUIRE_OK(index_with_referrer(*one, first)));
  base::Json foreign = REQUIRE_OK(base::parse_json(*one, "list"));
  foreign["manifests"][0]["data"] = "e30=";
  foreign["x"] = 7;
  const auto two = REQUIRE_OK(index_with_referrer(foreign.dump(), second));
  REQUIRE(two);
  const base::Json read = REQUIRE_OK(base::parse_json(*two, "list"));
  CHECK(read["x"] == 7);
  CHECK(read["manifests"][0] == foreign["manifests"][0]);
  CHECK(read["manifests"][1]["digest"] == second.digest.to_string());
  CHECK(REQUIRE_OK(oci::parse_index(*two)).manifests.size() == 2);
  CHECK_FALSE(index_with_referrer("<html>", first));
  CHECK_FALSE(index_with_referrer(R"({"schemaVersion":2,"layers":[]})", first));
  CHECK(registry::referrers_tag(first.digest) == "sha256-" + first.digest.hex());
}

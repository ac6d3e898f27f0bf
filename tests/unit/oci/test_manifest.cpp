#include <random>

#include "catch.h"
#include "oci/graph.h"
#include "oci/image.h"

using namespace imgforge;
using namespace imgforge::oci;

namespace {

Descriptor layer(const std::string& content, const char* type = media_type::kLayerGzip) {
  return {.media_type = type, .digest = Digest::of(content), .size = content.size()};
}

Manifest sample() {
  Manifest manifest;
  manifest.config = layer("config", media_type::kConfig);
  manifest.layers = {layer("one"), layer("two", media_type::kLayerZstd)};
  manifest.layers[1].annotations["title"] = "second";
  manifest.annotations["org.opencontainers.image.version"] = "1";
  return manifest;
}

bool same(const Manifest& a, const Manifest& b) {
  return a.media_type == b.media_type && a.artifact_type == b.artifact_type &&
         a.config == b.config && a.layers == b.layers && a.subject == b.subject &&
         a.annotations == b.annotations;
}

std::string why(const Result<Manifest>& result) {
  REQUIRE_FALSE(result);
  CHECK(result.error().code() == Errc::invalid);
  return result.error().summary();
}

}  // namespace

TEST_CASE("golden: a manifest's bytes") {
  CHECK(to_json(sample()) ==
        R"({"annotations":{"org.opencontainers.image.version":"1"},)"
        R"("config":{"digest":"sha256:)"
        R"(b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910",)"
        R"("mediaType":"application/vnd.oci.image.config.v1+json","size":6},)"
        R"("layers":[{"digest":"sha256:)"
        R"(7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed",)"
        R"("mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":3},)"
        R"({"annotations":{"title":"second"},"digest":"sha256:)"
        R"(3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3",)"
        R"("mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":3}],)"
        R"("mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2})");
  CHECK(to_json(Index{}) ==
        R"({"manifests":[],"mediaType":"application/vnd.oci.image.index.v1+json",)"
        R"("schemaVersion":2})");
}

TEST_CASE("manifests and indexes read back as they were") {
  std::mt19937 random(3);
  for (int i = 0; i < 200; ++i) {
    Manifest manifest;
    if (random() % 8 != 0) manifest.config = layer("c" + std::to_string(i), media_type::kConfig);
    for (unsigned n = random() % 6; n > 0; --n) {
      manifest.layers.push_back(layer(std::to_string(random())));
      if (random() % 2) manifest.layers.back().annotations["k\"\n"] = std::to_string(n);
    }
    if (random() % 4 == 0) manifest.subject = layer("subject", media_type::kManifest);
    if (random() % 4 == 0) manifest.artifact_type = "application/vnd.example";
    if (random() % 3 == 0) manifest.media_type = media_type::kDockerManifest;
    const std::string json = to_json(manifest);
    const Manifest back = REQUIRE_OK(parse_manifest(json));
    REQUIRE(same(back, manifest));
    REQUIRE(to_json(back) == json);

    Index index;
    for (const Descriptor& one : manifest.layers) {
      index.manifests.push_back(one);
      index.manifests.back().platform = Platform{"linux", "arm64", random() % 2 ? "v8" : ""};
    }
    const Index index_back = REQUIRE_OK(parse_index(to_json(index)));
    REQUIRE(index_back.manifests == index.manifests);
  }
}

TEST_CASE("documents of others are read: Docker's, and keys that are not known") {
  const auto docker = REQUIRE_OK(parse_manifest(
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)"
      R"("config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":7,)"
      R"("digest":"sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910"},)"
      R"("layers":[],"future":{"a":[1,null]},"annotations":null})"));
  CHECK(docker.media_type == media_type::kDockerManifest);
  CHECK(docker.config->size == 7);
  // mediaType may be missing (image-spec v1.0).
  CHECK(REQUIRE_OK(parse_manifest(R"({"schemaVersion":2,"layers":[]})")).media_type ==
        media_type::kManifest);
  CHECK(REQUIRE_OK(parse_index(R"({"schemaVersion":2})")).manifests.empty());
}

TEST_CASE("a document of two meanings, or of none, is refused") {
  CHECK_THAT(why(parse_manifest(R"({"schemaVersion":2,"layers":[],"manifests":[]})")),
             Catch::Contains("manifests"));
  CHECK(parse_index(R"({"schemaVersion":2,"layers":[]})").error().code() == Errc::invalid);
  CHECK(parse_index(R"({"schemaVersion":2,"config":{}})").error().code() == Errc::invalid);
  CHECK_THAT(why(parse_manifest(R"({"schemaVersion":1,"layers":[]})")),
             Catch::Contains("schemaVersion"));
  CHECK_THAT(why(parse_manifest(R"({"layers":[]})")), Catch::Contains("schemaVersion"));
  CHECK_THAT(why(parse_manifest(
                 R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"})")),
             Catch::Contains("mediaType"));
  CHECK_THAT(why(parse_manifest(R"({"schemaVersion":2,"layers":{}})")), Catch::Contains("layers"));
  why(parse_manifest(R"({"schemaVersion":2,"layers":[],"layers":[]})"));
  why(parse_manifest(to_json(sample()).substr(0, 200)));
  why(parse_manifest(""));
  why(parse_manifest("null"));
}

TEST_CASE("what a document points at") {
  const Manifest manifest = sample();
  const auto children = REQUIRE_OK(successors(media_type::kManifest, to_json(manifest)));
  REQUIRE(children.size() == 3);
  CHECK(children[0] == *manifest.config);
  CHECK(children[2] == manifest.layers[1]);

  Manifest artifact = manifest;
  artifact.subject = layer("image", media_type::kManifest);
  CHECK(REQUIRE_OK(successors(media_type::kManifest, to_json(artifact))).size() == 3);

  Index index;
  index.manifests = {layer("m", media_type::kManifest)};
  CHECK(REQUIRE_OK(successors(media_type::kIndex, to_json(index))) == index.manifests);
  CHECK(REQUIRE_OK(successors(media_type::kLayerGzip, "not JSON")).empty());
  CHECK_FALSE(successors(media_type::kManifest, "not JSON"));
  CHECK(is_manifest(media_type::kDockerManifest));
  CHECK(is_index(media_type::kDockerManifestList));
  CHECK_FALSE(is_manifest(media_type::kIndex));
}

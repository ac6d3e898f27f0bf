#include "catch.h"
#include "oci/descriptor.h"
#include "registry/manifest_type.h"

using namespace imgforge;
using registry::manifest_type;
namespace type = oci::media_type;

namespace {

std::string document(const std::string& media_type, const char* rest = R"("layers":[])") {
  std::string text = R"({"schemaVersion":2,)";
  if (!media_type.empty()) text += R"("mediaType":")" + media_type + "\",";
  return text + rest + "}";
}

Errc refused(const std::string& text, const char* content_type) {
  const auto found = manifest_type(text, content_type, "tag 1");
  REQUIRE_FALSE(found);
  return found.error().code();
}

}  // namespace

TEST_CASE("header and document agree, or only one of them speaks") {
  for (const char* known :
       {type::kManifest, type::kIndex, type::kDockerManifest, type::kDockerManifestList}) {
    CHECK(REQUIRE_OK(manifest_type(document(known), known, "x")) == known);
    CHECK(REQUIRE_OK(manifest_type(document(known), "", "x")) == known);
    CHECK(REQUIRE_OK(manifest_type(document(known), "application/json", "x")) == known);
    CHECK(REQUIRE_OK(manifest_type(document(""), std::string(known) + "; charset=utf-8", "x")) ==
          known);
  }
  CHECK(REQUIRE_OK(manifest_type(document(""), "", "x")) == type::kManifest);
  CHECK(REQUIRE_OK(manifest_type(document("", R"("manifests":[])"), "", "x")) == type::kIndex);
}

TEST_CASE("what could be taken for two images is refused") {
  CHECK(refused(document(type::kManifest), type::kIndex) == Errc::protocol);
  CHECK(refused(document("application/x-other"), type::kIndex) == Errc::protocol);
  CHECK(refused(document("", R"("manifests":[],"layers":[])"), "") == Errc::protocol);
}

TEST_CASE("what is no manifest is refused") {
  CHECK(refused("<html></html>", type::kManifest) == Errc::protocol);
  CHECK(refused("[]", type::kManifest) == Errc::protocol);
  CHECK(refused("", "") == Errc::protocol);
  CHECK(refused(document("application/vnd.oci.image.config.v1+json"), "") == Errc::protocol);
  CHECK(refused(document("", R"("config":{})"), "text/plain") == Errc::protocol);
  CHECK(refused(R"({"schemaVersion":1,"fsLayers":[]})", "application/json") == Errc::unsupported);
  CHECK(refused("{}", "application/vnd.docker.distribution.manifest.v1+prettyjws") ==
        Errc::unsupported);
}

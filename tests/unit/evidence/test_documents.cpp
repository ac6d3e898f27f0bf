#include "base/json.h"
#include "evidence/cyclonedx.h"
#include "evidence/spdx.h"
#include "fixture.h"

using namespace imgforge;
using namespace imgforge::evidence;

namespace {
const Tool kTool{"imgforge", "1.2.3"};
}

TEST_CASE("golden: an SPDX document") {
  const ImageFixture fixture = whole_image();
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  check_golden(to_spdx(inventory, fixture.image, kTool), "spdx.json");
}

TEST_CASE("golden: a CycloneDX document") {
  const ImageFixture fixture = whole_image();
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  check_golden(to_cyclonedx(inventory, fixture.image, kTool), "cyclonedx.json");
}

TEST_CASE("documents are named by the image's digest, and by nothing that changes with time") {
  ImageFixture fixture = whole_image();
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  const auto serial = [&] {
    return base::Json::parse(to_cyclonedx(inventory, fixture.image, kTool))["serialNumber"]
        .get<std::string>();
  };
  const auto space = [&] {
    return base::Json::parse(to_spdx(inventory, fixture.image, kTool))["documentNamespace"]
        .get<std::string>();
  };
  const std::string first_serial = serial(), first_space = space();
  CHECK(first_serial == serial());
  CHECK(first_space == space());
  fixture.image.manifest.digest = oci::Digest::of("another");
  CHECK(first_serial != serial());
  CHECK(first_space != space());
}

TEST_CASE("words of packages do not break the fields they go into") {
  ImageFixture fixture;
  fixture.add_layer(
      "x", "run",
      {{"a/x-1.dist-info/METADATA",
        metadata(
            "x", "1",
            "Author: Evil (really)\tAuthor\nAuthor-email: not an address\n"
            "Home-page: javascript:alert(1)\nLicense: \xff\xfe\nSummary: \xc3\x28 quote\"\n")}});
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  const auto spdx = REQUIRE_OK(base::parse_json(to_spdx(inventory, fixture.image, kTool), "spdx"));
  const auto& package = spdx["packages"].back();
  CHECK(package["supplier"] == "Person: Evil really Author");
  CHECK_FALSE(package.contains("homepage"));
  const auto bom =
      REQUIRE_OK(base::parse_json(to_cyclonedx(inventory, fixture.image, kTool), "cyclonedx"));
  CHECK(bom["components"][0]["supplier"] == base::Json{{"name", "Evil really Author"}});
  CHECK(bom["compositions"][0]["aggregate"] == "incomplete");
}

TEST_CASE("one licence, an unlisted one, and several have each their own form in CycloneDX") {
  const ImageFixture fixture = whole_image();
  const auto bom =
      base::Json::parse(to_cyclonedx(REQUIRE_OK(fixture.inventory()), fixture.image, kTool));
  const auto licenses = [&](const char* ref) {
    for (const auto& component : bom["components"]) {
      if (component["bom-ref"] == ref) return component.value("licenses", base::Json()).dump();
    }
    return std::string("no such component");
  };
  CHECK(licenses("python-setuptools") == R"([{"license":{"id":"MIT"}}])");
  CHECK(licenses("redist-libcublas") == R"([{"license":{"name":"CUDA Toolkit"}}])");
  CHECK(licenses("deb-libgcc-s1-amd64") ==
        R"([{"expression":"GPL-3.0-or-later WITH Bison-exception-2.2"}])");
  CHECK(licenses("deb-libc6-amd64") == "null");
}

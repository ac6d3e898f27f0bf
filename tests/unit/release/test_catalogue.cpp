#include "release/catalogue.h"

#include "catch.h"
#include "error_text.h"
#include "release/catalogue_html.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

CatalogueImage image(const std::string& tag, std::vector<CatalogueLayer> layers) {
  CatalogueImage one;
  one.repository = "registry.example/ml/demo";
  one.tag = tag;
  one.digest = "sha256:" + std::string(64, tag.back());
  one.layers = std::move(layers);
  for (const CatalogueLayer& layer : one.layers) one.bytes += layer.size;
  return one;
}

Catalogue sample() {
  const CatalogueLayer os{"os", "bootstrap", "Debian 12", "sha256:aa", 100};
  Catalogue catalogue;
  catalogue.matrix = "demo";
  catalogue.images = {image("v1", {os, {"app", "files", "", "sha256:b1", 5}}),
                      image("v2", {os, {"app", "files", "", "sha256:b2", 7}})};
  catalogue.images[0].channels = {"nightly"};
  catalogue.images[0].labels = {{"team", "<script>alert(1)</script>"}};
  catalogue.images[0].components = {{"torch", "2.6.0"}};
  catalogue.images[1].probes = {{"GPU \"A\"", "9.0", "550", "fine", "2026-01-01T00:00:00Z", true}};
  catalogue.images[1].notes = {{"warning", "os-end-of-life", "old & tired", "take a newer one"}};
  catalogue.gaps = {{"a-b", "impossible", "x < y"}};
  catalogue.moves = {{"registry.example/ml/demo", "nightly", "rollback", "v1", "sha256:11",
                      "2026-01-02T00:00:00Z", "anna", "", false}};
  return catalogue;
}

}  // namespace

TEST_CASE("a catalogue is read as it was written") {
  const Catalogue catalogue = sample();
  const std::string text = format_catalogue(catalogue);
  CHECK(REQUIRE_OK(parse_catalogue(text, "x.json")) == catalogue);
  CHECK(format_catalogue(REQUIRE_OK(parse_catalogue(text, "x.json"))) == text);
  CHECK(REQUIRE_OK(parse_catalogue(format_catalogue({}), "x.json")) == Catalogue{});
}

TEST_CASE("a catalogue of another format, or with unknown keys, is refused") {
  std::string text = format_catalogue(sample());
  CHECK_FALSE(parse_catalogue("{\"catalogue\": 2}", "x.json"));
  CHECK_FALSE(parse_catalogue("[]", "x.json"));
  text.insert(text.find("\"cell\""), "\"more\": 1, ");
  CHECK_FALSE(parse_catalogue(text, "x.json"));
}

TEST_CASE("layers that images share are stored once") {
  const CatalogueSizes sizes = sizes_of(sample());
  CHECK(sizes.layers == 3);
  CHECK(sizes.stored == 112);
  CHECK(sizes.counted == 212);
}

TEST_CASE("layers of the same images are one group, what sharing saves first") {
  const CatalogueLayer os{"os", "bootstrap", "Debian 12", "sha256:aa", 100};
  const CatalogueLayer torch{"torch", "wheels", "", "sha256:bb", 70};
  const CatalogueLayer cudnn{"cudnn", "wheels", "", "sha256:cc", 80};
  const CatalogueLayer own{"app", "files", "", "sha256:dd", 900};
  Catalogue catalogue;
  // A layer that one image holds twice is not shared for that.
  catalogue.images = {image("v1", {os, torch, cudnn, own, own}), image("v2", {os, torch, cudnn}),
                      image("v3", {os})};
  const std::vector<LayerGroup> groups = shared_layers(catalogue);
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].layers == std::vector<CatalogueLayer>{os});
  CHECK(groups[0].images == 3);
  CHECK(groups[0].saved() == 200);
  CHECK(groups[1].layers == std::vector<CatalogueLayer>{cudnn, torch});
  CHECK(groups[1].size == 150);
  CHECK(groups[1].saved() == 150);
  CHECK(shared_layers({}).empty());
}

TEST_CASE("a page says once what several images have in common, errors first") {
  Catalogue catalogue = sample();
  const CatalogueNote old{"warning", "os-end-of-life", "old", "take a newer one"};
  catalogue.images[0].notes = {old, {"info", "not-scanned", "not looked at", ""}};
  catalogue.images[1].notes = {old, {"error", "vulnerabilities", "open", ""}};
  const std::string page = catalogue_html(catalogue, "All");
  const std::string attention = page.substr(page.find("<ul class=\"notes\">"),
                                            page.find("</ul>", page.find("<ul class=\"notes\">")));
  CHECK(attention.find(">error<") < attention.find(">warning<"));
  const auto first = attention.find("old. <em>take a newer one</em>");
  REQUIRE(first != std::string::npos);
  CHECK(attention.find("2 images: <a href=\"#image-1\">v1</a>, <a href=\"#image-2\">v2</a>") >
        first);
  CHECK(attention.substr(0, attention.find("</ul>")).find("not looked at") == std::string::npos);
  // Images of two repositories are told apart.
  catalogue.images[1].repository = "registry.example/ml/other";
  CHECK(catalogue_html(catalogue, "All").find("<a href=\"#image-2\">other:v2</a>") !=
        std::string::npos);
}

TEST_CASE("a page shows each GPU with what passed and failed on it") {
  Catalogue catalogue = sample();
  catalogue.images[0].probes = {{"H100", "9.0", "550", "", "", false},
                                {"H100", "9.0", "535", "", "", true}};
  catalogue.images[1].probes = {{"H100", "9.0", "550", "", "", true}};
  const std::string page = catalogue_html(catalogue, "All");
  const std::string row = page.substr(page.find("H100 (9.0)</th>"), 700);
  CHECK(row.find("535, 550") != std::string::npos);
  CHECK(row.find(">2</span> <a href=\"#image-1\">v1</a>, <a href=\"#image-2\">v2</a></td>") !=
        std::string::npos);
  CHECK(row.find("data-label=\"Failed\"><span class=\"mark error\">1</span>") != std::string::npos);
}

TEST_CASE("a page holds what images say as text") {
  const std::string page = catalogue_html(sample(), "All <images>");
  CHECK(page == catalogue_html(sample(), "All <images>"));
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos);
  CHECK(page.find("<title>All &lt;images&gt;</title>") != std::string::npos);
  CHECK(page.find("GPU &quot;A&quot;") != std::string::npos);
  CHECK(page.find("old &amp; tired") != std::string::npos);
  CHECK(page.find("x &lt; y") != std::string::npos);
  CHECK(page.find("not signed by a trusted key") != std::string::npos);
  CHECK(escape_html("a'b\x01\x7f\n") == "a&#39;b\xEF\xBF\xBD\xEF\xBF\xBD\n");
}

TEST_CASE("an empty catalogue is a page, too") {
  CHECK(catalogue_html({}, "None").find("<dd>0</dd>") != std::string::npos);
  CHECK(catalogue_html({}, "None").find("There are no images.") != std::string::npos);
}

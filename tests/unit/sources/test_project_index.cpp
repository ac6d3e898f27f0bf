#include "sources/project_index.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;

namespace {
const std::string kPage = "https://u:p@index.example/simple/torch/";
const std::string kHash(64, 'a');
}  // namespace

TEST_CASE("a project's page as JSON") {
  const auto files = REQUIRE_OK(parse_project_json(
      R"({"meta":{"api-version":"1.1"},"files":[
        {"filename":"t-1+cu-py3-none-any.whl","url":"../../f/t-1%2Bcu-py3-none-any.whl",
         "hashes":{"sha256":")" +
          kHash + R"("},"size":7,"yanked":false},
        {"filename":"old.tar.gz","url":"https://files.example/old.tar.gz","hashes":{"md5":"x"}},
        {"url":3}, 5]})",
      kPage));
  REQUIRE(files.size() == 2);
  CHECK(files[0].name == "t-1+cu-py3-none-any.whl");
  CHECK(files[0].url == "https://u:p@index.example/f/t-1%2Bcu-py3-none-any.whl");
  CHECK(files[0].sha256 == kHash);
  CHECK(files[0].size == 7u);
  CHECK(files[1].url == "https://files.example/old.tar.gz");
  CHECK(files[1].sha256.empty());
  CHECK_FALSE(files[1].size);
  CHECK(parse_project_json("{}", kPage).error().code() == Errc::protocol);
  CHECK(parse_project_json("<html>", kPage).error().code() == Errc::invalid);
}

TEST_CASE("a project's page as HTML") {
  const auto files = parse_project_html(
      "<!DOCTYPE html><html><head><base href='/base/'></head><body><!-- <a href='no.whl'>no</a> -->"
      "<a href=\"a%2Bcu.whl#sha256=" +
          kHash +
          "\" data-requires-python='&gt;=3.8' >x</a>\n"
          "<A data-x HREF = '../b.whl?x=1&amp;y=2#md5=0' rel>b</A><a name='z'>no</a>"
          "<a href=c.whl>c</a><abbr href='no.whl'></abbr><a href='unclosed.whl",
      kPage);
  REQUIRE(files.size() == 3);
  CHECK(files[0].name == "a+cu.whl");
  CHECK(files[0].sha256 == kHash);
  CHECK(files[0].url == "https://u:p@index.example/base/a%2Bcu.whl");
  CHECK(files[1].url == "https://u:p@index.example/b.whl?x=1&y=2");
  CHECK(files[1].name == "b.whl");
  CHECK(files[2].url == "https://u:p@index.example/base/c.whl");
}

TEST_CASE("damaged HTML ends, and says nothing wrong") {
  const std::string whole = "<base href='x'><a href='a.whl#sha256=00' data-x=\"&#x41;&amp\">a</a>";
  for (std::size_t n = 0; n < whole.size(); ++n) {
    for (const IndexFile& file : parse_project_html(whole.substr(0, n), kPage)) {
      CHECK(file.name == "a.whl");
    }
  }
}

TEST_CASE("pages are asked for as JSON, and taken as HTML") {
  const auto folder = test::temporary();
  const std::string failed = test::make(
      "make_index.py", {folder.path(), "one-json:tiny:1.0", "two:tiny:1.0", "two:tiny:2.0"});
  REQUIRE(failed.empty());
  test::FaultServer server({"--root", folder.path()});
  http::Client client = REQUIRE_OK(http::Client::create({}));
  const auto json = REQUIRE_OK(fetch_project_page(client, server.url("one-json"), "tiny", {}));
  REQUIRE(json.size() == 1);
  CHECK(json[0].size);
  CHECK(json[0].url == server.url("one-json/tiny/tiny-1.0-py3-none-any.whl"));
  const auto html = REQUIRE_OK(fetch_project_page(client, server.url("two"), "tiny", {}));
  REQUIRE(html.size() == 2);
  CHECK_FALSE(html[0].size);
  CHECK(html[0].sha256.size() == 64);
  CHECK(fetch_project_page(client, server.url("two"), "absent", {}).error().code() ==
        Errc::not_found);
}

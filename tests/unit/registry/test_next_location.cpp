#include "catch.h"
#include "registry/link.h"
#include "registry/next_location.h"
#include "registry/paging.h"

using namespace imgforge;
using registry::next_link;
using registry::next_location;

namespace {

const std::string kAsked = "https://reg.example/v2/a/b/blobs/uploads/";

registry::NextLocation good(const std::string& asked, const std::string& location) {
  return REQUIRE_OK(next_location(asked, location));
}
Errc bad(const std::string& asked, const std::string& location) {
  const auto next = next_location(asked, location);
  REQUIRE_FALSE(next);
  return next.error().code();
}

}  // namespace

TEST_CASE("a location at the registry's own endpoint is ours, however it is written") {
  for (const char* location :
       {"https://reg.example/v2/a/b/blobs/uploads/u?_state=x",
        "https://REG.example:443/v2/a/b/blobs/uploads/u?_state=x",
        "/v2/a/b/blobs/uploads/u?_state=x", "u?_state=x", "//reg.example/v2/a/b/blobs/uploads/u"}) {
    const auto next = good(kAsked, location);
    CHECK(next.ours);
    CHECK(next.url.find("/v2/a/b/blobs/uploads/u") != std::string::npos);
  }
}

TEST_CASE("a scheme or port that a proxy got wrong is put right, and never used") {
  const auto plain = good(kAsked, "http://reg.example/v2/u?_state=x");
  CHECK(plain.ours);
  CHECK(plain.url == "https://reg.example/v2/u?_state=x");
  const auto port = good("https://reg.example:8443/v2/", "http://reg.example:8080/v2/u");
  CHECK(port.url == "https://reg.example:8443/v2/u");
}

TEST_CASE("elsewhere: without credentials, and not everywhere") {
  const auto storage = good(kAsked, "https://bucket.storage.example/u?signature=x");
  CHECK_FALSE(storage.ours);
  CHECK(storage.url == "https://bucket.storage.example/u?signature=x");
  CHECK_FALSE(good(kAsked, "https://reg.example:8443/u").ours);
  CHECK_FALSE(good("http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/u").ours);
  CHECK_FALSE(good("http://10.1.2.3/v2/", "http://192.168.1.1/u").ours);

  CHECK(bad(kAsked, "http://bucket.storage.example/u") == Errc::refused);
  for (const char* inner :
       {"https://127.0.0.1/u", "https://10.0.0.1/u", "https://172.16.0.1/u", "https://172.31.9.9/u",
        "https://192.168.0.1/u", "https://169.254.169.254/latest", "https://localhost/u",
        "https://[::1]/u", "https://[fd00::1]/u", "https://[fe80::1]/u",
        "https://[::ffff:127.0.0.1]/u", "https://0.0.0.0/u", "https://100.64.0.1/u"}) {
    INFO(inner);
    CHECK(bad(kAsked, inner) == Errc::refused);
  }
  for (const char* outer : {"https://172.15.0.1/u", "https://172.32.0.1/u", "https://8.8.8.8/u",
                            "https://[2001:db8::1]/u"}) {
    CHECK_FALSE(good(kAsked, outer).ours);
  }
}

TEST_CASE("no location, and no address") {
  CHECK(bad(kAsked, "") == Errc::protocol);
  CHECK(bad(kAsked, "ftp://reg.example/u") == Errc::protocol);
  CHECK(bad(kAsked, "file:///etc/passwd") == Errc::protocol);
}

TEST_CASE("the digest joins the parameters that are there") {
  CHECK(registry::with_digest("https://r/u", "sha256:ab") == "https://r/u?digest=sha256%3Aab");
  CHECK(registry::with_digest("https://r/u?_state=x", "sha256:ab") ==
        "https://r/u?_state=x&digest=sha256%3Aab");
}

TEST_CASE("links: the next one, among others, quoted or not") {
  using Fields = std::vector<std::string>;
  CHECK(next_link(Fields{"</v2/a/tags/list?n=2&last=b>; rel=\"next\""}) ==
        "/v2/a/tags/list?n=2&last=b");
  CHECK(next_link(Fields{"</p>; rel=\"prev\" , </n>; rel=\"next\""}) == "/n");
  CHECK(next_link(Fields{"</p>; rel=prev", "</n>; title=\"a, b\"; REL=NEXT"}) == "/n");
  CHECK(next_link(Fields{"</n>; rel=\"last next\""}) == "/n");
  for (const char* none : {"", "</p>; rel=prev", "/n; rel=next", "</n>", "<", "</n>; rel"}) {
    CHECK_FALSE(next_link(Fields{none}));
  }
}

TEST_CASE("pages stay with their registry") {
  const auto turn = [](const std::string& link) {
    registry::Pages pages("https://reg.example/v2/a/tags/list", "list");
    http::Response response;
    response.headers.add("Link", link);
    const auto done = pages.turn(response);
    return std::pair(done.has_value(), pages.current().value_or("-"));
  };
  CHECK(turn("</v2/a/tags/list?last=x>; rel=next") ==
        std::pair(true, std::string("https://reg.example/v2/a/tags/list?last=x")));
  CHECK(turn("<http://reg.example/v2/a/tags/list?last=x>; rel=next") ==
        std::pair(true, std::string("https://reg.example/v2/a/tags/list?last=x")));
  CHECK_FALSE(turn("<https://other.example/v2/>; rel=next").first);
  CHECK_FALSE(turn("</v2/a/tags/list>; rel=next").first);
  CHECK(turn("").second == "-");
}

#include "base/file.h"
#include "catch.h"
#include "registry/certificates.h"

using namespace imgforge;
using registry::read_certificates;
using registry::trust_key;

namespace {

struct Roots {
  Roots() : folder(REQUIRE_OK(base::TempDir::create("/tmp", "certs"))) {}
  void put(const std::string& file, const std::string& text = "x") {
    REQUIRE_OK(base::make_directories(base::parent_path(folder / file)));
    REQUIRE_OK(base::write_file_atomic(folder / file, text));
  }
  Result<http::Trust> read(const std::string& host) {
    return read_certificates({folder / "user", folder / "system"}, host);
  }
  base::TempDir folder;
};

}  // namespace

TEST_CASE("authorities are collected, a pair is who we are, other files are nobody's business") {
  Roots roots;
  roots.put("system/reg.example:5000/a.crt", "AAA");
  roots.put("system/reg.example:5000/b.crt", "BBB");
  roots.put("system/reg.example:5000/client.cert");
  roots.put("system/reg.example:5000/client.key");
  roots.put("system/reg.example:5000/README");
  const http::Trust trust = REQUIRE_OK(roots.read("reg.example:5000"));
  CHECK(trust.authorities == "AAA\nBBB\n");
  CHECK(trust.certificate_file == roots.folder / "system/reg.example:5000/client.cert");
  CHECK(trust.key_file == roots.folder / "system/reg.example:5000/client.key");
  CHECK(trust.verify);
  for (const char* other : {"reg.example", "reg.example:5001", "example", "..", "../system"}) {
    CHECK(REQUIRE_OK(roots.read(other)).authorities.empty());
  }
  // The first folder alone, as the containers tools have it.
  roots.put("user/reg.example:5000/own.crt", "CCC");
  CHECK(REQUIRE_OK(roots.read("reg.example:5000")).authorities == "CCC\n");
}

TEST_CASE("halves of a pair, and two pairs, are errors that name the file") {
  const auto error = [](std::initializer_list<const char*> files) {
    Roots roots;
    for (const char* file : files) roots.put(std::string("user/r/") + file);
    const auto trust = roots.read("r");
    REQUIRE_FALSE(trust);
    CHECK(trust.error().code() == Errc::invalid);
    return trust.error().summary();
  };
  CHECK(error({"c.cert"}).find("c.key is missing") != std::string::npos);
  CHECK(error({"c.key"}).find("c.cert is missing") != std::string::npos);
  CHECK(error({"c.cert", "c.key", "d.cert", "d.key"}).find("more than one") != std::string::npos);
}

TEST_CASE("the roots, and the key of a host") {
  using Files = std::vector<std::string>;
  CHECK(registry::certificate_roots({{"HOME", "/h"}}) ==
        Files{"/h/.config/containers/certs.d", "/etc/containers/certs.d",
              "/usr/share/containers/certs.d", "/etc/docker/certs.d"});
  CHECK(registry::certificate_roots({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/c"}}).front() ==
        "/c/containers/certs.d");
  CHECK(trust_key("Reg.example") == "reg.example:443");
  CHECK(trust_key("reg.example:5000") == "reg.example:5000");
  CHECK(trust_key("[::1]") == "[::1]:443");
  CHECK(trust_key("[::1]:5000") == "[::1]:5000");
}

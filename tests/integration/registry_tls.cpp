// A registry behind TLS with an authority of its own: certificates by the folders of docker and the
// containers tools, and what is refused without them.
#include "catch.h"
#include "content/copy.h"
#include "error_text.h"
#include "integration/registry_fixture.h"
#include "registry/certificates.h"
#include "registry/repository.h"
#include "store/ends.h"

using namespace imgforge;
using namespace std::chrono_literals;
using registry::Client;
using registry::Repository;
using test::Notes;
using test::RegistryServer;
using test::Seen;
using test::server;

namespace {

struct Secure {
  Secure(const RegistryServer& server, http::Trust trust)
      : pool(settings(server.host(), std::move(trust))),
        client({.host = server.host(), .retry = {.attempts = 2, .base = 1ms}}, pool, notes) {}
  static http::Settings settings(const std::string& host, http::Trust trust) {
    http::Settings settings{.stall_timeout = 5s};
    settings.trust.emplace(registry::trust_key(host), std::move(trust));
    return settings;
  }
  Notes notes;
  http::Pool pool;
  Client client;
};

// certs.d with a folder for the server.
struct Folder {
  explicit Folder(const RegistryServer& server)
      : host(server.host()),
        from(server.scratch()),
        root(REQUIRE_OK(base::TempDir::create("/tmp", "certs"))) {}
  void put(const std::string& file, const std::string& as) {
    REQUIRE_OK(base::make_directories(root / host));
    REQUIRE_OK(base::link_or_copy(from + "/" + file, root / (host + "/" + as)));
  }
  http::Trust read() { return REQUIRE_OK(registry::read_certificates({root.path()}, host)); }
  std::string host, from;
  base::TempDir root;
};

}  // namespace

TEST_CASE("with its authority in certs.d an image goes there and comes back") {
  REQUIRE_SERVER(registry, "tls");
  Folder folder(registry);
  folder.put("ca.crt", "ca.crt");
  Secure secure(registry, folder.read());
  CHECK_FALSE(REQUIRE_OK(secure.client.ping()));
  store::LayoutOrigin layout(registry.scratch() + "/layout");
  Repository target(secure.client, "push/tls");
  const auto pushed =
      REQUIRE_OK(content::copy(layout, "single", target, {.tags = {"1"}}, secure.notes, {}));
  CHECK(pushed.moved.sent.blobs == 3);
  auto scratch = REQUIRE_OK(base::TempDir::create("/tmp", "tls"));
  store::Store store = REQUIRE_OK(store::Store::open(scratch / "store"));
  store::StoreEnd shelf(store);
  REQUIRE_OK(content::copy(target, "1", shelf, {.tags = {"1"}}, secure.notes, {}));
  CHECK(REQUIRE_OK(store.verify(false, secure.notes, {})).empty());
  for (const Seen& seen : registry.log()) CHECK(seen.certificate.find("CN") == std::string::npos);
}

TEST_CASE("a client certificate is shown to its registry") {
  REQUIRE_SERVER(registry, "tls");
  Folder folder(registry);
  folder.put("ca.crt", "ca.crt");
  folder.put("client.cert", "client.cert");
  folder.put("client.key", "client.key");
  Secure secure(registry, folder.read());
  REQUIRE_OK(secure.client.ping());
  const auto log = registry.log();
  REQUIRE_FALSE(log.empty());
  for (const Seen& seen : log) CHECK(seen.certificate.find("test client") != std::string::npos);
}

TEST_CASE("an unknown authority is refused with a sentence, unless all are taken") {
  REQUIRE_SERVER(registry, "tls");
  Secure strict(registry, {});
  const auto refused = strict.client.ping();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::mismatch);
  CHECK(refused.error().hint().find("certs.d") != std::string::npos);
  CHECK(strict.notes.notes == 0);  // it will not be another one a second later
  CHECK(registry.log().empty());

  Secure careless(registry, {.verify = false});
  REQUIRE_OK(careless.client.ping());

  // Carelessness about one endpoint is none about another.
  http::Settings settings{.stall_timeout = 5s};
  settings.trust["elsewhere.example:443"].verify = false;
  http::Pool pool(settings);
  Notes notes;
  Client other({.host = registry.host(), .retry = {.attempts = 1}}, pool, notes);
  CHECK(other.ping().error().code() == Errc::mismatch);
}

TEST_CASE("a certificate that is none is named") {
  REQUIRE_SERVER(registry, "tls");
  Folder folder(registry);
  folder.put("ca.crt", "ca.crt");
  http::Trust trust = folder.read();
  trust.certificate_file = registry.scratch() + "/absent.cert";
  trust.key_file = registry.scratch() + "/absent.key";
  Secure secure(registry, trust);
  const auto refused = secure.client.ping();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::io);
}

TEST_CASE("plain HTTP is not tried where TLS was meant, nor the other way round") {
  REQUIRE_SERVER(registry, "tls");
  Notes notes;
  http::Pool pool({.stall_timeout = 2s});
  Client plain({.host = registry.host(), .plain_http = true, .retry = {.attempts = 1}}, pool,
               notes);
  CHECK_FALSE(plain.ping());
}

#include "catch.h"
#include "registry/client.h"

using imgforge::registry::is_loopback;

TEST_CASE("only this machine is spoken to without TLS unasked") {
  for (const char* here : {"localhost", "localhost:5000", "LOCALHOST:80", "registry.localhost:1",
                           "127.0.0.1", "127.0.0.1:5000", "127.8.9.255", "[::1]", "[::1]:5000"}) {
    CHECK(is_loopback(here));
  }
  for (const char* elsewhere :
       {"", "localhost.example", "127.0.0.1.example", "127.0.0", "127.0.0.256", "128.0.0.1",
        "mylocalhost", "[::2]:5000", "registry.example:127", "127.x.0.1"}) {
    CHECK_FALSE(is_loopback(elsewhere));
  }
}

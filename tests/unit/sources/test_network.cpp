// Against what this machine's own configuration names: the Debian archive and the default index.
#include <chrono>

#include "http/client.h"
#include "sources/uv.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;

namespace {

AddressSettings machine_settings() {
  AddressSettings settings = test::bare_settings();
  settings.apt_directory = "/etc/apt";
  settings.system_pip_config = "/etc/pip.conf";
  for (const char* name : {"HOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE", "CURL_CA_BUNDLE"}) {
    if (const char* value = std::getenv(name)) settings.environment[name] = value;
  }
  return settings;
}

// Empty when the URL answers, else why not.
std::string unreachable(const Result<std::string>& url) {
  if (!url) return url.error().summary();
  http::Settings settings = http::settings_from(machine_settings().environment);
  settings.connect_timeout = std::chrono::seconds(5);
  auto client = http::Client::create(settings);
  if (!client) return client.error().summary();
  const auto answer = client->send({.method = "HEAD", .url = *url});
  if (!answer) return answer.error().summary();
  return answer->ok() ? std::string() : "HTTP status " + std::to_string(answer->status);
}

}  // namespace

TEST_CASE("the Debian archive of this machine", "[network]") {
  const Addresses addresses = REQUIRE_OK(Addresses::load(machine_settings()));
  const auto address = addresses.archive("debian");
  if (!address) SKIP_TEST(address.error().summary());
  if (const std::string why = unreachable(address->urls.at(0) + "/dists/bookworm/InRelease");
      !why.empty()) {
    SKIP_TEST("the Debian archive is not reachable: " + why);
  }
  test::Workplace place(machine_settings());
  AptRequest request;
  request.sources = {{.archive = "debian", .suites = {"bookworm"}, .components = {"main"}}};
  request.packages = {"ca-certificates"};
  const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(request, {}));
  CHECK(resolution.debs.size() > 80);
  REQUIRE(resolution.releases.size() == 1);
  CHECK_FALSE(resolution.releases[0].keys.empty());
  std::vector<Input> small;
  for (const LockedDeb& deb : resolution.debs) {
    if (deb.name == "ca-certificates" || deb.name == "libc-bin") small.push_back(deb.input);
  }
  REQUIRE(small.size() == 2);
  REQUIRE_OK(place.sources.fetch(small, 2, {}));
}

TEST_CASE("the default Python index of this machine", "[network]") {
  const Addresses addresses = REQUIRE_OK(Addresses::load(machine_settings()));
  const auto index = addresses.index("default");
  if (const std::string why = unreachable(index ? Result<std::string>(*index + "/mpmath/")
                                                : Result<std::string>(index));
      !why.empty()) {
    SKIP_TEST("the default Python index is not reachable: " + why);
  }
  if (const auto uv = find_uv(machine_settings().tools_directory); !uv) {
    SKIP_TEST(uv.error().summary());
  }
  test::Workplace place(machine_settings());
  PythonRequest request{.requirements = {"markupsafe", "mpmath==1.3.0"},
                        .target = {"3.11", "2.36", "amd64"}};
  const PythonResolution resolution = REQUIRE_OK(place.sources.resolve_python(request, {}));
  REQUIRE(resolution.wheels.size() == 2);
  const Input& mpmath = resolution.wheels[1].input;
  CHECK(mpmath.name == "mpmath-1.3.0-py3-none-any.whl");
  CHECK(mpmath.size == 536'198);
  CHECK(mpmath.digest.hex() == "a0b2b9fe80bbcd81a6647ff13108738cfb482d481d826cc0e02f5b35e5c88d2c");
  const auto remote = REQUIRE_OK(place.sources.open(mpmath, {}));
  std::byte start[2];
  REQUIRE_OK(remote->read_at(0, start));
  CHECK(base::as_text(start) == "PK");
  CHECK_FALSE(place.store.has_input(mpmath.digest));
  REQUIRE_OK(place.sources.fetch(std::vector{mpmath}, 1, {}));
}

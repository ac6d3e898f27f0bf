#include <unistd.h>

#include "base/sha256.h"
#include "base/text.h"
#include "sources/apt_errors.h"
#include "sources/apt_lists.h"
#include "sources/apt_resolve.h"
#include "sources/apt_root.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;
using test::contains;

namespace {

// One archive for all tests of this file: making keys takes a while.
struct Archive {
  base::TempDir folder = test::temporary();
  std::string failed = test::make("make_archive.py", {folder.path()});

  static const Archive& get() {
    static const Archive archive;
    return archive;
  }
  std::string url() const { return "file:" + (folder / "debian"); }
  std::string fingerprint() const { return *base::read_file(folder / "fingerprint"); }
  AddressSettings settings() const {
    AddressSettings settings = test::bare_settings();
    settings.archives["debian"] = {.urls = {url()}, .keyring = folder / "key.gpg"};
    return settings;
  }
};

#define REQUIRE_ARCHIVE(archive)           \
  const Archive& archive = Archive::get(); \
  if (!archive.failed.empty()) SKIP_TEST("no local archive: " + archive.failed)

AptRequest request(std::vector<std::string> packages, const std::string& suite = "stable") {
  AptRequest request;
  request.sources = {{.archive = "debian", .suites = {suite}, .components = {"main"}}};
  request.packages = std::move(packages);
  request.with_essential = false;
  return request;
}

std::string names(const AptResolution& resolution) {
  std::string out;
  for (const LockedDeb& deb : resolution.debs) {
    out += (out.empty() ? "" : " ") + deb.name + "=" + deb.version;
  }
  return out;
}

std::vector<Input> inputs(const AptResolution& resolution) {
  std::vector<Input> out;
  for (const LockedDeb& deb : resolution.debs) out.push_back(deb.input);
  return out;
}

}  // namespace

TEST_CASE("a signed archive is resolved and fetched") {
  REQUIRE_ARCHIVE(archive);
  test::Workplace place(archive.settings());
  AptRequest bootstrap = request({"needs-hello"});
  bootstrap.with_essential = true;
  const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(bootstrap, {}));
  CHECK(names(resolution) == "apt=9.9 hello=2.0 needs-hello=1.0 tiny-base=1:1.0+x~1");
  CHECK_FALSE(resolution.apt_version.empty());
  REQUIRE(resolution.releases.size() == 1);
  const LockedRelease& release = resolution.releases[0];
  CHECK(release.archive == "debian");
  CHECK(release.suite == "stable");
  CHECK(release.inrelease_sha256 == base::sha256_hex(REQUIRE_OK(base::read_file(
                                        archive.folder / "debian/dists/stable/InRelease"))));
  CHECK(contains(release.date, "20"));
  CHECK(release.keys == std::vector<std::string>{archive.fingerprint()});
  const LockedDeb& base = resolution.debs[3];
  CHECK(base.input.origin.kind == Origin::Kind::archive);
  CHECK(base.input.origin.role == "debian");
  CHECK(base.input.origin.path == "pool/main/t/tiny-base/tiny-base_1.0+x~1_amd64.deb");
  CHECK(base.input.name == "tiny-base_1.0+x~1_amd64.deb");
  CHECK(base.architecture == "amd64");
  const std::string packages = REQUIRE_OK(
      base::read_file(archive.folder / "debian/dists/stable/main/binary-amd64/Packages"));
  for (const LockedDeb& deb : resolution.debs) {
    CHECK(contains(packages, deb.stanza));
    CHECK(deb.stanza.starts_with("Package: " + deb.name + "\n"));
    CHECK(deb.stanza.ends_with("\n"));
    CHECK_FALSE(deb.stanza.ends_with("\n\n"));
  }
  REQUIRE_OK(place.sources.fetch(inputs(resolution), 3, {}));
  for (const LockedDeb& deb : resolution.debs) CHECK(place.store.has_input(deb.input.digest));
}

TEST_CASE("the same over http, with characters that must be encoded") {
  REQUIRE_ARCHIVE(archive);
  test::FaultServer server({"--root", archive.folder.path()});
  AddressSettings settings = archive.settings();
  settings.archives["debian"].urls = {server.url("debian")};
  test::Workplace place(settings);
  const AptResolution resolution =
      REQUIRE_OK(place.sources.resolve_apt(request({"tiny-base", "hello=1.0"}), {}));
  CHECK(names(resolution) == "hello=1.0 tiny-base=1:1.0+x~1");
  REQUIRE_OK(place.sources.fetch(inputs(resolution), 2, {}));
  for (const LockedDeb& deb : resolution.debs) CHECK(place.store.has_input(deb.input.digest));
}

TEST_CASE("unsigned and wrongly signed archives are refused") {
  REQUIRE_ARCHIVE(archive);
  test::Workplace place(archive.settings());
  for (const char* suite : {"unsigned", "other"}) {
    CAPTURE(suite);
    const auto resolution = place.sources.resolve_apt(request({"hello"}, suite), {});
    REQUIRE_FALSE(resolution);
    CHECK(resolution.error().code() == Errc::mismatch);
    CHECK(contains(resolution.error().hint(), "keyring"));
  }
  AptRequest wrong_key = request({"hello"});
  wrong_key.sources[0].keyring = archive.folder / "other.gpg";
  CHECK(place.sources.resolve_apt(wrong_key, {}).error().code() == Errc::mismatch);
  // And the key of the request wins over that of the address.
  AptRequest right_key = request({"hello"}, "other");
  right_key.sources[0].keyring = archive.folder / "other.gpg";
  CHECK(names(REQUIRE_OK(place.sources.resolve_apt(right_key, {}))) == "hello=2.0");
  AptRequest no_file = request({"hello"});
  no_file.sources[0].keyring = archive.folder / "absent.gpg";
  const auto absent = place.sources.resolve_apt(no_file, {});
  CHECK(absent.error().code() == Errc::not_found);
  CHECK(contains(absent.error().message(), "absent.gpg"));
}

TEST_CASE("armored keys, as a file and as text in the address") {
  REQUIRE_ARCHIVE(archive);
  AddressSettings settings = archive.settings();
  const std::string armored = REQUIRE_OK(base::read_file(archive.folder / "key.asc"));
  CHECK(dearmored(armored) == REQUIRE_OK(base::read_file(archive.folder / "key.gpg")));
  CHECK_FALSE(dearmored("nothing"));
  for (const std::string& keyring : {archive.folder / "key.asc", armored}) {
    settings.archives["debian"].keyring = keyring;
    test::Workplace place(settings);
    const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(request({"hello"}), {}));
    CHECK(resolution.releases[0].keys == std::vector<std::string>{archive.fingerprint()});
  }
}

TEST_CASE("without a key of its own an archive is checked with the machine's trusted keys") {
  REQUIRE_ARCHIVE(archive);
  const auto machine = test::temporary();
  AddressSettings settings = archive.settings();
  settings.archives["debian"].keyring.clear();
  settings.archives["plain"] = {.urls = {archive.url()}};
  settings.apt_directory = machine.path();
  test::Workplace place(settings);
  AptRequest plain = request({"hello"});
  plain.sources[0].archive = "plain";
  CHECK(place.sources.resolve_apt(plain, {}).error().code() == Errc::mismatch);
  REQUIRE_OK(base::make_directories(machine / "trusted.gpg.d"));
  REQUIRE_OK(base::link_or_copy(archive.folder / "key.gpg", machine / "trusted.gpg.d/key.gpg"));
  CHECK(REQUIRE_OK(place.sources.resolve_apt(plain, {})).releases[0].keys.size() == 1);
}

TEST_CASE("what apt cannot find or fit together") {
  REQUIRE_ARCHIVE(archive);
  test::Workplace place(archive.settings());
  const auto error = [&](std::vector<std::string> packages) {
    const auto resolution = place.sources.resolve_apt(request(std::move(packages)), {});
    REQUIRE_FALSE(resolution);
    return resolution.error();
  };
  const Error unknown = error({"no-such-thing"});
  CHECK(unknown.code() == Errc::not_found);
  CHECK(contains(unknown.message(), "Unable to locate package no-such-thing"));
  CHECK(error({"hello=3.0"}).code() == Errc::not_found);
  CHECK(error({"broken"}).code() == Errc::invalid);
  for (const char* bad : {"hello-", "?essential", "hello/stable", "--purge", "", "a b", "Hello"}) {
    CAPTURE(bad);
    CHECK(error({bad}).code() == Errc::invalid);
  }
  AptRequest no_suite = request({"hello"}, "absent");
  CHECK(place.sources.resolve_apt(no_suite, {}).error().code() == Errc::not_found);
  AptRequest no_component = request({"hello"});
  no_component.sources[0].components = {"main", "absent"};
  CHECK(place.sources.resolve_apt(no_component, {}).error().code() == Errc::not_found);
  AptRequest no_role = request({"hello"});
  no_role.sources[0].archive = "moon";
  CHECK(contains(place.sources.resolve_apt(no_role, {}).error().hint(), "archives:"));
}

TEST_CASE("an older lock's versions are kept while they are offered") {
  REQUIRE_ARCHIVE(archive);
  test::Workplace place(archive.settings());
  AptRequest pinned = request({"needs-hello"});
  pinned.pins = {"hello=1.0", "needs-hello=0.1", "gone=5"};
  CHECK(names(REQUIRE_OK(place.sources.resolve_apt(pinned, {}))) == "hello=1.0 needs-hello=1.0");
  pinned.packages.push_back("hello=2.0");
  CHECK(names(REQUIRE_OK(place.sources.resolve_apt(pinned, {}))) == "hello=2.0 needs-hello=1.0");
}

TEST_CASE("what is installed below is not asked for again") {
  REQUIRE_ARCHIVE(archive);
  test::Workplace place(archive.settings());
  AptRequest on_top = request({"needs-hello"});
  on_top.installed_status =
      "Package: hello\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\n"
      "Maintainer: x <x@archive.example>\nDescription: x\n\n";
  CHECK(names(REQUIRE_OK(place.sources.resolve_apt(on_top, {}))) == "needs-hello=1.0");
}

TEST_CASE("an archive that does not answer, and one that has another address") {
  REQUIRE_ARCHIVE(archive);
  std::string dead;
  {
    test::FaultServer server;
    dead = server.url("debian");
  }
  AddressSettings settings = archive.settings();
  settings.archives["debian"].urls = {dead};
  {
    test::Workplace place(settings);
    const auto resolution = place.sources.resolve_apt(request({"hello"}), {});
    REQUIRE_FALSE(resolution);
    CHECK(resolution.error().code() == Errc::unavailable);
  }
  settings.archives["debian"].urls = {dead, archive.url()};
  test::Workplace place(settings);
  const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(request({"hello"}), {}));
  CHECK(names(resolution) == "hello=2.0");
}

TEST_CASE("a vanished package names itself and the remedy; a snapshot helps") {
  REQUIRE_ARCHIVE(archive);
  AddressSettings settings = archive.settings();
  test::Workplace place(settings);
  const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(request({"hello"}), {}));
  const auto moved = test::temporary();
  const std::string path = resolution.debs[0].input.origin.path;
  REQUIRE_OK(base::make_directories(moved / "old" + "/" + base::parent_path(path)));
  REQUIRE_OK(base::link_or_copy(archive.folder / "debian/" + path, moved / "old/" + path));

  settings.archives["debian"].urls = {"file:" + (moved / "new")};
  {
    test::Workplace without(settings);
    const auto fetched = without.sources.fetch(inputs(resolution), 1, {});
    REQUIRE_FALSE(fetched);
    CHECK(fetched.error().code() == Errc::not_found);
    CHECK(contains(fetched.error().message(), "hello_2.0_amd64.deb has vanished"));
    CHECK(contains(fetched.error().hint(), "imgforge lock"));
    CHECK(contains(fetched.error().hint(), "snapshot"));
    CHECK(contains(fetched.error().hint(), "vendor"));
  }
  settings.archives["debian"].snapshot = "file:" + (moved / "old");
  test::Workplace with(settings);
  REQUIRE_OK(with.sources.fetch(inputs(resolution), 1, {}));
  CHECK(with.store.has_input(resolution.debs[0].input.digest));
}

TEST_CASE("a snapshot by timestamp") {
  REQUIRE_ARCHIVE(archive);
  const auto history = test::temporary();
  REQUIRE(::symlink((archive.folder / "debian").c_str(), (history / "20250520T000000Z").c_str()) ==
          0);
  AddressSettings settings = archive.settings();
  settings.archives["debian"].urls = {"http://127.0.0.1:1/debian"};
  AptRequest past = request({"hello"});
  past.sources[0].snapshot = "20250520T000000Z";
  {
    test::Workplace place(settings);
    const auto resolution = place.sources.resolve_apt(past, {});
    CHECK(resolution.error().code() == Errc::not_found);
    CHECK(contains(resolution.error().hint(), "snapshot:"));
  }
  settings.archives["debian"].snapshot = "file:" + (history / "{timestamp}");
  test::Workplace place(settings);
  const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(past, {}));
  REQUIRE(resolution.debs.size() == 1);
  CHECK(resolution.debs[0].input.origin.snapshot == "20250520T000000Z");
  REQUIRE_OK(place.sources.fetch(inputs(resolution), 1, {}));
  CHECK(snapshot_url("https://s.example/debian", "T") == "https://s.example/debian/T");
}

TEST_CASE("a package with other bytes is refused with both digests") {
  REQUIRE_ARCHIVE(archive);
  AddressSettings settings = archive.settings();
  test::Workplace place(settings);
  const AptResolution resolution = REQUIRE_OK(place.sources.resolve_apt(request({"hello"}), {}));
  const LockedDeb& deb = resolution.debs[0];
  const auto evil = test::temporary();
  REQUIRE_OK(base::make_directories(evil / base::parent_path(deb.input.origin.path)));
  std::string bytes =
      REQUIRE_OK(base::read_file(archive.folder / "debian/" + deb.input.origin.path));
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  REQUIRE_OK(base::write_file_atomic(evil / deb.input.origin.path, bytes));
  settings.archives["debian"].urls = {"file:" + evil.path()};
  test::Workplace tampered(settings);
  const auto fetched = tampered.sources.fetch(inputs(resolution), 1, {});
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().code() == Errc::mismatch);
  CHECK(contains(fetched.error().summary(), deb.input.digest.hex()));
  CHECK(contains(fetched.error().summary(), base::sha256_hex(bytes)));
  CHECK_FALSE(tampered.store.has_input(deb.input.digest));
}

TEST_CASE("apt's files, and names that would change their meaning") {
  AptRootOptions options;
  options.directory = "/x";
  options.architecture = "amd64";
  options.machine_apt = "/etc/apt";
  options.environment = {{"https_proxy", "http://p.example:1"}, {"SSL_CERT_FILE", "/ca.pem"}};
  const std::string text = apt_configuration(options);
  CHECK(contains(text, "Dir \"/x/\";\n"));
  CHECK(contains(text, "Acquire::AllowInsecureRepositories \"false\";\n"));
  CHECK(contains(text, "Acquire::https::Proxy \"http://p.example:1\";\n"));
  CHECK(contains(text, "Acquire::https::CAInfo \"/ca.pem\";\n"));
  CHECK_FALSE(contains(text, "Acquire::http::Proxy"));
  CHECK(apt_source_list(
            {{.role = "r", .url = "http://a.example/r", .suites = {"/"}, .signed_by = "/k"}}) ==
        "Types: deb\nURIs: http://a.example/r\nSuites: /\nSigned-By: /k\n\n");
  CHECK(apt_preferences({"a=1:2", "nonsense"}) ==
        "Package: a\nPin: version 1:2\nPin-Priority: 1001\n\n");
  const auto folder = test::temporary();
  options.directory = folder.path();
  options.sources = {{.role = "r", .url = "http://a.example/r", .suites = {"x\nTrusted: yes"}}};
  CHECK(AptRoot::create(options).error().code() == Errc::invalid);
  options.sources[0].suites = {"x"};
  options.sources[0].url = "http://a.example/ r";
  CHECK(AptRoot::create(options).error().code() == Errc::invalid);
}

TEST_CASE("apt's lines") {
  const PrintedUri uri = REQUIRE_OK(parse_printed_uri(
      "'http://a.example/p/x_1%2b2.deb' x_1+2_amd64.deb 123 SHA256:" + std::string(64, 'c')));
  CHECK(uri.uri == "http://a.example/p/x_1%2b2.deb");
  CHECK(uri.size == 123);
  for (const char* bad : {"", "'x", "'x' y", "'x' y 1 MD5Sum:00", "'x' y z SHA256:00", "x y 1"}) {
    CHECK_FALSE(parse_printed_uri(bad));
  }
  CHECK(apt_error("x", "E: The repository 'http://a stable InRelease' is not signed.").code() ==
        Errc::mismatch);
  CHECK(apt_error("x", "W: Failed to fetch http://a  Could not resolve 'a'").code() ==
        Errc::unavailable);
  CHECK(apt_error("x", "E: something else").code() == Errc::io);
  CHECK(contains(apt_error("doing it", "junk\nE: one\nW: two\nE: three").message(),
                 "doing it failed\n    one\n    three"));
}

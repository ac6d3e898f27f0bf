// What the lock of Debian packages promises, and how it is compared with what dpkg says. Real
// installations are in test_debian.cpp.
#include "base/text.h"
#include "kind_fixture.h"
#include "layer/apt.h"
#include "layer/bootstrap.h"
#include "layer/deb_lock.h"
#include "layer/dpkg_status.h"
#include "layer/offline_repository.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

sources::LockedDeb deb(const std::string& name, const std::string& version,
                       const std::string& more = "", const std::string& architecture = "amd64") {
  const std::string content = name + version;
  return {name,
          version,
          architecture,
          {name + ".deb",
           oci::Digest::of(content),
           content.size(),
           {.kind = sources::Origin::Kind::archive, .role = "debian", .path = "pool/" + name}},
          "Package: " + name + "\nVersion: " + version + "\nArchitecture: " + architecture +
              "\nInstalled-Size: 10\n" + more + "Filename: pool/x.deb\nSize: 5\nSHA256: 00\n"};
}

DebPart example_part() {
  DebPart part;
  part.apt_version = "2.6.1";
  part.releases = {{"debian", "bookworm", "aa", "Sat, 17 May 2025 09:42:12 UTC", {"4D64FEC1"}}};
  part.debs = {deb("base-files", "12.4+deb12u11"), deb("libc6", "2.36-9+deb12u10"),
               deb("python3", "3.11.2-1+b1"), deb("python3.11-minimal", "3.11.2-6+deb12u5")};
  part.os = OsIdentity{"debian", "12", "12.11"};
  return part;
}

}  // namespace

TEST_CASE("a locked part of packages survives its format") {
  const DebPart part = example_part();
  const std::string text = format_deb_part(part, "bootstrap");
  const DebPart read = REQUIRE_OK(parse_deb_part(text));
  CHECK(format_deb_part(read, "bootstrap") == text);
  CHECK(read.os == part.os);
  CHECK(read.debs[1].stanza == part.debs[1].stanza);
  CHECK(read.releases[0].keys == part.releases[0].keys);
  CHECK_FALSE(parse_deb_part(R"({"kind":"apt","apt":"1","debs":[],"releases":[],"more":1})"));
  CHECK_FALSE(parse_deb_part("[]"));
}

TEST_CASE("facts come from the locked packages") {
  Facts facts;
  REQUIRE_OK(contribute_debs(example_part(), "os", facts));
  CHECK(facts.os_id == "debian");
  CHECK(facts.os_version == "12");
  CHECK(facts.glibc == "2.36");
  REQUIRE(facts.python);
  CHECK(facts.python->version == "3.11.2");
  CHECK(facts.python->executable == "/usr/bin/python3.11");
  CHECK(facts.find("debian")->version == "12.11");
  CHECK(facts.find("debian")->source == "os");
  CHECK(facts.find("glibc")->version == "2.36");
  CHECK(facts.dpkg_status.find("Status: install ok installed") != std::string::npos);
}

TEST_CASE("dpkg's status as it will be") {
  const std::string status = installed_status(
      "", {deb("b", "1", "Description: x\n more\nDescription-md5: 1\n"), deb("a", "2")});
  CHECK(status ==
        "Package: a\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n"
        "Installed-Size: 10\n\n"
        "Package: b\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n"
        "Installed-Size: 10\nDescription: x\n more\n\n");
  // An upgrade takes the old one's place; another architecture does not.
  const std::string later = installed_status(status, {deb("a", "3"), deb("b", "1", "", "i386")});
  CHECK(later.find("Version: 2") == std::string::npos);
  CHECK(REQUIRE_OK(installed_packages(later)) == std::vector<InstalledPackage>{{"a", "amd64", "3"},
                                                                               {"b", "amd64", "1"},
                                                                               {"b", "i386", "1"}});
  CHECK(unpacked_bytes({deb("a", "1"), deb("b", "1")}) == 20 * 1024);
}

TEST_CASE("a difference between lock and dpkg is named") {
  const std::string promised = installed_status("", {deb("a", "1"), deb("b", "1")});
  REQUIRE_OK(check_installed(promised, promised));
  const auto lost = check_installed(promised, installed_status("", {deb("a", "1")}));
  CHECK(complaint(lost).find("missing: b 1 (amd64)") != std::string::npos);
  CHECK(lost.error().code() == Errc::mismatch);
  const auto other = check_installed(
      promised, installed_status("", {deb("a", "2"), deb("b", "1"), deb("c", "1")}));
  CHECK(complaint(other).find("missing: a 1 (amd64); not in the lock: a 2 (amd64), c 1 (amd64)") !=
        std::string::npos);
  // Removed packages may keep their configuration; half-installed ones are a failure.
  const auto stanza = [](const std::string& state) {
    return "Package: z\nStatus: " + state + "\nVersion: 1\nArchitecture: all\n\n";
  };
  REQUIRE_OK(check_installed(promised, promised + stanza("deinstall ok config-files")));
  CHECK_FALSE(check_installed(promised, promised + stanza("install ok half-configured")));
  CHECK_FALSE(check_installed(promised, ""));
}

TEST_CASE("the offline repository keeps the archive's words") {
  KindFixture kind(decode_apt);
  const auto one = deb("a", "1", "Priority: required\nEssential: yes\n");
  auto ingest = REQUIRE_OK(kind.store().new_input());
  REQUIRE_OK(ingest.write(base::as_bytes("a1")));
  CHECK(REQUIRE_OK(ingest.commit()) == one.input.digest);
  const std::string folder = kind.path("repository");
  REQUIRE_OK(write_offline_repository(folder, {one}, kind.store()));
  CHECK(REQUIRE_OK(base::read_file(folder + "/Packages")) ==
        "Package: a\nVersion: 1\nArchitecture: amd64\nInstalled-Size: 10\nPriority: required\n"
        "Essential: yes\nFilename: ./pool/" +
            one.input.digest.hex() + ".deb\nSize: 5\nSHA256: 00\n\n");
  CHECK(REQUIRE_OK(base::read_file(folder + "/pool/" + one.input.digest.hex() + ".deb")) == "a1");
  CHECK(offline_source_line("/a b/ü[1]") == "deb [trusted=yes] copy:/a%20b/%C3%BC%5B1%5D ./");
}

TEST_CASE("keys depend on packages and stanzas, not on the release's date") {
  KindFixture kind(decode_bootstrap);
  const std::string yaml =
      "{kind: bootstrap, suite: bookworm, sources: [{archive: debian, components: [main]}], "
      "packages: [python3]}";
  const auto key = [&](const DebPart& part, const std::string& text) {
    return REQUIRE_OK(kind.recipes(text, format_deb_part(part, "bootstrap")))[0]->key_material();
  };
  DebPart part = example_part();
  const std::string first = key(part, yaml);
  part.releases[0].date = "Sun, 18 May 2025 09:42:12 UTC";
  part.releases[0].inrelease_sha256 = "bb";
  CHECK(key(part, yaml) == first);
  part.debs[0].stanza += "Priority: optional\n";
  CHECK(key(part, yaml) != first);
  CHECK(key(example_part(), base::replace_all(yaml, "python3", "perl")) != first);
  CHECK(key(example_part(), base::replace_all(yaml, "packages", "merged_usr: true, packages")) !=
        first);
}

TEST_CASE("pins keep what may not change") {
  KindFixture kind(decode_apt);
  CHECK(REQUIRE_OK(pins_of(kind.resolve_context())).empty());
  kind.previous_part = format_deb_part(example_part(), "apt");
  CHECK(REQUIRE_OK(pins_of(kind.resolve_context())).empty());
  kind.update = {"libc6", "python3", "python3.11-minimal"};
  CHECK(REQUIRE_OK(pins_of(kind.resolve_context())) ==
        std::vector<std::string>{"base-files=12.4+deb12u11"});
}

TEST_CASE("mistakes in layers of packages are found where they stand") {
  KindFixture kind(decode_apt);
  const auto says = [&](const std::string& yaml) { return complaint(kind.decode(yaml)); };
  const std::string source = "sources: [{archive: debian, suites: [bookworm], components: [main]}]";
  CHECK(says("{kind: apt, " + source + ", packages: [\"g++\", \"a=1:2~3\", \"libc6:i386\"]}") ==
        "no error");
  for (const char* name : {"-y", "a-", "'?essential'", "a b", "'*'", "a/../b", "\"\""}) {
    CAPTURE(name);
    CHECK(says("{kind: apt, " + source + ", packages: [" + name + "]}")
              .find("not the name of a package") != std::string::npos);
  }
  CHECK(says("{kind: apt, packages: [a]}").find("source") != std::string::npos);
  CHECK(says("{kind: apt, " + source + ", packages: []}").find("no package") != std::string::npos);
  CHECK(says("{kind: apt, sources: [{archive: debian}], packages: [a]}").find("suite") !=
        std::string::npos);
  const auto nothing_below = kind.lock("{kind: apt, " + source + ", packages: [a]}");
  CHECK(complaint(nothing_below).find("no Debian system below") != std::string::npos);
}

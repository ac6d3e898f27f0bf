#include "layer/deb.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "base/text.h"
#include "kind_fixture.h"
#include "layer/deb_lock.h"
#include "layer/deb_unpack.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

constexpr const char* kYaml =
    "{kind: deb, packages: [x], sources: [{archive: debian, suites: [bookworm], "
    "components: [main]}]}";

/// Makes NAME.deb in the project folder out of NAME/ and gives it to the store.
sources::LockedDeb make_deb(KindFixture& kind, const std::string& name,
                            const std::string& version) {
  kind.write(name + "/DEBIAN/control",
             fmt::format("Package: {}\nVersion: {}\nArchitecture: amd64\nMaintainer: a <a@b.c>\n"
                         "Description: a test\n",
                         name, version));
  kind.run(
      {"sh", "-c",
       fmt::format("cd {} && find . -type f -not -path './DEBIAN/*' | sed 's,^./,,' | LC_ALL=C "
                   "sort | xargs -r md5sum > DEBIAN/md5sums",
                   name)});
  kind.run({"chmod", "-R", "u=rwX,go=rX", name});
  kind.run({"dpkg-deb", "--root-owner-group", "-Zxz", "--build", name, name + ".deb"});
  const auto bytes = REQUIRE_OK(base::read_file(kind.path(name + ".deb")));
  const auto digest = oci::Digest::of(bytes);
  REQUIRE_OK(kind.store().adopt_input(kind.path(name + ".deb"), digest, bytes.size()));
  return {name,
          version,
          "amd64",
          {name + ".deb",
           digest,
           bytes.size(),
           {.kind = sources::Origin::Kind::archive, .role = "debian", .path = "pool/" + name}},
          fmt::format("Package: {}\nVersion: {}\nArchitecture: amd64\n", name, version)};
}

Result<archive::DebControl> control_of(KindFixture& kind, const std::string& name) {
  const auto file = TRY(base::File::open_read(kind.path(name + ".deb")));
  return archive::read_deb_control(file, name);
}

}  // namespace

TEST_CASE("paths of a package go to /usr, documentation stays out") {
  CHECK(place_in_layer("lib/x86_64-linux-gnu/libx.so.1") == "usr/lib/x86_64-linux-gnu/libx.so.1");
  CHECK(place_in_layer("bin") == "usr/bin");
  CHECK(place_in_layer("lib64/ld.so") == "usr/lib64/ld.so");
  CHECK(place_in_layer("library/x") == "library/x");
  CHECK(place_in_layer("usr/share/doc/x/copyright") == "usr/share/doc/x/copyright");
  CHECK(place_in_layer("usr/share/doc/x") == "usr/share/doc/x");
  CHECK(place_in_layer("usr/share/doc/x/changelog.gz") == std::nullopt);
  CHECK(place_in_layer("usr/share/doc/x/examples/copyright") == std::nullopt);
  CHECK(place_in_layer("usr/share/man/man1/x.1.gz") == std::nullopt);
  CHECK(place_in_layer("usr/share/manual") == "usr/share/manual");
}

TEST_CASE("scripts, configuration files and foreign triggers are found and named") {
  const auto says = [](const archive::DebControl& control) {
    return complaint(check_unpackable("x", control));
  };
  CHECK(says({.triggers = "# by dh\nactivate-noawait ldconfig\n"}) == "no error");
  CHECK(says({.scripts = {"postinst", "prerm"}}) ==
        "refused: the package x has the maintainer scripts postinst, prerm: unpacking it would not "
        "install it | install it with `kind: apt`; if it is a dependency only, put it into the "
        "layer below");
  CHECK(says({.conffiles = {"/etc/x.conf"}}).find("the configuration file /etc/x.conf") !=
        std::string::npos);
  CHECK(says({.triggers = "interest-noawait /usr/lib/x\n"}).find("interest-noawait") !=
        std::string::npos);
}

TEST_CASE("packages become one layer with their records for scanners") {
  if (!base::find_program("dpkg-deb")) SKIP_TEST("dpkg-deb is not installed");
  KindFixture kind(decode_deb);
  kind.write("liba/lib/x86_64-linux-gnu/liba.so.1.2", "a library");
  kind.run({"ln", "-s", "liba.so.1.2", "liba/lib/x86_64-linux-gnu/liba.so.1"});
  kind.write("liba/usr/share/doc/liba/copyright", "mine");
  kind.write("liba/usr/share/doc/liba/changelog", "news");
  kind.write("liba/DEBIAN/triggers", "activate-noawait ldconfig\n");
  kind.write("libcudart11.0/usr/lib/x86_64-linux-gnu/libcudart.so.11.0", "cuda");
  DebPart part{.debs = {make_deb(kind, "liba", "1.2-3"),
                        make_deb(kind, "libcudart11.0", "11.8.89~11.8.0-5~deb12u1")},
               .apt_version = "2.6.1"};
  const auto text = format_deb_part(part, "deb");
  const auto recipes = REQUIRE_OK(kind.recipes(kYaml, text));
  REQUIRE(recipes.size() == 1);
  CHECK(recipes.front()->title() == "2 Debian packages");
  CHECK(recipes.front()->affects_loader_cache());
  const auto built = REQUIRE_OK(kind.produce(*recipes.front()));
  CHECK(kind.list(built) ==
        "d0755 0:0 0 usr\n"
        "d0755 0:0 0 usr/lib\n"
        "d0755 0:0 0 usr/lib/x86_64-linux-gnu\n"
        "l0777 0:0 0 usr/lib/x86_64-linux-gnu/liba.so.1 -> liba.so.1.2\n"
        "-0644 0:0 9 usr/lib/x86_64-linux-gnu/liba.so.1.2\n"
        "-0644 0:0 4 usr/lib/x86_64-linux-gnu/libcudart.so.11.0\n"
        "d0755 0:0 0 usr/share\n"
        "d0755 0:0 0 usr/share/doc\n"
        "d0755 0:0 0 usr/share/doc/liba\n"
        "-0644 0:0 4 usr/share/doc/liba/copyright\n"
        "d0755 0:0 0 var\n"
        "d0755 0:0 0 var/lib\n"
        "d0755 0:0 0 var/lib/dpkg\n"
        "d0755 0:0 0 var/lib/dpkg/status.d\n"
        "-0644 0:0 120 var/lib/dpkg/status.d/liba\n"
        "-0644 0:0 134 var/lib/dpkg/status.d/liba.md5sums\n"
        "-0644 0:0 148 var/lib/dpkg/status.d/libcudart11.0\n"
        "-0644 0:0 77 var/lib/dpkg/status.d/libcudart11.0.md5sums\n");
  CHECK(kind.content(built, "var/lib/dpkg/status.d/liba") ==
        "Package: liba\nStatus: install ok installed\nVersion: 1.2-3\nArchitecture: amd64\n"
        "Maintainer: a <a@b.c>\nDescription: a test\n");
  const auto sums = kind.content(built, "var/lib/dpkg/status.d/liba.md5sums");
  CHECK(sums.find("  usr/lib/x86_64-linux-gnu/liba.so.1.2\n") != std::string::npos);
  CHECK(sums.find("changelog") == std::string::npos);

  SECTION("several at once give the same bytes") {
    CHECK(REQUIRE_OK(kind.produce(*recipes.front(), 3)) == built);
  }
  SECTION("CUDA's version is a fact") {
    Facts facts;
    REQUIRE_OK(REQUIRE_OK(kind.decode(kYaml))->contribute(text, facts));
    REQUIRE(facts.find("cuda") != nullptr);
    CHECK(facts.find("cuda")->version == "11.8.89");
    CHECK(facts.dpkg_status.empty());  // dpkg does not know of unpacked packages
  }
  SECTION("a large package is a layer of its own") {
    part.debs[1].input.size = 500'000'000;
    const auto split = REQUIRE_OK(kind.recipes(kYaml, format_deb_part(part, "deb")));
    REQUIRE(split.size() == 2);
    CHECK(split[0]->title() == "liba 1.2-3");
    CHECK(split[1]->title() == "libcudart11.0 11.8.89~11.8.0-5~deb12u1");
  }
}

TEST_CASE("a package with a script, or with the driver inside, is not unpacked") {
  if (!base::find_program("dpkg-deb")) SKIP_TEST("dpkg-deb is not installed");
  KindFixture kind(decode_deb);
  const auto build = [&](const std::string& name) {
    DebPart part{.debs = {make_deb(kind, name, "1")}, .apt_version = "2.6.1"};
    const auto recipes = REQUIRE_OK(kind.recipes(kYaml, format_deb_part(part, "deb")));
    return complaint(kind.produce(*recipes.front()));
  };
  kind.write("scripted/DEBIAN/postinst", "#!/bin/sh\n", 0755);
  CHECK(build("scripted").find("the maintainer script postinst") != std::string::npos);
  CHECK(REQUIRE_OK(control_of(kind, "scripted")).scripts == std::vector<std::string>{"postinst"});
  kind.write("driver/usr/lib/x86_64-linux-gnu/libcuda.so.535.1", "x");
  CHECK(build("driver").find("driver library") != std::string::npos);
}

TEST_CASE("mistakes in a deb entry") {
  KindFixture kind(decode_deb);
  CHECK(complaint(kind.lock("{kind: deb, packages: [x]}")).find("at least one source") !=
        std::string::npos);
  CHECK(complaint(kind.lock("{kind: deb, sources: [{archive: d, suites: [s], components: [c]}]}"))
            .find("packages") != std::string::npos);
  CHECK(complaint(kind.lock("{kind: deb, packages: [], sources: [{archive: d, suites: [s], "
                            "components: [c]}]}"))
            .find("names no package") != std::string::npos);
  CHECK(complaint(kind.lock("{kind: deb, packages: [x], sources: [{archive: d, suits: [s], "
                            "components: [c]}]}"))
            .find("suites") != std::string::npos);
}

TEST_CASE("packages of the real archive are resolved, fetched and checked", "[network]") {
  KindFixture kind(decode_deb);
  kind.below.dpkg_status =
      "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9\n"
      "Multi-Arch: same\nMaintainer: a <a@b.c>\nDescription: x\n\n"
      "Package: libgcc-s1\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n"
      "Multi-Arch: same\nMaintainer: a <a@b.c>\nDescription: x\n\n"
      "Package: libstdc++6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 12.2.0-14\n"
      "Multi-Arch: same\nMaintainer: a <a@b.c>\nDescription: x\n";
  const auto yaml = [](const std::string& packages) {
    return "{kind: deb, packages: [" + packages +
           "], sources: [{archive: debian, suites: [bookworm], components: [main, non-free]}]}";
  };
  const auto part = kind.lock(yaml("libcudart11.0"));
  if (!part &&
      (part.error().code() == Errc::unavailable || part.error().code() == Errc::not_found)) {
    SKIP_TEST("the Debian archive is not reachable: " + part.error().summary());
  }
  const auto text = REQUIRE_OK(part);
  std::string listing;
  for (const auto& recipe : REQUIRE_OK(kind.recipes(yaml("libcudart11.0"), text))) {
    listing += kind.list(REQUIRE_OK(kind.produce(*recipe)));
  }
  CHECK(listing.find("usr/lib/x86_64-linux-gnu/libcudart.so.11.0 -> libcudart.so.11.") !=
        std::string::npos);
  CHECK(listing.find("var/lib/dpkg/status.d/libcudart11.0\n") != std::string::npos);
  CHECK(listing.find("libcuda.so") == std::string::npos);

  const auto scripted = complaint(kind.lock(yaml("ca-certificates")));
  CHECK(scripted.find("refused: the package ") == 0);
}

#include "catch.h"
#include "evidence/deb_package.h"
#include "evidence/purl.h"

using namespace imgforge;
using namespace imgforge::evidence;

namespace {

constexpr const char* kStanza =
    "Package: bsdutils\n"
    "Source: util-linux (2.38.1-5+deb12u3)\n"
    "Version: 1:2.38.1-5+deb12u3\n"
    "Maintainer: util-linux packagers <util-linux@packages.example>\n"
    "Architecture: amd64\n"
    "Pre-Depends: libc6 (>= 2.34), libsystemd0\n"
    "Depends: debconf:any (>= 0.5) | debconf-2.0,\n"
    " awk [linux-any] <!nodoc>\n"
    "Provides: bsd-tools (= 1), more-tools\n"
    "Homepage: https://www.kernel.org/pub/linux/utils/util-linux/\n"
    "Description: basic utilities from 4.4BSD-Lite\n"
    " A longer text.\n";

const layer::OsIdentity kDebian{"debian", "12", "12.11"};

}  // namespace

TEST_CASE("a package by its stanza") {
  const DebPackage deb = parse_deb_stanza(kStanza, kDebian);
  CHECK(deb.package.name == "bsdutils");
  CHECK(deb.package.summary == "basic utilities from 4.4BSD-Lite");
  CHECK(deb.package.source == "util-linux 2.38.1-5+deb12u3");
  CHECK(deb.package.supplier.organization);
  CHECK(deb.package.purl ==
        "pkg:deb/debian/bsdutils@1:2.38.1-5%2Bdeb12u3?arch=amd64&distro=debian-12&upstream=util-"
        "linux%402.38.1-5%2Bdeb12u3");
  CHECK(deb.depends == std::vector<std::vector<std::string>>{
                           {"libc6"}, {"libsystemd0"}, {"debconf", "debconf-2.0"}, {"awk"}});
  CHECK(deb.provides == std::vector<std::string>{"bsd-tools", "more-tools"});
}

TEST_CASE("a source package of the same version is named alone, the package's own not at all") {
  CHECK(parse_deb_stanza("Package: libc6\nSource: glibc\nVersion: 2.36-9\nArchitecture: amd64\n",
                         kDebian)
            .package.purl ==
        "pkg:deb/debian/libc6@2.36-9?arch=amd64&distro=debian-12&upstream=glibc");
  CHECK(parse_deb_stanza("Package: bash\nVersion: 5.2\nArchitecture: amd64\n", {}).package.purl ==
        "pkg:deb/debian/bash@5.2?arch=amd64");
}

TEST_CASE("only installed packages count") {
  const std::string status =
      "Package: a\nStatus: install ok installed\nVersion: 1\n\n"
      "Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\n"
      "Package: c\nStatus: hold ok installed\nVersion: 1\n\n"
      "Package: d\nStatus: install ok half-installed\nVersion: 1\n\n"
      "Package: e\nVersion: 1\n";
  std::string names;
  for (const auto stanza : installed_stanzas(status)) names += stanza.substr(9, 1);
  CHECK(names == "ace");
  CHECK(installed_stanzas("").empty());
  CHECK(installed_stanzas("\n\n\n").empty());
}

TEST_CASE("package URLs are canonical") {
  CHECK(to_string(PackageUrl{.type = "pypi", .name = "torch", .version = "2.6.0+cu118"}) ==
        "pkg:pypi/torch@2.6.0%2Bcu118");
  CHECK(to_string(PackageUrl{.type = "generic",
                             .name = "a b/c@d",
                             .qualifiers = {{"z", "1"}, {"empty", ""}, {"a", "x/y?&"}}}) ==
        "pkg:generic/a%20b%2Fc%40d?a=x/y%3F%26&z=1");
}

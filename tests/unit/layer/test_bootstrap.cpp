#include "kind_fixture.h"
#include "layer/bootstrap.h"
#include "layer/deb_lock.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

// A base-files package as dpkg-deb makes it, in the store.
sources::LockedDeb base_files(KindFixture& kind, const std::string& os_release,
                              const std::string& debian_version) {
  kind.write("p/DEBIAN/control",
             "Package: base-files\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\n"
             "Description: x\n");
  kind.write("p/usr/lib/os-release", os_release);
  kind.write("p/etc/debian_version", debian_version);
  kind.run({"dpkg-deb", "--root-owner-group", "--build", "p", "base-files.deb"});
  const std::string content = REQUIRE_OK(base::read_file(kind.path("base-files.deb")));
  auto ingest = REQUIRE_OK(kind.store().new_input());
  REQUIRE_OK(ingest.write(base::as_bytes(content)));
  const auto digest = REQUIRE_OK(ingest.commit());
  return {"base-files", "1", "all", {"base-files.deb", digest, content.size(), {}}, ""};
}

}  // namespace

TEST_CASE("the system says itself which it is") {
  KindFixture kind(decode_bootstrap);
  if (!base::find_program("dpkg-deb")) SKIP_TEST("needs dpkg-deb");
  CHECK_FALSE(REQUIRE_OK(read_os_identity(kind.resolve_context(), {})));
  SECTION("Debian: the point release stands in its own file") {
    const auto os = REQUIRE_OK(read_os_identity(
        kind.resolve_context(),
        {base_files(
            kind,
            "PRETTY_NAME=\"Debian\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nID=debian\n",
            "12.11\n")}));
    CHECK(os == OsIdentity{"debian", "12", "12.11"});
  }
  SECTION("Ubuntu: it is the first word of VERSION") {
    const auto os = REQUIRE_OK(
        read_os_identity(kind.resolve_context(),
                         {base_files(kind,
                                     "NAME=\"Ubuntu\"\nVERSION=\"20.04.6 LTS (Focal "
                                     "Fossa)\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID='20.04'\n",
                                     "bullseye/sid\n")}));
    CHECK(os == OsIdentity{"ubuntu", "20.04", "20.04.6"});
  }
  SECTION("one that says nothing is refused") {
    const auto os = read_os_identity(kind.resolve_context(), {base_files(kind, "NAME=x\n", "1\n")});
    CHECK(complaint(os).find("does not say which system it is") != std::string::npos);
  }
}

TEST_CASE("a bootstrap stands at the bottom") {
  KindFixture kind(decode_bootstrap);
  kind.below.dpkg_status = "Package: x\n";
  const auto refused = kind.lock(
      "{kind: bootstrap, suite: bookworm, sources: [{archive: debian, components: [main]}]}");
  CHECK(complaint(refused).find("lowest layer") != std::string::npos);
}

TEST_CASE("mistakes in a bootstrap are found where they stand") {
  KindFixture kind(decode_bootstrap);
  const auto says = [&](const std::string& yaml) { return complaint(kind.decode(yaml)); };
  CHECK(says("{kind: bootstrap, suite: focal, variant: minbsae, sources: [{archive: ubuntu}]}")
            .find("minbase") != std::string::npos);
  CHECK(says("{kind: bootstrap, sources: [{archive: ubuntu}]}").find("suite") != std::string::npos);
  CHECK(says("{kind: bootstrap, suite: focal}").find("source") != std::string::npos);
  CHECK(says("{kind: bootstrap, suite: focal, sources: [{archive: u, url: x}]}").find("url") !=
        std::string::npos);
  CHECK(says("{kind: bootstrap, suite: focal, merged_usr: \"yes\", sources: [{archive: u}]}")
            .find("merged_usr") != std::string::npos);
}

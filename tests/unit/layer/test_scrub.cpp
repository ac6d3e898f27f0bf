#include <fmt/format.h>

#include <set>

#include "catch.h"
#include "layer/scrub.h"
#include "sandbox/pattern.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {
enum class Fate { kept, dropped, emptied };
Fate fate(std::string_view path, ScrubWhere where) {
  for (const auto& rule : scrub_rules(where)) {
    if (!sandbox::Pattern(rule.pattern).matches(path)) continue;
    return rule.action == sandbox::CaptureRule::Action::empty ? Fate::emptied : Fate::dropped;
  }
  return Fate::kept;
}
}  // namespace

TEST_CASE("every row of the scrub table has a reason and stands once") {
  std::set<std::string_view> patterns;
  for (const ScrubRow& row : scrub_table()) {
    CAPTURE(row.pattern);
    CHECK(row.reason.size() > 10);
    CHECK(patterns.insert(row.pattern).second);
    CHECK_FALSE(row.pattern.starts_with('/'));
  }
}

TEST_CASE("what is scrubbed and what is not") {
  for (const char* path :
       {"etc/resolv.conf", "etc/hostname", "dev/null", "dev/pts/0", "etc/ssh/ssh_host_rsa_key.pub",
        "etc/passwd-", "var/lib/dpkg/status-old", "var/lib/dpkg/lock", "var/log/dpkg.log",
        "var/log/apt/term.log", "var/cache/ldconfig/aux-cache", "var/cache/apt/pkgcache.bin",
        "var/lib/apt/lists/archive.example_dists_stable_InRelease", "tmp/x", "etc/aliases.db"}) {
    CAPTURE(path);
    CHECK(fate(path, ScrubWhere::everywhere) == Fate::dropped);
  }
  CHECK(fate("etc/machine-id", ScrubWhere::everywhere) == Fate::emptied);
  for (const char* path :
       {"dev", "tmp", "etc/passwd", "etc/shadow", "var/lib/dpkg/status", "etc/ld.so.cache",
        "var/lib/dpkg/info/libc6:amd64.list", "var/lib/apt/extended_states", "var/log",
        "var/log/apt", "var/lib/apt/lists/partial", "etc/ssh/sshd_config",
        "usr/share/doc/x/apt.log"}) {
    CAPTURE(path);
    CHECK(fate(path, ScrubWhere::everywhere) == Fate::kept);
  }
  CHECK(fate("etc/apt/sources.list", ScrubWhere::everywhere) == Fate::kept);
  CHECK(fate("etc/apt/sources.list", ScrubWhere::bootstrap) == Fate::dropped);
  CHECK(fate("etc/hostname", ScrubWhere::bootstrap) == Fate::dropped);
}

TEST_CASE("a keystore with the time in it is refused with advice") {
  CHECK(check_reproducible("etc/ssl/certs/ca-certificates.crt"));
  const auto refused = check_reproducible("etc/ssl/certs/java/cacerts");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::invalid);
  CHECK_FALSE(refused.error().hint().empty());
}

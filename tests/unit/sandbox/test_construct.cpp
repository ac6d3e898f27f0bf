#include "fixture.h"

using namespace imgforge;
using namespace imgforge::sandbox;
using namespace imgforge::sandbox::testing;

TEST_CASE("a constructed folder becomes a layer and disappears", "[construct]") {
  if (const std::string reason = why_not(); !reason.empty()) SKIP_TEST(reason);
  const auto directory = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-construct-test"));
  Sandbox sandbox(child_program(), directory.path());
  Construction construction;
  construction.target = directory / "made";
  construction.argv = {
      "sh", "-euc",
      "mkdir $0; cd $0; mkdir etc dev; echo h > etc/hostname; echo f > etc/file; ln etc/file "
      "etc/twin; chown 8:9 etc/file; touch dev/null; cat /proc/net/dev | grep -c :; uname -n; echo "
      "$$ >&2",
      construction.target};
  construction.epoch = kEpoch;
  construction.rules = {{"etc/hostname"}, {"dev/**"}};
  std::string tar;
  base::StringSink sink(tar);
  std::vector<std::string> lines;
  REQUIRE_OK(sandbox.construct(construction, sink,
                               [&](std::string_view line) { lines.emplace_back(line); }, {}));
  CHECK(listing(tar) ==
        "d0755 0:0 1747699200 dev\n"
        "d0755 0:0 1747699200 etc\n"
        "-0644 8:9 1747699200 etc/file \"f\\n\"\n"
        "h0644 8:9 1747699200 etc/twin -> etc/file\n");
  CHECK(lines == std::vector<std::string>{"1", "imgforge", "2"});
  CHECK_FALSE(base::exists(construction.target));

  construction.argv = {"sh", "-c", "mkdir $0; chown 5:5 $0; echo no >&2; exit 3",
                       construction.target};
  const auto failed = sandbox.construct(construction, sink, {}, {});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "sh failed with status 3\n    no");
  CHECK_FALSE(base::exists(construction.target));

  construction.epoch.value = 4102444800;  // 2100
  const auto early = sandbox.construct(construction, sink, {}, {});
  REQUIRE_FALSE(early);
  CHECK(early.error().code() == Errc::refused);
}

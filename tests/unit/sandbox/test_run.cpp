// Steps: what they may do, and what of it becomes the layer. The same cases run as root and (from
// test_users.cpp) as an ordinary user.
#include <algorithm>
#include <thread>

#include "base/sha256.h"
#include "base/text.h"
#include "fixture.h"

using namespace imgforge;
using namespace imgforge::sandbox;
using namespace imgforge::sandbox::testing;

#define NEEDS_SANDBOX()                                          \
  do {                                                           \
    if (const std::string reason = why_not(); !reason.empty()) { \
      SKIP_TEST("steps cannot run here: " + reason);             \
    }                                                            \
  } while (false)

namespace {

std::string second_layer() {
  TarText tar;
  tar.folder("data").file("data/gone", "1").file("data/kept", "2").file("data/mode", "3");
  tar.folder("data/old").file("data/old/inside", "4");
  tar.folder("data/renamed").file("data/renamed/a", "5").file("data/renamed/b", "6");
  tar.file("data/same", "7");
  return tar.end();
}

constexpr const char* kReferenceStep = R"(
cd /data
rm gone
rm -r old; mkdir old; echo new > old/fresh
mv renamed moved
chmod 4755 mode
cat same > copy; cat copy > same; touch -d @1000000000 same   # rewritten with what it was
rm copy
echo hello > one; ln one two; ln one also
mkfifo pipe; chmod 600 pipe
chown 33:33 one
mkdir -m 1777 sticky
ln -s /data/one symbolic
touch -d @1000000001 early
)";

}  // namespace

TEST_CASE("a step becomes a layer in OCI form", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  const std::string tar =
      REQUIRE_OK(bench.run(kReferenceStep, {bench.tree("second", second_layer())}));
  CHECK(listing(tar) ==
        "d0755 0:0 1747699200 data\n"
        "-0644 0:0 1747699200 data/.wh.gone\n"
        "-0644 0:0 1747699200 data/.wh.renamed\n"
        "-0644 33:33 1747699200 data/also \"hello\\n\"\n"
        "-0644 0:0 1000000001 data/early\n"
        "-4755 0:0 1000000000 data/mode \"3\"\n"
        "d0755 0:0 1000000000 data/moved\n"
        "-0644 0:0 1000000000 data/moved/a \"5\"\n"
        "-0644 0:0 1000000000 data/moved/b \"6\"\n"
        "d0755 0:0 1747699200 data/old\n"
        "-0644 0:0 1747699200 data/old/.wh..wh..opq\n"
        "-0644 0:0 1747699200 data/old/fresh \"new\\n\"\n"
        "h0644 33:33 1747699200 data/one -> data/also\n"
        "p0600 0:0 1747699200 data/pipe\n"
        "d1777 0:0 1747699200 data/sticky\n"
        "l0777 0:0 1747699200 data/symbolic -> /data/one\n"
        "h0644 33:33 1747699200 data/two -> data/also\n");
  CHECK(REQUIRE_OK(bench.run(kReferenceStep, {bench.path("second")})) == tar);
  // For the comparison of users (test_users.cpp).
  if (const char* file = std::getenv("IMGFORGE_TEST_DIGEST"); file != nullptr) {
    REQUIRE_OK(base::write_file_atomic(file, base::sha256_hex(tar)));
  }
}

TEST_CASE("a layer made by a step gives the same files when it is unpacked", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  const std::string second = bench.tree("second", second_layer());
  const std::string third = bench.tree("third", REQUIRE_OK(bench.run(kReferenceStep, {second})));
  REQUIRE_OK(
      bench.run("cd /data; ls; ls old moved; cat two; test -u mode; test -p pipe; "
                "test ! -e gone -a ! -e renamed",
                {second, third}));
  CHECK(base::join(bench.lines, " ") ==
        "also early kept mode moved old one pipe same sticky symbolic two moved: a b  old: fresh "
        "hello");
}

TEST_CASE("a step that changes nothing makes an empty layer", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  CHECK(
      listing(REQUIRE_OK(bench.run("echo x > /tmp/x; echo y > /run/y; cat /etc/passwd"))).empty());
  // Mount points that the image lacks leave no trace either, in folders that are there or not.
  const auto with_mounts = [&](Step& step) {
    step.tmpfs = {"/var/log", "/var/cache", "/opt/deep/er"};
    step.read_only_binds = {{bench.path("root"), "/run/bound"}, {bench.path("root.tar"), "/mnt/t"}};
  };
  CHECK(listing(REQUIRE_OK(bench.run("echo x > /var/log/x; echo y > /opt/deep/er/y; ls /run/bound "
                                     "/mnt; head -c 9 /mnt/t > /dev/null",
                                     {}, with_mounts)))
            .empty());
  // But what is written beside them is captured.
  CHECK(listing(REQUIRE_OK(bench.run("echo x > /opt/x", {}, with_mounts))) ==
        "d0755 0:0 1747699200 opt\n-0644 0:0 1747699200 opt/x \"x\\n\"\n");
}

TEST_CASE("a step sees no network, no host, no devices, and cannot mount", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  REQUIRE_OK(bench.run("cat /proc/net/dev; uname -n; echo pid $$; ls /"));
  std::size_t interfaces = 0;
  for (const std::string& line : bench.lines) interfaces += line.find(':') != std::string::npos;
  CHECK(interfaces == 1);
  const auto has = [&](std::string_view text) {
    return std::any_of(bench.lines.begin(), bench.lines.end(),
                       [&](const std::string& line) { return base::trim(line).starts_with(text); });
  };
  CHECK(has("lo:"));
  CHECK(has("imgforge"));
  CHECK_FALSE(has("home"));
  CHECK_FALSE(bench.run("mount -t tmpfs none /mnt"));
  CHECK_FALSE(bench.run("mknod /null c 1 3"));
  // Written back as they are, so that a machine on which this succeeds is not harmed.
  for (const std::string file : {"kernel/hostname", "kernel/core_pattern", "vm/swappiness"}) {
    CAPTURE(file);
    CHECK_FALSE(bench.run("cat /proc/sys/" + file + " > /tmp/v; cat /tmp/v > /proc/sys/" + file));
  }
  CHECK_FALSE(bench.run("echo h > /proc/sysrq-trigger"));
}

TEST_CASE("the environment of a step is fixed", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  ::setenv("IMGFORGE_TEST_LEAK", "leak", 1);
  REQUIRE_OK(bench.run("umask; set; echo in $PWD", {}, [](Step& step) {
    step.env = {{"MINE", "a b"}, {"TZ", "Asia/Tokyo"}};
    step.directory = "/etc";
  }));
  ::unsetenv("IMGFORGE_TEST_LEAK");
  const std::string all = base::join(bench.lines, "\n");
  CHECK(all.find("0022") == 0);
  CHECK(all.find("SOURCE_DATE_EPOCH='1747699200'") != std::string::npos);
  CHECK(all.find("LC_ALL='C.UTF-8'") != std::string::npos);
  CHECK(all.find("MINE='a b'") != std::string::npos);
  CHECK(all.find("TZ='Asia/Tokyo'") != std::string::npos);
  CHECK(all.find("IMGFORGE_TEST_LEAK") == std::string::npos);
  CHECK(all.find("in /etc") != std::string::npos);
}

TEST_CASE("a failing step quotes its last lines and leaves nothing", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  const auto failed = bench.run("echo working; echo it is broken >&2; exit 7");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "the step failed with status 7\n    working\n    it is broken");
  for (const std::string& name : REQUIRE_OK(base::list_directory(bench.path("")))) {
    CHECK_FALSE(base::trim(name).starts_with("step"));
  }
}

TEST_CASE("an interrupted step ends at once with everything it started", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  Step step;
  step.argv = {"/bin/sh", "-c", "sleep 4711 & echo started; sleep 4711"};
  step.epoch = kEpoch;
  std::string tar;
  base::StringSink sink(tar);
  std::stop_source stop;
  const auto done = bench.sandbox().run(
      {bench.root()}, step, sink, [&](std::string_view) { stop.request_stop(); }, stop.get_token());
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::cancelled);
  for (int attempt = 0; attempt < 50; ++attempt) {  // the kernel needs a moment
    bool alive = false;
    for (const std::string& pid : REQUIRE_OK(base::list_directory("/proc"))) {
      const auto line = base::read_file("/proc/" + pid + "/cmdline");
      alive =
          alive || (line && line->find("4711") != std::string::npos && line->find("sleep") == 0);
    }
    if (!alive) break;
    REQUIRE(attempt < 49);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  for (const std::string& name : REQUIRE_OK(base::list_directory(bench.path("")))) {
    CHECK_FALSE(name.starts_with("step"));
  }
}

TEST_CASE("rules drop and empty, and a dropped hard link loses no content", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  const std::string tar = REQUIRE_OK(bench.run(
      "cd /etc; echo a > b-; ln b- kept; echo id > machine-id; mkdir -p /var/lib/x/y; "
      "echo 1 > /var/lib/x/y/log; echo 2 > /var/lib/x/stay",
      {}, [](Step& step) {
        step.rules = {{"etc/*-"}, {"etc/machine-id", CaptureRule::Action::empty}, {"var/**/y"}};
      }));
  CHECK(listing(tar) ==
        "d0755 0:0 1747699200 etc\n"
        "-0644 0:0 1747699200 etc/kept \"a\\n\"\n"
        "-0644 0:0 1747699200 etc/machine-id\n"
        "d0755 0:0 1747699200 var\n"
        "d0755 0:0 1747699200 var/lib\n"
        "d0755 0:0 1747699200 var/lib/x\n"
        "-0644 0:0 1747699200 var/lib/x/stay \"2\\n\"\n");
}

TEST_CASE("capabilities and user attributes are captured in portable form", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  if (!base::exists(bench.root() + "/usr/bin/setcap") ||
      !base::exists(bench.root() + "/usr/bin/setfattr")) {
    SKIP_TEST("needs setcap and setfattr (libcap2-bin, attr)");
  }
  const std::string script =
      "cat /bin/sh > /opener; chmod 755 /opener; setcap cap_net_raw+ep /opener; echo t > /tagged; "
      "setfattr -n user.colour -v blue /tagged; mkdir /new";
  const std::string tar = REQUIRE_OK(bench.run(script));
  // Revision 2 of vfs_cap_data: without the root id of a user namespace.
  CHECK(listing(tar) ==
        "d0755 0:0 1747699200 new\n"
        "-0755 0:0 1747699200 opener security.capability=0100000200200000000000000000000000000000\n"
        "-0644 0:0 1747699200 tagged user.colour=626c7565 \"t\\n\"\n");
  // And they come back: an unchanged copy of the tree gives nothing.
  const std::string tree = bench.tree("again", tar);
  CHECK(listing(REQUIRE_OK(bench.run("touch -d @1747699200 /opener /tagged", {tree}))).empty());
}

TEST_CASE("deep and long paths", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  const std::string script =
      "cd /root; i=0; while [ $i -lt 120 ]; do mkdir directory-with-a-name; cd "
      "directory-with-a-name; i=$((i+1)); done; echo deep > file";
  const std::string tar = REQUIRE_OK(bench.run(script));
  CHECK(listing(tar).ends_with("with-a-name/file \"deep\\n\"\n"));
  CHECK(REQUIRE_OK(bench.run(script)) == tar);
  bench.tree("deep", tar);
}

TEST_CASE("a hundred and twenty layers", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  std::vector<std::string> trees;
  for (int i = 0; i < 120; ++i) {
    TarText tar;
    const std::string name = "layer" + std::to_string(i);
    tar.folder("all").file("all/" + name, name).file("top", name);
    trees.push_back(bench.tree(name, tar.end()));
  }
  const std::string tar = REQUIRE_OK(bench.run("set -- /all/*; echo $#; cat /top; rm /top", trees));
  CHECK(bench.lines.at(0) == "120");
  CHECK(bench.lines.at(1) == "layer119");
  CHECK(listing(tar) == "-0644 0:0 1747699200 .wh.top\n");
}

TEST_CASE("equal layers may come twice", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  const std::string a = bench.tree("a", TarText().file("f", "a").end());
  const std::string b = bench.tree("b", TarText().file("f", "b").end());
  REQUIRE_OK(bench.run("cat /f", {a, b, a, bench.root()}));
  CHECK(bench.lines == std::vector<std::string>{"a"});
}

TEST_CASE("links at mount points stay inside the root", "[run]") {
  NEEDS_SANDBOX();
  Bench bench;
  TarText tar;
  tar.link("elsewhere", "/var/cache").link("loop", "loop");
  const std::string tree = bench.tree("links", tar.end());
  CHECK(listing(REQUIRE_OK(bench.run("echo x > /var/cache/x", {tree}, [](Step& step) {
          step.tmpfs = {"/elsewhere/here", "/elsewhere"};
        }))).empty());
  CHECK_FALSE(bench.run("true", {tree}, [](Step& step) { step.tmpfs = {"/loop/x"}; }));
}

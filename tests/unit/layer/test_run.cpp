#include <sys/stat.h>

#include <algorithm>

#include "executed_fixture.h"
#include "layer/finalize.h"
#include "layer/run.h"

using namespace imgforge;
using namespace imgforge::layer;

#define NEEDS_SANDBOX()                                                            \
  do {                                                                             \
    if (const std::string reason = sandbox::testing::why_not(); !reason.empty()) { \
      SKIP_TEST("steps cannot run here: " + reason);                               \
    }                                                                              \
  } while (false)

TEST_CASE("a run layer holds what the script changed, scrubbed") {
  NEEDS_SANDBOX();
  ExecutedFixture kind(decode_run);
  kind.add_small_root();
  const std::string yaml =
      "kind: run\nenv: {WHO: me}\nscript: |\n  echo $WHO > /file\n  echo x > /etc/hostname\n"
      "  mkdir -p /var/log/apt; echo x > /var/log/apt/term.log; echo t > /etc/machine-id\n"
      "  echo tmp > /tmp/x\n";
  const auto layer = REQUIRE_OK(kind.execute(yaml));
  CHECK(kind.list(layer) ==
        "d0755 0:0 0 etc\n"
        "-0644 0:0 0 etc/machine-id\n"
        "-0644 0:0 3 file\n"
        "d0755 0:0 0 var\n"
        "d0755 0:0 0 var/log\n"
        "d0755 0:0 0 var/log/apt\n");
  CHECK(kind.content(layer, "file") == "me\n");
  // The second time in another scratch folder, with another umask.
  const mode_t before = ::umask(077);
  const auto again = REQUIRE_OK(kind.execute(yaml));
  ::umask(before);
  CHECK(again.blob.digest == layer.blob.digest);
  CHECK(again.diff_id == layer.diff_id);
}

TEST_CASE("a test step leaves an empty layer, and fails the build when it fails") {
  NEEDS_SANDBOX();
  ExecutedFixture kind(decode_run);
  kind.add_small_root();
  CHECK(kind.list(REQUIRE_OK(kind.execute("{kind: run, emit: false, script: \"echo x > /x\"}"))) ==
        "");
  const auto failed =
      kind.execute("{kind: run, emit: false, script: \"echo no such library >&2; exit 3\"}");
  CHECK(complaint(failed) == "io: the step failed with status 3\n    no such library");
  // -e and -u.
  CHECK_FALSE(kind.execute("{kind: run, script: \"rm /no/such; true\"}"));
  CHECK_FALSE(kind.execute("{kind: run, script: \"echo $UNSET_VARIABLE\"}"));
}

TEST_CASE("a step sees the layers below in order") {
  NEEDS_SANDBOX();
  ExecutedFixture kind(decode_run);
  kind.add_small_root();
  kind.add_tar(sandbox::testing::TarText().file("a", "1").file("b", "1").end());
  kind.add_tar(sandbox::testing::TarText().file("a", "2").file(".wh.b", "").end());
  REQUIRE_OK(kind.execute("{kind: run, script: \"test $(cat /a) = 2; test ! -e /b\"}"));
  CHECK(kind.list(REQUIRE_OK(kind.execute("{kind: run, script: \"rm /a\"}"))) ==
        "-0644 0:0 0 .wh.a\n");
}

TEST_CASE("a step runs as another user") {
  NEEDS_SANDBOX();
  ExecutedFixture kind(decode_run);
  kind.add_small_root();
  sandbox::testing::TarText home;
  home.add({.path = "home", .type = archive::EntryType::directory, .mode = 0755, .uid = 8});
  kind.add_tar(home.end());
  const auto setpriv = base::find_program("setpriv");
  if (!setpriv) SKIP_TEST("needs setpriv (util-linux)");
  const auto layer =
      REQUIRE_OK(kind.execute("{kind: run, user: \"8:9\", script: \"id; echo x > /home/x\"}"));
  CHECK(kind.list(layer).find("-0644 8:9 2 home/x") != std::string::npos);
  CHECK_FALSE(kind.execute("{kind: run, user: \"8:9\", script: \"echo x > /x\"}"));
}

TEST_CASE("the key of a run layer covers what its bytes depend on") {
  KindFixture kind(decode_run);
  const auto key = [&](const std::string& yaml) {
    return REQUIRE_OK(kind.recipes(yaml, REQUIRE_OK(kind.lock(yaml))))[0]->key_material();
  };
  const std::string plain = key("{kind: run, script: x}");
  CHECK(key("{kind: run, script: x, title: t, id: i}") == plain);
  CHECK(key("{kind: run, script: y}") != plain);
  CHECK(key("{kind: run, script: x, env: {A: b}}") != plain);
  CHECK(key("{kind: run, script: x, user: nobody}") != plain);
  CHECK(key("{kind: run, script: x, emit: false}") != plain);
  const auto stale =
      kind.recipes("{kind: run, script: y}", REQUIRE_OK(kind.lock("{kind: run, script: x}")));
  CHECK(complaint(stale).starts_with("refused"));
}

TEST_CASE("mistakes in a run layer are found where they stand") {
  KindFixture kind(decode_run);
  CHECK(complaint(kind.decode("kind: run\n")).find("script") != std::string::npos);
  CHECK(complaint(kind.decode("{kind: run, script: \"  \"}")).find("empty") != std::string::npos);
  CHECK(complaint(kind.decode("{kind: run, script: x, user: \"-a\"}")).find("not a user") !=
        std::string::npos);
  CHECK(complaint(kind.decode("{kind: run, script: x, scirpt: y}")).find("scirpt") !=
        std::string::npos);
  const auto secret = kind.decode("kind: run\nscript: x\nenv:\n  API_TOKEN: abc123def456\n");
  REQUIRE_FALSE(secret);
  CHECK(secret.error().message().find("API_TOKEN") != std::string::npos);
  CHECK(secret.error().message().find("abc123") == std::string::npos);
}

TEST_CASE("finalize emits the loader's cache and nothing else") {
  NEEDS_SANDBOX();
  ExecutedFixture kind(decode_run);
  kind.add_small_root();
  sandbox::testing::TarText library;
  library.folder("etc").file("etc/ld.so.conf", "/opt/lib\n").folder("opt").folder("opt/lib");
  kind.add_tar(library.end());
  const auto recipe = make_finalize_recipe();
  CHECK(recipe->executed());
  const auto layer = REQUIRE_OK(kind.execute(*recipe));
  const std::string list = kind.list(layer);
  CHECK(list.starts_with("d0755 0:0 0 etc\n-0644 0:0 "));
  CHECK(list.ends_with(" etc/ld.so.cache\n"));
  CHECK(std::count(list.begin(), list.end(), '\n') == 2);
  CHECK(REQUIRE_OK(kind.execute(*recipe)).diff_id == layer.diff_id);
}

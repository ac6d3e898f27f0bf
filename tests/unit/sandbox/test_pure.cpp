#include <algorithm>

#include "catch.h"
#include "sandbox/mount_points.h"
#include "sandbox/pattern.h"
#include "sandbox/user_namespace.h"

using namespace imgforge::sandbox;

TEST_CASE("patterns") {
  struct Row {
    const char* pattern;
    const char* path;
    bool matches;
  };
  const Row rows[] = {
      {"etc/hostname", "etc/hostname", true},
      {"/etc/hostname", "etc/hostname", true},
      {"etc/hostname", "etc", false},
      {"etc", "etc/hostname", false},
      {"etc/*-", "etc/passwd-", true},
      {"etc/*-", "etc/a/b-", false},
      {"*", "a", true},
      {"*", "a/b", false},
      {"**/x", "x", true},
      {"**/x", "a/b/x", true},
      {"a/**", "a", false},
      {"a/**", "a/b", true},
      {"a/**", "a/b/c", true},
      {"a/**/z", "a/z", true},
      {"a/**/z", "a/b/c/z", true},
      {"a/**/z", "a/b", false},
      {"a/[!c]*", "a/changelog", false},
      {"a/[!c]*", "a/README", true},
      {"var/log/?tmp", "var/log/wtmp", true},
      {"**", "a/b", true},
      {"**/a/**/b", "x/a/y/a/z/b", true},
      {"a*b", "a.b", true},
      {".*", ".hidden", true},
      {"*", ".hidden", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.pattern, row.path);
    CHECK(Pattern(row.pattern).matches(row.path) == row.matches);
  }
}

TEST_CASE("subordinate ids") {
  const char* text =
      "# "
      "comment\nann:100000:65536\nbob:165536:65536\n1001:300000:10\nann:500000:5\nann:x:5\nann:7\n";
  CHECK(subordinate_ranges(text, "ann", 1001) ==
        std::vector<IdRange>{{100000, 65536}, {300000, 10}, {500000, 5}});
  CHECK(subordinate_ranges(text, "eve", 7).empty());
}

TEST_CASE("bubblewrap is told to isolate and drop") {
  Step step;
  step.argv = {"/bin/true", "--bind"};
  const auto words = bubblewrap_arguments("/m", step,
                                          {{MountPoint::Kind::devices, "/dev", {}},
                                           {MountPoint::Kind::tmpfs, "/tmp", {}, true},
                                           {MountPoint::Kind::bind, "/run/x", "/host"}});
  const auto at = [&](const char* word) {
    return std::find(words.begin(), words.end(), word) - words.begin();
  };
  const auto end = static_cast<std::ptrdiff_t>(words.size());
  for (const char* word : {"--unshare-net", "--unshare-pid", "--unshare-ipc", "--unshare-uts",
                           "--die-with-parent", "--new-session"}) {
    CAPTURE(word);
    CHECK(at(word) < at("--"));
  }
  CHECK(words[static_cast<std::size_t>(at("--cap-drop")) + 1] == "ALL");
  for (const char* word : {"CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_NET_ADMIN", "CAP_SYS_PTRACE",
                           "CAP_DAC_READ_SEARCH", "CAP_SYS_MODULE"}) {
    CAPTURE(word);
    CHECK(at(word) == end);
  }
  CHECK(at("--") == end - 3);
}

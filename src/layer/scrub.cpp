#include "layer/scrub.h"

#include <fmt/format.h>

namespace imgforge::layer {
namespace {

constexpr auto kDrop = sandbox::CaptureRule::Action::drop;
constexpr auto kEmpty = sandbox::CaptureRule::Action::empty;
constexpr auto kAlways = ScrubWhere::everywhere;
constexpr auto kBootstrap = ScrubWhere::bootstrap;

constexpr const char* kMachine = "belongs to the machine that builds; runtimes make their own";
constexpr const char* kSecret = "a secret made at installation time: every image would share it";
constexpr const char* kBackup = "a backup of what is there, with the history of the build";
constexpr const char* kLock = "a lock file without content";
constexpr const char* kLog = "a log of the build, with its times";
constexpr const char* kRandom = "random, and meant to differ between machines";

constexpr ScrubRow kTable[] = {
    {"etc/resolv.conf", kDrop, kAlways, kMachine},
    {"etc/hostname", kDrop, kAlways, kMachine},
    {"etc/hosts", kDrop, kAlways, kMachine},
    {"etc/mtab", kDrop, kAlways, kMachine},
    {"dev/**", kDrop, kAlways, kMachine},
    {"proc/**", kDrop, kAlways, kMachine},
    {"sys/**", kDrop, kAlways, kMachine},
    {"tmp/**", kDrop, kAlways, "temporary files"},
    {"var/tmp/**", kDrop, kAlways, "temporary files"},

    {"etc/machine-id", kEmpty, kAlways,
     "names one machine; an empty file means \"not yet known\" (machine-id(5))"},
    {"var/lib/dbus/machine-id", kDrop, kAlways, "names one machine; made at the first start"},
    {"var/lib/systemd/random-seed", kDrop, kAlways, kRandom},
    {"var/lib/systemd/credential.secret", kDrop, kAlways, kSecret},
    {"var/lib/urandom/random-seed", kDrop, kAlways, kRandom},
    {"etc/ssh/ssh_host_*", kDrop, kAlways, kSecret},
    {"etc/ssl/private/ssl-cert-snakeoil.key", kDrop, kAlways, kSecret},
    {"etc/ssl/certs/ssl-cert-snakeoil.pem", kDrop, kAlways, "of no use without its key"},
    {"etc/aliases.db", kDrop, kAlways,
     "a Berkeley DB file with uninitialised bytes; newaliases makes it"},

    {"etc/passwd-", kDrop, kAlways, kBackup},
    {"etc/group-", kDrop, kAlways, kBackup},
    {"etc/shadow-", kDrop, kAlways, kBackup},
    {"etc/gshadow-", kDrop, kAlways, kBackup},
    {"etc/subuid-", kDrop, kAlways, kBackup},
    {"etc/subgid-", kDrop, kAlways, kBackup},
    {"var/lib/dpkg/*-old", kDrop, kAlways, kBackup},
    {"var/cache/debconf/*-old", kDrop, kAlways, kBackup},

    {"etc/.pwd.lock", kDrop, kAlways, kLock},
    {"var/lib/dpkg/lock", kDrop, kAlways, kLock},
    {"var/lib/dpkg/lock-frontend", kDrop, kAlways, kLock},
    {"var/lib/dpkg/triggers/Lock", kDrop, kAlways, kLock},
    {"var/lib/apt/lists/lock", kDrop, kAlways, kLock},
    {"var/cache/apt/archives/lock", kDrop, kAlways, kLock},

    {"var/lib/apt/lists/*_*", kDrop, kAlways, "an index of the build's own repository"},
    {"var/cache/apt/*.bin", kDrop, kAlways, "apt's cache of its indexes"},
    {"var/cache/apt/archives/*.deb", kDrop, kAlways, "packages that are installed already"},
    {"var/cache/ldconfig/aux-cache", kDrop, kAlways, "inode numbers and times of the build"},

    {"var/log/**/*.log", kDrop, kAlways, kLog},
    {"var/log/apt/*", kDrop, kAlways, kLog},
    {"var/log/btmp", kDrop, kAlways, kLog},
    {"var/log/wtmp", kDrop, kAlways, kLog},
    {"var/log/lastlog", kDrop, kAlways, kLog},
    {"var/log/faillog", kDrop, kAlways, kLog},

    {"etc/apt/sources.list", kDrop, kBootstrap,
     "names the build's own repository; archives are named by role, and an image names none"},
    {"etc/apt/apt.conf.d/99mmdebstrap", kDrop, kBootstrap, "options of the build"},
    {"etc/dpkg/dpkg.cfg.d/99mmdebstrap", kDrop, kBootstrap, "options of the build"},
};

}  // namespace

std::span<const ScrubRow> scrub_table() { return kTable; }

std::vector<sandbox::CaptureRule> scrub_rules(ScrubWhere where) {
  std::vector<sandbox::CaptureRule> rules;
  for (const ScrubRow& row : kTable) {
    if (row.where == ScrubWhere::everywhere || row.where == where) {
      rules.push_back({std::string(row.pattern), row.action});
    }
  }
  return rules;
}

Result<> check_reproducible(std::string_view path) {
  if (path != "etc/ssl/certs/java/cacerts") return {};
  return fail(
      Error(Errc::invalid, fmt::format("/{} holds the time at which it was made, so that no two "
                                       "builds of this layer are equal",
                                       path))
          .hint("leave it out (exclude: [etc/ssl/certs/java/cacerts] in kind bootstrap), and make "
                "it in a run step from PEM files with fixed dates"));
}

}  // namespace imgforge::layer

#include "sandbox/user_namespace.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace imgforge::sandbox {
namespace {

constexpr std::uint64_t kNeededIds = 65535;  // with the user's own as root: 0 to 65535

std::string user_name() {
  std::vector<char> buffer(16 * 1024);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::getuid(), &entry, buffer.data(), buffer.size(), &found) == 0 &&
      found != nullptr) {
    return found->pw_name;
  }
  return std::to_string(::getuid());
}

Result<std::vector<IdRange>> ranges_in(const std::string& file, const std::string& user) {
  std::string text;
  if (base::exists(file)) text = TRY(base::read_file(file));
  auto ranges = subordinate_ranges(text, user, ::getuid());
  std::uint64_t total = 0;
  for (const IdRange& range : ranges) total += range.count;
  if (total >= kNeededIds) return ranges;
  return fail(
      Error(Errc::unsupported, "the user " + user + " has " +
                                   (total == 0 ? "no" : "only " + std::to_string(total)) +
                                   " subordinate ids in " + file + ", and 65536 are needed")
          .hint("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + user +
                " (any free range will do)"));
}

// newuidmap PID 0 UID 1 1 FIRST COUNT ...
Result<> write_map(const std::string& program, pid_t process, std::uint64_t own,
                   const std::vector<IdRange>& ranges) {
  base::Command command;
  command.argv = {program, std::to_string(process), "0", std::to_string(own), "1"};
  std::uint64_t inside = 1;
  for (const IdRange& range : ranges) {
    command.argv.push_back(std::to_string(inside));
    command.argv.push_back(std::to_string(range.first));
    command.argv.push_back(std::to_string(range.count));
    inside += range.count;
  }
  auto done = base::run_checked(command);
  if (done) return {};
  if (done.error().code() == Errc::not_found) {
    return fail(Error(Errc::unsupported, "the program '" + program + "' is not installed")
                    .hint("as root: apt-get install uidmap"));
  }
  return fail(std::move(done.error()).context("mapping the user's subordinate ids"));
}

Result<> private_mounts() {
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return fail(base::io_error("cannot make the mounts of the namespace private"));
  }
  return {};
}

}  // namespace

std::vector<IdRange> subordinate_ranges(std::string_view text, std::string_view user,
                                        std::uint64_t uid) {
  std::vector<IdRange> ranges;
  for (std::string_view line : base::lines(text)) {
    const auto fields = base::split(line, ':');
    if (fields.size() != 3 || (fields[0] != user && fields[0] != std::to_string(uid))) continue;
    const auto first = base::parse_uint(fields[1]), count = base::parse_uint(fields[2]);
    if (first && count && *count > 0) ranges.push_back({*first, *count});
  }
  return ranges;
}

Result<SubordinateIds> own_subordinate_ids() {
  const std::string user = user_name();
  SubordinateIds ids;
  ids.users = TRY(ranges_in("/etc/subuid", user));
  ids.groups = TRY(ranges_in("/etc/subgid", user));
  return ids;
}

Result<> enter_user_namespace() {
  const SubordinateIds ids = TRY(own_subordinate_ids());
  const uid_t uid = ::getuid();
  const gid_t gid = ::getgid();
  // The maps are written by a helper that stays outside; it starts when this process is inside and
  // answers with its exit status. Its errors come through `words`.
  int go[2], words[2];
  if (::pipe2(go, O_CLOEXEC) != 0 || ::pipe2(words, O_CLOEXEC) != 0) {
    return fail(base::io_error("cannot make a pipe"));
  }
  base::File go_read(go[0]), go_write(go[1]), words_read(words[0]), words_write(words[1]);
  const pid_t inside = ::getpid();
  const pid_t helper = ::fork();
  if (helper < 0) return fail(base::io_error("cannot start a process"));
  if (helper == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    go_write = base::File();
    std::byte ready;
    const auto started = go_read.read({&ready, 1});
    if (!started || *started == 0) ::_exit(1);  // the other side failed and says so itself
    auto mapped = write_map("newuidmap", inside, uid, ids.users);
    if (mapped) mapped = write_map("newgidmap", inside, gid, ids.groups);
    if (mapped) ::_exit(0);
    const std::string hint = mapped.error().hint();
    (void)words_write.write(base::as_bytes(mapped.error().summary() + "\n" + hint));
    ::_exit(1);
  }
  words_write = base::File();
  const bool unshared = ::unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
  const int unshare_error = errno;
  if (unshared) (void)go_write.write(base::as_bytes("!"));
  go_write = base::File();
  auto complaint = base::read_all(words_read, 64 * 1024);
  int status = 0;
  while (::waitpid(helper, &status, 0) < 0 && errno == EINTR) {
  }
  if (!unshared) {
    const Error cause = base::io_error("this machine refuses a user namespace", unshare_error);
    return fail(
        Error(Errc::unsupported, cause.message())
            .hint("as root: sysctl -w user.max_user_namespaces=65536; on Ubuntu 24.04 also: "
                  "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0; or run as "
                  "root"));
  }
  if (status != 0) {
    const std::string text = complaint ? *complaint : std::string();
    const std::size_t end = text.find('\n');
    Error error(Errc::unsupported, text.substr(0, end));
    if (end == std::string::npos || end + 1 >= text.size()) return fail(std::move(error));
    return fail(std::move(error).hint(text.substr(end + 1)));
  }
  if (::setgroups(0, nullptr) != 0 || ::setresgid(0, 0, 0) != 0 || ::setresuid(0, 0, 0) != 0) {
    return fail(base::io_error("cannot become root in the user namespace"));
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // changing ids has cleared it
  return private_mounts();
}

Result<> enter_mount_namespace() {
  if (::unshare(CLONE_NEWNS) != 0) {
    const Error cause = base::io_error("cannot make a mount namespace");
    return fail(Error(Errc::unsupported, cause.message())
                    .hint("root in a container needs CAP_SYS_ADMIN for this; or run imgforge as an "
                          "ordinary user with subordinate ids"));
  }
  return private_mounts();
}

bool in_initial_user_namespace() {
  const auto map = base::read_file("/proc/self/uid_map");
  if (!map) return false;
  std::vector<std::string_view> words;
  for (std::string_view word : base::split(base::trim(*map), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words == std::vector<std::string_view>{"0", "0", "4294967295"};
}

}  // namespace imgforge::sandbox

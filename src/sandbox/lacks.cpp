// What this host lacks for executed layers. Tries the real thing in a forked process: the answers
// of configuration files (sysctls, seccomp, AppArmor) are not to be trusted.

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "base/process.h"
#include "sandbox/sandbox.h"
#include "sandbox/user_namespace.h"

namespace imgforge::sandbox {
namespace {

enum class Trial { good, no_user_namespace, no_mount_namespace, no_mounts, no_overlay, unknown };

bool write_text(const char* file, const char* text) {
  const int fd = ::open(file, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const auto length = static_cast<ssize_t>(std::strlen(text));
  const bool written = ::write(fd, text, std::strlen(text)) == length;
  ::close(fd);
  return written;
}

// Between fork and _exit, with other threads gone: system calls only.
Trial try_overlay(bool root, const char* uid_map, const char* gid_map) {
  if (!root) {
    if (::unshare(CLONE_NEWUSER) != 0) return Trial::no_user_namespace;
    if (!write_text("/proc/self/setgroups", "deny") || !write_text("/proc/self/uid_map", uid_map) ||
        !write_text("/proc/self/gid_map", gid_map)) {
      return Trial::no_user_namespace;
    }
  }
  if (::unshare(CLONE_NEWNS) != 0) return Trial::no_mount_namespace;
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("none", "/tmp", "tmpfs", 0, nullptr) != 0 || ::chdir("/tmp") != 0) {
    return Trial::no_mounts;
  }
  for (const char* folder : {"lower", "upper", "work", "merged"}) {
    if (::mkdir(folder, 0755) != 0) return Trial::no_mounts;
  }
  const char* options = root ? "lowerdir=lower,upperdir=upper,workdir=work"
                             : "lowerdir=lower,upperdir=upper,workdir=work,userxattr";
  return ::mount("overlay", "merged", "overlay", 0, options) == 0 ? Trial::good : Trial::no_overlay;
}

Trial run_trial() {
  const bool root = ::geteuid() == 0;
  const std::string uid_map = "0 " + std::to_string(::geteuid()) + " 1";
  const std::string gid_map = "0 " + std::to_string(::getegid()) + " 1";
  const pid_t child = ::fork();
  if (child < 0) return Trial::unknown;
  if (child == 0) {
    ::_exit(static_cast<int>(try_overlay(root, uid_map.c_str(), gid_map.c_str())));
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? static_cast<Trial>(WEXITSTATUS(status)) : Trial::unknown;
}

}  // namespace

std::vector<Sandbox::Lack> Sandbox::lacks() {
  std::vector<Lack> out;
  if (!base::find_program("bwrap")) {
    out.push_back(
        {"bubblewrap (the program bwrap) is not installed", "as root: apt-get install bubblewrap"});
  }
  if (::geteuid() != 0) {
    if (!base::find_program("newuidmap") || !base::find_program("newgidmap")) {
      out.push_back({"the programs newuidmap and newgidmap are not installed",
                     "as root: apt-get install uidmap"});
    }
    if (const auto ids = own_subordinate_ids(); !ids) {
      out.push_back({ids.error().message(), ids.error().hint()});
    }
  }
  switch (run_trial()) {
    case Trial::good:
      break;
    case Trial::no_user_namespace:
      out.push_back({"this machine refuses user namespaces to ordinary users",
                     "as root: sysctl -w user.max_user_namespaces=65536 "
                     "kernel.unprivileged_userns_clone=1 "
                     "kernel.apparmor_restrict_unprivileged_userns=0 (those that exist), or run "
                     "imgforge as root"});
      break;
    case Trial::no_mount_namespace:
    case Trial::no_mounts:
      out.push_back({"this process may not make mounts of its own",
                     "in a container: give it CAP_SYS_ADMIN and an unconfined seccomp profile, or "
                     "run imgforge outside of it"});
      break;
    case Trial::no_overlay:
      out.push_back({"the kernel does not mount overlays here",
                     "as root: modprobe overlay; as an ordinary user Linux 5.11 or newer is "
                     "needed"});
      break;
    case Trial::unknown:
      out.push_back({"whether overlays can be mounted could not be tried", "imgforge doctor"});
      break;
  }
  return out;
}

}  // namespace imgforge::sandbox

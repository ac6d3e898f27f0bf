#include "sandbox/mount_points.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <optional>

#include "base/file.h"
#include "base/text.h"

namespace imgforge::sandbox {
namespace {

// What maintainer scripts and build steps need of root, and nothing that reaches the machine: no
// mounts, no device nodes, no network administration, no tracing.
constexpr std::array<const char*, 9> kCapabilities{"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FOWNER",
                                                   "CAP_FSETID",  "CAP_SETUID",       "CAP_SETGID",
                                                   "CAP_SETFCAP", "CAP_SYS_CHROOT",   "CAP_KILL"};

// Parts of /proc that take writes from the machine's root by its number alone, without any
// capability (sysctl(7)'s core_pattern is enough to leave a sandbox). bubblewrap 0.8.0 means to
// cover /proc/sys, but skips it because the folder itself is not writable.
constexpr std::array<const char*, 4> kReadOnlyProc{"sys", "fs", "acpi", "scsi"};

// Opens a path inside `root`: links, also absolute ones, stay inside.
base::File open_in_root(int root, const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return base::File(static_cast<int>(::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how)));
}

Result<std::string> name_of(const base::File& file) {
  std::array<char, PATH_MAX> buffer;
  const std::string link = "/proc/self/fd/" + std::to_string(file.fd());
  const ssize_t length = ::readlink(link.c_str(), buffer.data(), buffer.size());
  if (length < 0) return fail(base::io_error("cannot read " + link));
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

struct Resolved {
  std::string existing;              // absolute inside, without links
  std::vector<std::string> missing;  // parts below it that are not there
};

Result<Resolved> resolve_in_root(const std::string& root, const std::string& path) {
  const base::File folder(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!folder.is_open()) return fail(base::io_error("cannot open " + root));
  const std::string root_name = TRY(name_of(folder));
  std::string rest = path;
  Resolved resolved;
  for (;;) {
    const base::File found = open_in_root(folder.fd(), rest.empty() ? "." : rest);
    if (found.is_open()) {
      std::string name = TRY(name_of(found)).substr(root_name.size());
      resolved.existing = name.empty() ? "/" : name;
      return resolved;
    }
    if (errno != ENOENT) {
      return fail(base::io_error("the mount point " + path + " of the step cannot be used"));
    }
    resolved.missing.insert(resolved.missing.begin(), base::base_name(rest));
    rest = base::parent_path(rest);
  }
}

// Creates the missing parts in the skeleton below copies of the folders that are there: the
// skeleton is the topmost tree, so its folders' attributes are the ones that the step sees.
Result<> add_to_skeleton(const std::string& below, const std::string& skeleton,
                         const Resolved& resolved, bool folder) {
  std::string at;
  for (std::string_view part : base::split(resolved.existing, '/')) {
    if (part.empty()) continue;
    at += "/" + std::string(part);
    const std::string copy = skeleton + at;
    struct stat status {};
    if (::lstat((below + at).c_str(), &status) != 0) {
      return fail(base::io_error("cannot look at " + at));
    }
    const std::array<timespec, 2> times{status.st_atim, status.st_mtim};
    if ((::mkdir(copy.c_str(), 0755) != 0 && errno != EEXIST) ||
        ::lchown(copy.c_str(), status.st_uid, status.st_gid) != 0 ||
        ::chmod(copy.c_str(), status.st_mode & 07777) != 0 ||
        ::utimensat(AT_FDCWD, copy.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
      return fail(base::io_error("cannot prepare the mount point " + at));
    }
  }
  for (std::size_t i = 0; i < resolved.missing.size(); ++i) {
    at += "/" + resolved.missing[i];
    const std::string made = skeleton + at;
    if (folder || i + 1 < resolved.missing.size()) {
      TRY(base::make_directories(made));
    } else {
      (void)TRY(base::File::open_or_create(made));
    }
  }
  return {};
}

bool is_inside(const std::string& path, const std::string& folder) {
  return path == folder || path.starts_with(folder + "/");
}

// The folders strictly between the two, topmost first.
std::vector<std::string> folders_between(const std::string& outer, const std::string& inner) {
  std::vector<std::string> out;
  for (std::string at = base::parent_path(inner); at.size() > outer.size();
       at = base::parent_path(at)) {
    out.insert(out.begin(), at);
  }
  return out;
}

std::string joined(const Resolved& resolved) {
  std::string path = resolved.existing == "/" ? "" : resolved.existing;
  for (const std::string& part : resolved.missing) path += "/" + part;
  return path.empty() ? "/" : path;
}

}  // namespace

Result<std::vector<MountPoint>> prepare_mount_points(const Step& step, const std::string& below,
                                                     const std::string& skeleton) {
  std::vector<MountPoint> wanted{{MountPoint::Kind::devices, "/dev", {}},
                                 {MountPoint::Kind::processes, "/proc", {}},
                                 {MountPoint::Kind::tmpfs, "/tmp", {}, true},
                                 {MountPoint::Kind::tmpfs, "/run", {}}};
  for (const std::string& path : step.tmpfs) {
    wanted.push_back({MountPoint::Kind::tmpfs, path, {}});
  }
  for (const auto& [from, to] : step.read_only_binds) {
    wanted.push_back({MountPoint::Kind::bind, to, from});
  }
  std::vector<MountPoint> mounts;
  for (MountPoint& mount : wanted) {
    const std::string path = TRY(base::absolute_path(mount.inside));
    if (!mount.inside.starts_with('/') || path == "/") {
      return fail(Errc::internal,
                  "a mount point must be an absolute path below /: " + mount.inside);
    }
    const Resolved resolved = TRY(resolve_in_root(below, path));
    mount.inside = joined(resolved);
    bool on_other_mount = false;
    for (const MountPoint& earlier : mounts) {
      if (!is_inside(mount.inside, earlier.inside)) continue;
      on_other_mount = true;
      if (earlier.kind != MountPoint::Kind::tmpfs) continue;
      mount.parents = folders_between(earlier.inside, mount.inside);
    }
    if (!on_other_mount && !resolved.missing.empty()) {
      const bool folder = mount.kind != MountPoint::Kind::bind || base::is_directory(mount.from);
      TRY(add_to_skeleton(below, skeleton, resolved, folder));
    }
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

std::vector<std::string> bubblewrap_arguments(const std::string& merged, const Step& step,
                                              const std::vector<MountPoint>& mounts) {
  std::vector<std::string> out{"bwrap",         "--unshare-net", "--unshare-pid",
                               "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
                               "--hostname",    "imgforge",      "--die-with-parent",
                               "--new-session", "--cap-drop",    "ALL"};
  for (const char* capability : kCapabilities) {
    out.insert(out.end(), {"--cap-add", capability});
  }
  out.insert(out.end(), {"--bind", merged, "/"});
  for (const MountPoint& mount : mounts) {
    for (const std::string& parent : mount.parents) {
      out.insert(out.end(), {"--perms", "0755", "--dir", parent});
    }
    switch (mount.kind) {
      case MountPoint::Kind::devices:
        out.insert(out.end(), {"--dev", mount.inside});
        break;
      case MountPoint::Kind::processes:
        out.insert(out.end(), {"--proc", mount.inside});
        for (const std::string part : kReadOnlyProc) {
          out.insert(out.end(), {"--ro-bind-try", "/proc/" + part, mount.inside + "/" + part});
        }
        break;
      case MountPoint::Kind::tmpfs:
        out.insert(out.end(), {"--perms", mount.sticky ? "1777" : "0755", "--tmpfs", mount.inside});
        break;
      case MountPoint::Kind::bind:
        out.insert(out.end(), {"--ro-bind", mount.from, mount.inside});
        break;
    }
  }
  out.insert(out.end(), {"--chdir", step.directory, "--"});
  out.insert(out.end(), step.argv.begin(), step.argv.end());
  return out;
}

}  // namespace imgforge::sandbox

#include "sandbox/overlay.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <algorithm>

#include "base/file.h"

namespace imgforge::sandbox {
namespace {

// Since Linux 5.11 for userxattr; 500 lower folders is overlay's own limit (OVL_MAX_STACK).
constexpr std::size_t kMaximumTrees = 499;

// Changes the working directory for one scope: overlay resolves relative folders against it.
class WorkingDirectory {
 public:
  static Result<WorkingDirectory> enter(const std::string& path) {
    base::File before(::open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!before.is_open()) return fail(base::io_error("cannot open the working directory"));
    if (::chdir(path.c_str()) != 0) return fail(base::io_error("cannot enter " + path));
    return WorkingDirectory(std::move(before));
  }
  WorkingDirectory(WorkingDirectory&&) = default;
  ~WorkingDirectory() {
    if (before_.is_open()) (void)!::fchdir(before_.fd());
  }

 private:
  explicit WorkingDirectory(base::File before) : before_(std::move(before)) {}
  base::File before_;
};

Result<> make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) != 0) return fail(base::io_error("cannot create " + path));
  return {};
}

// Short names for the folders: "lowerdir=2:1:0", topmost first.
Result<std::string> link_lowers(const std::vector<std::string>& lowest_first,
                                const std::string& folder) {
  TRY(make_folder(folder));
  std::string option;
  for (std::size_t i = 0; i < lowest_first.size(); ++i) {
    const std::string name = std::to_string(i);
    const std::string target = TRY(base::absolute_path(lowest_first[i]));
    if (::symlink(target.c_str(), (folder + "/" + name).c_str()) != 0) {
      return fail(base::io_error("cannot create a link in " + folder));
    }
    option.insert(0, option.empty() ? name : name + ":");
  }
  return "lowerdir=" + option;
}

std::string file_system_name(const std::string& path) {
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return "an unknown file system";
  switch (static_cast<unsigned long>(status.f_type)) {
    case 0x794c7630UL:
      return "overlay";
    case 0x6969UL:
      return "NFS";
    case 0xff534d42UL:
    case 0x517bUL:
      return "SMB";
    case 0x65735546UL:
      return "FUSE";
    case 0x2fc12fc1UL:
      return "ZFS";
    case 0x4d44UL:
      return "FAT";
    case 0x01021997UL:
      return "9p";
    case 0x01021994UL:
      return "tmpfs";
    case 0xef53UL:
      return "ext4";
    default:
      return "its file system";
  }
}

}  // namespace

namespace {

// An overlay takes a folder once. Of equal layers the lower one adds nothing: the upper one says
// the same again.
std::vector<std::string> distinct(const std::vector<std::string>& trees) {
  std::vector<std::string> kept;
  for (std::size_t i = 0; i < trees.size(); ++i) {
    const auto rest = trees.begin() + static_cast<std::ptrdiff_t>(i) + 1;
    if (std::find(rest, trees.end(), trees[i]) == trees.end()) kept.push_back(trees[i]);
  }
  return kept;
}

}  // namespace

Result<> mount_below(const Overlay& overlay, const std::vector<std::string>& all_trees) {
  const std::vector<std::string> trees = distinct(all_trees);
  TRY(make_folder(overlay.below()));
  if (trees.size() > kMaximumTrees) {
    return fail(Errc::unsupported, "an overlay takes at most " + std::to_string(kMaximumTrees) +
                                       " layers, and this image has " +
                                       std::to_string(trees.size()));
  }
  if (trees.empty()) return {};
  if (trees.size() == 1) {  // overlay wants two folders when there is no upper one
    if (::mount(trees[0].c_str(), overlay.below().c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return fail(base::io_error("cannot bind " + trees[0]));
    }
    return {};
  }
  const std::string links = overlay.work + "/b";
  std::string options = TRY(link_lowers(trees, links));
  if (overlay.user_xattrs) options += ",userxattr";
  const WorkingDirectory inside = TRY(WorkingDirectory::enter(links));
  if (::mount("overlay", overlay.below().c_str(), "overlay", MS_RDONLY, options.c_str()) != 0) {
    return fail(
        base::io_error("cannot mount " + std::to_string(trees.size()) + " trees as an overlay"));
  }
  return {};
}

Result<> mount_merged(const Overlay& overlay, const std::vector<std::string>& all_trees,
                      const std::string& skeleton) {
  const std::vector<std::string> trees = distinct(all_trees);
  TRY(make_folder(overlay.upper()));
  TRY(make_folder(overlay.work + "/work"));
  TRY(make_folder(overlay.merged()));
  std::vector<std::string> lowers = trees;
  lowers.push_back(skeleton);
  const std::string links = overlay.work + "/m";
  std::string options = TRY(link_lowers(lowers, links));
  options += ",upperdir=../upper,workdir=../work";
  // Renamed folders must be copied (they are the layer's content), and so must files of which only
  // the mode changes; with userxattr both are the only way.
  options += overlay.user_xattrs ? ",userxattr" : ",redirect_dir=off,metacopy=off,index=off";
  const WorkingDirectory inside = TRY(WorkingDirectory::enter(links));
  // "volatile" (Linux 5.10) spares every fsync of dpkg: the upper folder does not outlive this
  // process.
  for (const std::string& all : {options + ",volatile", options}) {
    if (::mount("overlay", overlay.merged().c_str(), "overlay", 0, all.c_str()) == 0) return {};
  }
  const Error cause = base::io_error("cannot mount an overlay with its upper folder in " +
                                     overlay.work + " (" + file_system_name(overlay.work) + ")");
  return fail(
      Error(Errc::unsupported, cause.message())
          .hint(
              "the store must be on a local file system that overlay accepts as upper (ext4, xfs, "
              "btrfs, tmpfs; in a container: a volume, not the container's own overlay); choose "
              "one with --store DIR"));
}

Result<> unmount_merged(const Overlay& overlay) {
  if (::umount2(overlay.merged().c_str(), MNT_DETACH) != 0) {
    return fail(base::io_error("cannot unmount the overlay"));
  }
  return {};
}

}  // namespace imgforge::sandbox

#include "sandbox/unpack.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>
#include <utility>
#include <vector>

#include "archive/tar_reader.h"
#include "base/file.h"
#include "base/text.h"
#include "sandbox/marks.h"

namespace imgforge::sandbox {
namespace {

using archive::EntryType;
using archive::TarEntry;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

class Unpacker {
 public:
  explicit Unpacker(base::File root) : root_(std::move(root)) {}

  Result<> add(const TarEntry& entry, base::Source& content) {
    if (entry.path.empty()) return {};  // the root's attributes are the sandbox's business
    const std::string parent = base::parent_path(entry.path), name = base::base_name(entry.path);
    const int folder = TRY(open_folder(parent, entry.path));
    if (name == kOpaqueName) return mark_opaque(folder, entry.path);
    if (name.starts_with(kWhiteoutPrefix)) {
      return whiteout(folder, name.substr(kWhiteoutPrefix.size()), entry.path);
    }
    switch (entry.type) {
      case EntryType::directory:
        return directory(folder, name, entry);
      case EntryType::file:
        return file(folder, name, entry, content);
      case EntryType::symlink:
        (void)TRY(make_room(folder, name, entry.path));
        if (::symlinkat(entry.link_target.c_str(), folder, name.c_str()) != 0) {
          return cannot("create", entry.path);
        }
        return link_attributes(folder, name, entry);
      case EntryType::hard_link:
        return hard_link(folder, name, entry);
      case EntryType::fifo:
        (void)TRY(make_room(folder, name, entry.path));
        if (::mkfifoat(folder, name.c_str(), 0600) != 0) return cannot("create", entry.path);
        return fifo_attributes(folder, name, entry);
      case EntryType::character_device:
      case EntryType::block_device:
        return {};
    }
    return {};
  }

  /// Times of folders change while they are filled, so they are set last.
  Result<> finish() {
    for (const auto& [path, mtime] : folder_times_) {
      const std::array<timespec, 2> times{timespec{mtime, 0}, timespec{mtime, 0}};
      const int folder = TRY(open_folder(path, path));
      if (::futimens(folder, times.data()) != 0) return cannot("set the time of", path);
    }
    return {};
  }

 private:
  static tl::unexpected<Error> cannot(const char* verb, const std::string& path) {
    return fail(base::io_error(std::string("cannot ") + verb + " " + path));
  }

  // The folder at `path`, part by part from the top, never through a link; missing ones are made.
  // The descriptors of the last path are kept: entries come mostly sorted.
  Result<int> open_folder(const std::string& path, const std::string& wanted_for) {
    std::vector<std::string_view> parts;
    if (!path.empty()) parts = base::split(path, '/');
    std::size_t shared = 0;
    while (shared < open_.size() && shared < parts.size() && open_[shared].first == parts[shared]) {
      ++shared;
    }
    open_.resize(shared);
    for (std::size_t i = shared; i < parts.size(); ++i) {
      const std::string name(parts[i]);
      const int above = i == 0 ? root_.fd() : open_[i - 1].second.fd();
      int fd = ::openat(above, name.c_str(), kFolderFlags);
      if (fd < 0 && errno == ENOENT) {
        if (::mkdirat(above, name.c_str(), 0755) != 0) return cannot("create", path);
        fd = ::openat(above, name.c_str(), kFolderFlags);
      }
      if (fd < 0 && (errno == ENOTDIR || errno == ELOOP)) {
        return fail(Errc::invalid, "the layer's entry " + wanted_for +
                                       " goes through something that is not a folder in the same "
                                       "layer");
      }
      if (fd < 0) return cannot("open", path);
      open_.emplace_back(name, base::File(fd));
    }
    return open_.empty() ? root_.fd() : open_.back().second.fd();
  }

  // What stands under a name already gives way: later entries win. A whiteout under a new folder
  // means that the folder hides the one below; the answer says so.
  Result<bool> make_room(int folder, const std::string& name, const std::string& path) {
    struct stat status {};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return false;
      return cannot("look at", path);
    }
    const bool was_whiteout = S_ISCHR(status.st_mode);
    if (S_ISDIR(status.st_mode)) {
      open_.clear();  // one of them may be inside
      return fail(Errc::invalid, "the layer has " + path + " twice, once as a folder");
    }
    if (::unlinkat(folder, name.c_str(), 0) != 0) return cannot("replace", path);
    return was_whiteout;
  }

  Result<> directory(int folder, const std::string& name, const TarEntry& entry) {
    bool opaque = false;
    if (::mkdirat(folder, name.c_str(), 0700) != 0) {
      if (errno != EEXIST) return cannot("create", entry.path);
      struct stat status {};
      if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return cannot("look at", entry.path);
      }
      if (!S_ISDIR(status.st_mode)) {
        opaque = TRY(make_room(folder, name, entry.path));
        if (::mkdirat(folder, name.c_str(), 0700) != 0) return cannot("create", entry.path);
      }
    }
    const base::File made(::openat(folder, name.c_str(), kFolderFlags));
    if (!made.is_open()) return cannot("open", entry.path);
    if (opaque) TRY(mark_opaque(made.fd(), entry.path));
    folder_times_.emplace_back(entry.path, entry.mtime);
    return attributes(made.fd(), entry);
  }

  Result<> file(int folder, const std::string& name, const TarEntry& entry, base::Source& content) {
    (void)TRY(make_room(folder, name, entry.path));
    base::File made(
        ::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!made.is_open()) return cannot("create", entry.path);
    for (;;) {
      const std::size_t n = TRY(content.read(chunk_));
      if (n == 0) break;
      TRY(made.write(base::Bytes(chunk_).first(n)));
    }
    TRY(attributes(made.fd(), entry));
    const std::array<timespec, 2> times{timespec{entry.mtime, 0}, timespec{entry.mtime, 0}};
    if (::futimens(made.fd(), times.data()) != 0) return cannot("set the time of", entry.path);
    return made.close();
  }

  Result<> hard_link(int folder, const std::string& name, const TarEntry& entry) {
    (void)TRY(make_room(folder, name, entry.path));
    // Opening the target's folder may close `folder`.
    const base::File here(::fcntl(folder, F_DUPFD_CLOEXEC, 0));
    if (!here.is_open()) return cannot("open the folder of", entry.path);
    const int there = TRY(open_folder(base::parent_path(entry.link_target), entry.path));
    const std::string target = base::base_name(entry.link_target);
    if (::linkat(there, target.c_str(), here.fd(), name.c_str(), 0) != 0) {
      if (errno == ENOENT) {
        return fail(Errc::invalid, "the layer's hard link " + entry.path + " points to " +
                                       entry.link_target + ", which is not in the same layer");
      }
      return cannot("link", entry.path);
    }
    return {};
  }

  Result<> whiteout(int folder, const std::string& name, const std::string& path) {
    if (name.empty() || name == "." || name == "..") {
      return fail(Errc::invalid, "the layer has a whiteout without a name: " + path);
    }
    if (::mknodat(folder, name.c_str(), S_IFCHR | 0600, ::makedev(0, 0)) == 0) return {};
    if (errno != EEXIST) return cannot("mark as deleted", path);
    // The layer has the name itself, too: a file hides what is below anyway, a folder must be told.
    const base::File existing(::openat(folder, name.c_str(), kFolderFlags));
    if (existing.is_open()) return mark_opaque(existing.fd(), path);
    return {};
  }

  // Overlay reads user.* when mounted with userxattr and trusted.* otherwise; the latter can be
  // written only by the machine's own root.
  static Result<> mark_opaque(int folder, const std::string& path) {
    if (::fsetxattr(folder, "user.overlay.opaque", "y", 1, 0) != 0) {
      return cannot("mark as opaque", path);
    }
    if (::fsetxattr(folder, "trusted.overlay.opaque", "y", 1, 0) != 0 && errno != EPERM) {
      return cannot("mark as opaque", path);
    }
    return {};
  }

  // The owner first: changing it clears setuid bits and capabilities.
  static Result<> attributes(int fd, const TarEntry& entry) {
    if (::fchown(fd, static_cast<uid_t>(entry.uid), static_cast<gid_t>(entry.gid)) != 0) {
      return cannot_own(entry);
    }
    if (::fchmod(fd, entry.mode) != 0) return cannot("set the mode of", entry.path);
    for (const auto& [name, value] : entry.xattrs) {
      if (!is_layer_xattr(name)) continue;
      if (::fsetxattr(fd, name.c_str(), value.data(), value.size(), 0) != 0) {
        return cannot(("set the attribute " + name + " of").c_str(), entry.path);
      }
    }
    return {};
  }

  static Result<> link_attributes(int folder, const std::string& name, const TarEntry& entry) {
    if (::fchownat(folder, name.c_str(), static_cast<uid_t>(entry.uid),
                   static_cast<gid_t>(entry.gid), AT_SYMLINK_NOFOLLOW) != 0) {
      return cannot_own(entry);
    }
    const std::array<timespec, 2> times{timespec{entry.mtime, 0}, timespec{entry.mtime, 0}};
    if (::utimensat(folder, name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0) {
      return cannot("set the time of", entry.path);
    }
    return {};
  }

  static Result<> fifo_attributes(int folder, const std::string& name, const TarEntry& entry) {
    TRY(link_attributes(folder, name, entry));
    if (::fchmodat(folder, name.c_str(), entry.mode, 0) != 0) {
      return cannot("set the mode of", entry.path);
    }
    return {};
  }

  static tl::unexpected<Error> cannot_own(const TarEntry& entry) {
    const Error cause = base::io_error("cannot give " + entry.path + " to " +
                                       std::to_string(entry.uid) + ":" + std::to_string(entry.gid));
    return fail(Error(cause.code(), cause.message())
                    .hint("ids must be inside the user's subordinate range (/etc/subuid, "
                          "/etc/subgid); run as root for larger ones"));
  }

  base::File root_;
  std::vector<std::pair<std::string, base::File>> open_;
  std::vector<std::pair<std::string, std::int64_t>> folder_times_;
  std::vector<std::byte> chunk_ = std::vector<std::byte>(base::kChunk);
};

}  // namespace

Result<> unpack_layer(const std::string& blob, const std::string& tree) {
  base::File root(::open(tree.c_str(), kFolderFlags));
  if (!root.is_open()) return fail(base::io_error("cannot open " + tree));
  base::File file = TRY(base::File::open_read(blob));
  archive::TarReader reader = TRY(archive::TarReader::open(file));
  Unpacker unpacker(std::move(root));
  for (;;) {
    const auto entry = TRY(reader.next());
    if (!entry) break;
    TRY(unpacker.add(*entry, reader.content()));
  }
  return unpacker.finish();
}

}  // namespace imgforge::sandbox

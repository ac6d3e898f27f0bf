#include "sandbox/inode.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <vector>

#include "base/file.h"
#include "sandbox/marks.h"

namespace imgforge::sandbox {
namespace {

Result<std::string> xattr_value(const std::string& path, const std::string& name) {
  std::string value;
  for (int attempt = 0; attempt < 8; ++attempt) {  // it may grow between the two calls
    const ssize_t size = ::lgetxattr(path.c_str(), name.c_str(), nullptr, 0);
    if (size < 0) break;
    value.resize(static_cast<std::size_t>(size));
    const ssize_t read = ::lgetxattr(path.c_str(), name.c_str(), value.data(), value.size());
    if (read >= 0) {
      value.resize(static_cast<std::size_t>(read));
      return value;
    }
    if (errno != ERANGE) break;
  }
  return fail(base::io_error("cannot read the attribute " + name + " of " + path));
}

Result<std::string> link_target(const std::string& path) {
  std::array<char, PATH_MAX> buffer;
  const ssize_t length = ::readlink(path.c_str(), buffer.data(), buffer.size());
  if (length < 0) return fail(base::io_error("cannot read the link " + path));
  return std::string(buffer.data(), static_cast<std::size_t>(length));
}

Result<bool> same_content(const std::string& first, const std::string& second) {
  base::File a = TRY(base::File::open_read(first)), b = TRY(base::File::open_read(second));
  const std::uint64_t size = a.size();
  if (size != b.size()) return false;
  std::vector<std::byte> of_a(base::kChunk), of_b(base::kChunk);
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t part = std::min<std::uint64_t>(base::kChunk, size - at);
    TRY(a.read_at(at, base::MutableBytes(of_a).first(part)));
    TRY(b.read_at(at, base::MutableBytes(of_b).first(part)));
    if (!std::equal(of_a.begin(), of_a.begin() + static_cast<std::ptrdiff_t>(part), of_b.begin())) {
      return false;
    }
    at += part;
  }
  return true;
}

}  // namespace

Result<std::optional<struct stat>> look_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) return status;
  if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
  return fail(base::io_error("cannot look at " + path));
}

bool is_whiteout(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(0, 0);
}

Result<std::map<std::string, std::string>> layer_xattrs(const std::string& path) {
  std::map<std::string, std::string> out;
  std::string names(4096, '\0');
  ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  if (length < 0 && errno == ERANGE) {
    names.resize(XATTR_LIST_MAX);
    length = ::llistxattr(path.c_str(), names.data(), names.size());
  }
  if (length < 0) {
    if (errno == ENOTSUP) return out;
    return fail(base::io_error("cannot list the attributes of " + path));
  }
  for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
    const std::string name = names.c_str() + at;
    at += name.size() + 1;
    if (is_layer_xattr(name)) out[name] = TRY(xattr_value(path, name));
  }
  return out;
}

bool has_xattr(const std::string& path, const char* name, std::string_view value) {
  std::array<char, 256> buffer;
  const ssize_t length = ::lgetxattr(path.c_str(), name, buffer.data(), buffer.size());
  return length >= 0 && std::string_view(buffer.data(), static_cast<std::size_t>(length)) == value;
}

Result<archive::TarEntry> describe(const std::string& path, const struct stat& status,
                                   base::Seconds epoch) {
  archive::TarEntry entry;
  entry.mode = status.st_mode & 07777;
  entry.uid = status.st_uid;
  entry.gid = status.st_gid;
  entry.mtime = std::min<std::int64_t>(status.st_mtim.tv_sec, epoch.value);
  switch (status.st_mode & S_IFMT) {
    case S_IFREG:
      entry.type = archive::EntryType::file;
      entry.size = static_cast<std::uint64_t>(status.st_size);
      break;
    case S_IFDIR:
      entry.type = archive::EntryType::directory;
      break;
    case S_IFLNK:
      entry.type = archive::EntryType::symlink;
      entry.mode = 0777;
      entry.link_target = TRY(link_target(path));
      break;
    case S_IFIFO:
      entry.type = archive::EntryType::fifo;
      break;
    default:
      return fail(Error(Errc::invalid, "a device node cannot be part of a layer: " + path)
                      .hint("runtimes make their own /dev; remove the node in the step"));
  }
  entry.xattrs = TRY(layer_xattrs(path));
  return entry;
}

Result<bool> is_same(const std::string& first, const struct stat& first_status,
                     const std::string& second, const struct stat& second_status,
                     base::Seconds epoch) {
  if ((first_status.st_mode & S_IFMT) != (second_status.st_mode & S_IFMT)) return false;
  if (is_whiteout(first_status) || S_ISCHR(second_status.st_mode)) return false;
  const archive::TarEntry a = TRY(describe(first, first_status, epoch));
  const archive::TarEntry b = TRY(describe(second, second_status, epoch));
  if (a.mode != b.mode || a.uid != b.uid || a.gid != b.gid || a.mtime != b.mtime ||
      a.size != b.size || a.link_target != b.link_target || a.xattrs != b.xattrs) {
    return false;
  }
  if (a.type != archive::EntryType::file) return true;
  return same_content(first, second);
}

}  // namespace imgforge::sandbox

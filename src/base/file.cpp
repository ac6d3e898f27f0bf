#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <utility>

namespace imgforge::base {

File::~File() {
  if (fd_ >= 0) ::close(fd_);
}

File& File::operator=(File&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
    path_ = std::move(other.path_);
  }
  return *this;
}

int File::release() { return std::exchange(fd_, -1); }

namespace {
Result<File> open_file(const std::string& path, int flags, mode_t mode, const char* verb) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail(io_error(std::string("cannot ") + verb + " " + path));
  return File(fd);
}
}  // namespace

Result<File> File::open_read(const std::string& path) {
  File file = TRY(open_file(path, O_RDONLY, 0, "open"));
  file.path_ = path;
  return file;
}

Result<File> File::create(const std::string& path, mode_t mode) {
  File file = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL, mode, "create"));
  file.path_ = path;
  return file;
}

Result<File> File::open_or_create(const std::string& path, mode_t mode) {
  File file = TRY(open_file(path, O_RDWR | O_CREAT, mode, "open"));
  file.path_ = path;
  return file;
}

std::uint64_t File::size() const {
  struct stat status {};
  return ::fstat(fd_, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

Result<> File::read_at(std::uint64_t offset, MutableBytes buffer) const {
  while (!buffer.empty()) {
    const ssize_t n = ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset));
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(io_error("cannot read " + path_));
    }
    if (n == 0) return fail(Errc::io, path_ + " ends early");
    buffer = buffer.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<std::size_t> File::read(MutableBytes buffer) {
  for (;;) {
    const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno != EINTR) return fail(io_error("cannot read " + path_));
  }
}

Result<> File::write(Bytes bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return fail(io_error("cannot write " + path_));
    }
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<> File::preallocate(std::uint64_t size) {
  if (size == 0) return {};
  const int code = ::posix_fallocate(fd_, 0, static_cast<off_t>(size));
  if (code == ENOSPC || code == EDQUOT || code == EFBIG) {
    return fail(io_error("cannot reserve space for " + path_, code));
  }
  return {};
}

Result<> File::sync() {
  if (::fdatasync(fd_) != 0 && errno != EINVAL && errno != EROFS) {
    return fail(io_error("cannot sync " + path_));
  }
  return {};
}

Result<> File::close() {
  if (fd_ < 0) return {};
  if (::close(release()) != 0 && errno != EINTR) return fail(io_error("cannot close " + path_));
  return {};
}

Result<TempDir> TempDir::create(const std::string& parent, const std::string& prefix) {
  TRY(make_directories(parent));
  std::string path = join_path(parent, prefix + "-XXXXXX");
  if (::mkdtemp(path.data()) == nullptr) {
    return fail(io_error("cannot create a temporary folder in " + parent));
  }
  return TempDir(std::move(path));
}

TempDir::~TempDir() {
  if (!path_.empty()) (void)remove_all(path_);
}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  if (this != &other) {
    if (!path_.empty()) (void)remove_all(path_);
    path_ = std::exchange(other.path_, {});
  }
  return *this;
}

namespace {
Result<bool> flock_file(const File& file, FileLock::Mode mode, bool wait) {
  const int operation = (mode == FileLock::Mode::shared ? LOCK_SH : LOCK_EX) | (wait ? 0 : LOCK_NB);
  while (::flock(file.fd(), operation) != 0) {
    if (errno == EINTR) continue;
    if (errno == EWOULDBLOCK) return false;
    return fail(io_error("cannot lock " + file.path()));
  }
  return true;
}
}  // namespace

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path, Mode mode) {
  File file = TRY(File::open_or_create(path));
  if (!TRY(flock_file(file, mode, false))) return std::nullopt;
  return FileLock(std::move(file));
}

Result<FileLock> FileLock::acquire(const std::string& path, Mode mode,
                                   const std::function<void()>& on_wait) {
  File file = TRY(File::open_or_create(path));
  if (!TRY(flock_file(file, mode, false))) {
    if (on_wait) on_wait();
    (void)TRY(flock_file(file, mode, true));
  }
  return FileLock(std::move(file));
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  File file = TRY(File::open_read(path));
  auto content = read_all(file, limit);
  if (!content) return fail(std::move(content.error()).context("reading " + path));
  return content;
}

Result<> write_file_atomic(const std::string& path, std::string_view content, mode_t mode) {
  std::string temporary = path + ".tmp-XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return fail(io_error("cannot write " + path));
  File file(fd);
  auto written = [&]() -> Result<> {
    TRY(file.write(as_bytes(content)));
    if (::fchmod(fd, mode) != 0) return fail(io_error("cannot set the mode of " + path));
    TRY(file.sync());
    TRY(file.close());
    return rename(temporary, path);
  }();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

bool is_directory(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

Result<std::uint64_t> file_size(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return fail(io_error("cannot look at " + path));
  return static_cast<std::uint64_t>(status.st_size);
}

Result<> make_directories(const std::string& path, mode_t mode) {
  if (path.empty() || is_directory(path)) return {};
  TRY(make_directories(parent_path(path), mode));
  if (::mkdir(path.c_str(), mode) != 0 && !(errno == EEXIST && is_directory(path))) {
    return fail(io_error("cannot create the folder " + path));
  }
  return {};
}

namespace {

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

Result<std::vector<std::string>> names_in(int folder_fd, const std::string& path) {
  std::unique_ptr<DIR, DirectoryCloser> directory(::fdopendir(folder_fd));
  if (!directory) {
    ::close(folder_fd);
    return fail(io_error("cannot list " + path));
  }
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail(io_error("cannot list " + path));
  std::sort(names.begin(), names.end());
  return names;
}

// Works relative to open folders, so that a link swapped in meanwhile cannot lead elsewhere.
Result<> remove_at(int parent_fd, const std::string& name, const std::string& shown) {
  if (::unlinkat(parent_fd, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM && errno != EACCES) {
    return fail(io_error("cannot remove " + shown));
  }
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int fd = ::openat(parent_fd, name.c_str(), kFlags);
  if (fd < 0 && errno == EACCES && ::fchmodat(parent_fd, name.c_str(), 0700, 0) == 0) {
    fd = ::openat(parent_fd, name.c_str(), kFlags);
  }
  if (fd < 0) return fail(io_error("cannot remove " + shown));
  (void)::fchmod(fd, 0700);
  const int listing_fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  auto names = names_in(listing_fd, shown);
  Result<> done;
  if (!names) {
    done = fail(std::move(names.error()));
  } else {
    for (const std::string& child : *names) {
      if (done = remove_at(fd, child, join_path(shown, child)); !done) break;
    }
  }
  ::close(fd);
  if (!done) return done;
  if (::unlinkat(parent_fd, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return fail(io_error("cannot remove " + shown));
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return fail(io_error("cannot list " + path));
  return names_in(fd, path);
}

Result<> remove_all(const std::string& path) { return remove_at(AT_FDCWD, path, path); }

Result<> rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) {
    return fail(io_error("cannot rename " + from + " to " + to));
  }
  return {};
}

Result<> link_or_copy(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) == 0 || errno == EEXIST) return {};
  if (errno != EXDEV && errno != EPERM && errno != EMLINK && errno != EOPNOTSUPP) {
    return fail(io_error("cannot link " + to + " to " + from));
  }
  File source = TRY(File::open_read(from));
  std::string temporary = to + ".tmp-XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return fail(io_error("cannot write " + to));
  File target(fd);
  auto copied = [&]() -> Result<> {
    TRY(target.preallocate(source.size()));
    (void)TRY(copy(source, target));
    if (::fchmod(fd, 0644) != 0) return fail(io_error("cannot set the mode of " + to));
    TRY(target.sync());
    TRY(target.close());
    return rename(temporary, to);
  }();
  if (!copied) ::unlink(temporary.c_str());
  return copied;
}

std::string join_path(std::string_view first, std::string_view second) {
  if (first.empty() || second.starts_with('/')) return std::string(second);
  std::string out(first);
  if (second.empty()) return out;
  if (!out.ends_with('/')) out += '/';
  return out += second;
}

Result<std::string> absolute_path(const std::string& path) {
  std::string whole = path;
  if (!path.starts_with('/')) {
    char* current = ::getcwd(nullptr, 0);
    if (current == nullptr) return fail(io_error("cannot find the working directory"));
    whole = join_path(current, path);
    ::free(current);
  }
  std::vector<std::string> parts;
  std::size_t at = 0;
  while (at < whole.size()) {
    const std::size_t end = std::min(whole.find('/', at), whole.size());
    std::string part = whole.substr(at, end - at);
    at = end + 1;
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(std::move(part));
    }
  }
  std::string out;
  for (const std::string& part : parts) out += "/" + part;
  return out.empty() ? "/" : out;
}

std::string base_name(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return "";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

}  // namespace imgforge::base

// Files and folders: POSIX calls with Errors. Paths are UTF-8 strings as given; nothing follows the
// working directory but open calls with relative paths.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace imgforge::base {

/// An owned file descriptor. Closing in the destructor ignores errors; writers call close().
class File final : public RandomAccess, public Source, public Sink {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  ~File() override;
  File(File&& other) noexcept : fd_(other.release()), path_(std::move(other.path_)) {}
  File& operator=(File&& other) noexcept;

  static Result<File> open_read(const std::string& path);
  /// O_CREAT | O_EXCL.
  static Result<File> create(const std::string& path, mode_t mode = 0644);
  /// O_CREAT, appends nothing: for lock files.
  static Result<File> open_or_create(const std::string& path, mode_t mode = 0644);

  int fd() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  const std::string& path() const { return path_; }
  int release();

  std::uint64_t size() const override;
  Result<> read_at(std::uint64_t offset, MutableBytes buffer) const override;
  Result<std::size_t> read(MutableBytes buffer) override;
  Result<> write(Bytes bytes) override;
  /// Reserves `size` bytes on disk; a file system that cannot is no error, a full disk is.
  Result<> preallocate(std::uint64_t size);
  Result<> sync();
  Result<> close();

 private:
  int fd_ = -1;
  std::string path_;
};

/// A folder that is removed with all its contents when this is destroyed.
class TempDir {
 public:
  /// Creates `parent`/prefix-XXXXXX with mode 0700.
  static Result<TempDir> create(const std::string& parent, const std::string& prefix);
  ~TempDir();
  TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  TempDir& operator=(TempDir&& other) noexcept;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  /// Gives up ownership: the folder stays.
  std::string keep() { return std::exchange(path_, {}); }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

/// An advisory lock (flock) on a file, released by the destructor or the end of the process.
class FileLock {
 public:
  enum class Mode { shared, exclusive };
  /// Waits. `on_wait` is called once, before waiting, if somebody else holds it.
  static Result<FileLock> acquire(const std::string& path, Mode mode,
                                  const std::function<void()>& on_wait = {});
  /// nullopt when somebody else holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path, Mode mode);

 private:
  explicit FileLock(File file) : file_(std::move(file)) {}
  File file_;
};

/// Whole small files. Default limit 64 MiB.
Result<std::string> read_file(const std::string& path, std::size_t limit = 64 << 20);
/// Writes beside the target, syncs, renames: readers see the old or the new content, never a part.
Result<> write_file_atomic(const std::string& path, std::string_view content, mode_t mode = 0644);

bool exists(const std::string& path);
bool is_directory(const std::string& path);
Result<std::uint64_t> file_size(const std::string& path);
/// Like mkdir -p.
Result<> make_directories(const std::string& path, mode_t mode = 0755);
/// Never follows links; a missing path is success. Makes folders writable where it must.
Result<> remove_all(const std::string& path);
Result<> rename(const std::string& from, const std::string& to);
/// Names in a folder without "." and "..", sorted by byte value.
Result<std::vector<std::string>> list_directory(const std::string& path);
/// Hard link, or a copy (through a temporary name) where linking is not possible (EXDEV, EPERM,
/// EMLINK). An existing target is success.
Result<> link_or_copy(const std::string& from, const std::string& to);

/// a/b joined with exactly one slash; an absolute `second` wins.
std::string join_path(std::string_view first, std::string_view second);
/// Absolute and without "." and ".." by text (links are not resolved).
Result<std::string> absolute_path(const std::string& path);
std::string base_name(std::string_view path);
std::string parent_path(std::string_view path);

}  // namespace imgforge::base

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>

#include "base/file.h"
#include "base/sha256.h"
#include "layer/file_list.h"

namespace imgforge::layer {

namespace {

constexpr int kDeepest = 200;  // folders in folders; more is a mistake, and would end the stack

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

Result<base::File> open_no_follow(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail(base::io_error("cannot open " + path));
  return base::File(fd);
}

class Walk {
 public:
  Walk(const std::string& root, const FileSelection& selection, std::stop_token stop)
      : root_(root), selection_(selection), stop_(std::move(stop)), buffer_(base::kChunk) {}

  Result<> folder(const std::string& relative, int depth) {
    if (depth > kDeepest) {
      return fail(Errc::invalid, fmt::format("{} is more than {} folders deep",
                                             base::join_path(root_, relative), kDeepest));
    }
    const auto names = TRY(base::list_directory(base::join_path(root_, relative)));
    for (const std::string& name : names) {
      TRY(one(relative.empty() ? name : relative + "/" + name, depth));
    }
    return {};
  }

  std::vector<ProjectFile> take() {
    std::sort(files_.begin(), files_.end(),
              [](const ProjectFile& a, const ProjectFile& b) { return a.path < b.path; });
    return std::move(files_);
  }

 private:
  Result<> one(std::string path, int depth) {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const std::string full = base::join_path(root_, path);
    struct stat status;
    if (::lstat(full.c_str(), &status) != 0) {
      return fail(base::io_error("cannot look at " + full));
    }
    if (S_ISDIR(status.st_mode)) {
      if (!selection_.enters(path)) return {};
      return folder(path, depth + 1);
    }
    if (!selection_.takes(path)) return {};
    if (S_ISLNK(status.st_mode)) return link(std::move(path), full);
    if (!S_ISREG(status.st_mode)) {
      return fail(
          Error(Errc::invalid, fmt::format("{} is neither a file, a folder nor a link", full))
              .hint("name it under `ignore`"));
    }
    ProjectFile file{.path = std::move(path), .executable = (status.st_mode & S_IXUSR) != 0};
    TRY(hash(full, file));
    files_.push_back(std::move(file));
    return {};
  }

  Result<> link(std::string path, const std::string& full) {
    std::string target(PATH_MAX, '\0');
    const ssize_t n = ::readlink(full.c_str(), target.data(), target.size());
    if (n < 0) return fail(base::io_error("cannot read the link " + full));
    target.resize(static_cast<std::size_t>(n));
    files_.push_back({.path = std::move(path), .is_link = true, .target = std::move(target)});
    return {};
  }

  Result<> hash(const std::string& full, ProjectFile& file) {
    auto input = TRY(open_no_follow(full));
    hash_.reset();
    for (;;) {
      const auto n = input.read(buffer_);
      if (!n) return fail(Error(n.error()).context("reading " + full));
      if (*n == 0) break;
      hash_.update(base::Bytes(buffer_).first(*n));
      file.size += *n;
      if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    }
    file.content = "sha256:" + hash_.finish_hex();
    return {};
  }

  const std::string& root_;
  const FileSelection& selection_;
  std::stop_token stop_;
  std::vector<std::byte> buffer_;
  base::Sha256 hash_;
  std::vector<ProjectFile> files_;
};

/// Passes a file's bytes on and fails at the end when they are not those that were hashed.
class VerifiedSource final : public base::Source {
 public:
  VerifiedSource(base::File file, std::string path, const ProjectFile& expected)
      : file_(std::move(file)),
        path_(std::move(path)),
        rest_(expected.size),
        expected_(expected.content) {}

  Result<std::size_t> read(base::MutableBytes buffer) override {
    if (rest_ == 0) return 0;
    if (buffer.size() > rest_) buffer = buffer.first(static_cast<std::size_t>(rest_));
    const std::size_t n = TRY(file_.read(buffer));
    if (n == 0) return fail(changed());
    hash_.update(buffer.first(n));
    rest_ -= n;
    if (rest_ == 0) {
      std::byte beyond;
      const std::size_t more = TRY(file_.read({&beyond, 1}));
      if (more != 0 || "sha256:" + hash_.finish_hex() != expected_) return fail(changed());
    }
    return n;
  }

 private:
  Error changed() const {
    return Error(Errc::mismatch, path_ + " changed while the image was being built")
        .hint("build again when nothing writes to it any more");
  }

  base::File file_;
  std::string path_;
  std::uint64_t rest_;
  std::string expected_;
  base::Sha256 hash_;
};

}  // namespace

bool FileSelection::enters(std::string_view folder) const {
  return last_part(folder) != ".git" && !ignore.matches(folder, true);
}

bool FileSelection::takes(std::string_view file) const {
  if (last_part(file) == ".git" || ignore.matches(file, false)) return false;
  return include.empty() || include.matches_within(file, false);
}

bool FileSelection::takes_alone(std::string_view path) const {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (!enters(path.substr(0, slash))) return false;
  }
  return takes(path);
}

Result<std::vector<ProjectFile>> scan_folder(const std::string& folder,
                                             const FileSelection& selection, std::stop_token stop) {
  Walk walk(folder, selection, std::move(stop));
  TRY(walk.folder("", 0));
  return walk.take();
}

Result<std::unique_ptr<base::Source>> open_scanned(const std::string& folder,
                                                   const ProjectFile& file) {
  std::string path = base::join_path(folder, file.path);
  auto input = TRY(open_no_follow(path));
  return std::make_unique<VerifiedSource>(std::move(input), std::move(path), file);
}

}  // namespace imgforge::layer

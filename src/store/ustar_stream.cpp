#include "store/ustar_stream.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>

namespace imgforge::store {
namespace {

constexpr std::uint64_t kBlock = 512;

// POSIX.1-2017 ustar; sizes from 8 GiB on in GNU's base-256 form, which every reader of image
// archives knows.
Result<std::string> header(const std::string& name, std::uint64_t size, bool folder) {
  if (name.size() > 100) return fail(Errc::internal, "the name " + name + " is too long");
  std::string block(kBlock, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    block.replace(at, text.size(), text);
  };
  put(0, name);
  put(100, folder ? "0000755" : "0000644");
  put(108, "0000000");
  put(116, "0000000");
  if (size < (std::uint64_t{1} << 33)) {
    put(124, fmt::format("{:011o}", size));
  } else {
    block[124] = static_cast<char>(0x80);
    for (std::size_t i = 0; i < 8; ++i) block[135 - i] = static_cast<char>(size >> (8 * i) & 0xff);
  }
  put(136, "00000000000");
  put(148, "        ");
  block[156] = folder ? '5' : '0';
  put(257, std::string("ustar\00000", 8));
  unsigned sum = 0;
  for (char c : block) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum));
  block[154] = '\0';
  return block;
}

}  // namespace

Result<UstarFile> UstarFile::create(const std::string& path) {
  TRY(base::make_directories(base::parent_path(path)));
  std::string temporary = path + ".tmp-XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return fail(base::io_error("cannot write " + path));
  ::close(fd);
  base::File file = TRY(base::File::open_or_create(temporary));  // knows its path, for errors
  return UstarFile(path, std::move(temporary), std::move(file));
}

UstarFile::UstarFile(UstarFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::exchange(other.temporary_, {})),
      file_(std::move(other.file_)),
      offset_(other.offset_) {}

UstarFile::~UstarFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<> UstarFile::folder(const std::string& name) {
  TRY(file_.write(base::as_bytes(TRY(header(name + "/", 0, true)))));
  offset_ += kBlock;
  return {};
}

Result<> UstarFile::file(const std::string& name, std::string_view content) {
  base::TextSource source(content);
  return file(name, source);
}

Result<> UstarFile::file(const std::string& name, base::Source& content) {
  const std::uint64_t start = offset_;
  TRY(file_.write(base::as_bytes(std::string(kBlock, '\0'))));
  const std::uint64_t size = TRY(base::copy(content, file_));
  const std::uint64_t padding = (kBlock - size % kBlock) % kBlock;
  TRY(file_.write(base::as_bytes(std::string(padding, '\0'))));
  const std::string block = TRY(header(name, size, false));
  if (::pwrite(file_.fd(), block.data(), block.size(), static_cast<off_t>(start)) !=
      static_cast<ssize_t>(block.size())) {
    return fail(base::io_error("cannot write " + path_));
  }
  offset_ += kBlock + size + padding;
  return {};
}

Result<> UstarFile::commit() {
  TRY(file_.write(base::as_bytes(std::string(2 * kBlock, '\0'))));
  if (::fchmod(file_.fd(), 0644) != 0)
    return fail(base::io_error("cannot set the mode of " + path_));
  TRY(file_.sync());
  TRY(file_.close());
  TRY(base::rename(temporary_, path_));
  temporary_.clear();
  return {};
}

}  // namespace imgforge::store

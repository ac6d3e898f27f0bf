#include "archive/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <algorithm>
#include <limits>
#include <string_view>
#include <vector>

namespace imgforge::archive {
namespace {

// Below this much output a ratio says nothing (a sparse image, a run of zeros in a log).
constexpr std::uint64_t kRatioFrom = std::uint64_t{64} << 20;

struct ReadDeleter {
  void operator()(::archive* a) const { archive_read_free(a); }
};

// libarchive converts pax names to the thread's locale and loses what does not fit. Within this
// scope the locale is UTF-8, so that names come out as they stand, whatever the user's settings.
class Utf8Scope {
 public:
  Utf8Scope() : before_(utf8() != locale_t{} ? uselocale(utf8()) : locale_t{}) {}
  ~Utf8Scope() {
    if (before_ != locale_t{}) uselocale(before_);
  }
  Utf8Scope(const Utf8Scope&) = delete;
  Utf8Scope& operator=(const Utf8Scope&) = delete;

 private:
  static locale_t utf8() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", locale_t{});
    return locale;
  }
  locale_t before_;
};

}  // namespace

struct TarReader::State {
  base::Source* source = nullptr;
  ReadLimits limits;
  std::unique_ptr<::archive, ReadDeleter> handle;
  std::vector<std::byte> input;
  std::optional<Error> source_error;  // an error of the source, on its way through libarchive
  std::uint64_t entries = 0;
  std::uint64_t delivered = 0;  // content bytes, dense
  bool in_entry = false;

  class Content final : public base::Source {
   public:
    explicit Content(State& state) : state_(state) {}
    Result<std::size_t> read(base::MutableBytes buffer) override {
      return state_.read_content(buffer);
    }

   private:
    State& state_;
  } content{*this};

  static la_ssize_t on_read(::archive* a, void* self, const void** buffer) {
    State& s = *static_cast<State*>(self);
    auto n = s.source->read(s.input);
    if (!n) {
      s.source_error = std::move(n.error());
      archive_set_error(a, EIO, "the source failed");
      return -1;
    }
    *buffer = s.input.data();
    return static_cast<la_ssize_t>(*n);
  }

  Error error() {
    if (source_error) return std::move(*source_error);
    const char* text = archive_error_string(handle.get());
    return {Errc::invalid,
            std::string("the archive is damaged or no tar: ") + (text != nullptr ? text : "?")};
  }

  // libarchive warns where it goes on with less than the archive holds. Only a lost owner name is
  // nothing to us.
  bool acceptable(int code) {
    if (code == ARCHIVE_OK) return true;
    if (code != ARCHIVE_WARN) return false;
    const char* text = archive_error_string(handle.get());
    const std::string_view why = text != nullptr ? text : "";
    return why.starts_with("Uname ") || why.starts_with("Gname ");
  }

  Result<> check_limits() {
    if (delivered > limits.total_bytes) {
      return fail(Errc::invalid, "the archive unpacks to more than the limit of " +
                                     std::to_string(limits.total_bytes) + " bytes");
    }
    const auto packed = std::max<std::int64_t>(archive_filter_bytes(handle.get(), -1), 1);
    const auto plain = std::max<std::int64_t>(archive_filter_bytes(handle.get(), 0), 0);
    const std::uint64_t out = std::max(delivered, static_cast<std::uint64_t>(plain));
    if (out > kRatioFrom && out / static_cast<std::uint64_t>(packed) > limits.ratio) {
      return fail(Errc::invalid, "the archive grows more than " + std::to_string(limits.ratio) +
                                     " times when unpacked, which no honest archive does");
    }
    return {};
  }

  Result<std::size_t> read_content(base::MutableBytes buffer) {
    if (!in_entry || buffer.empty()) return 0;
    const Utf8Scope scope;
    const la_ssize_t n = archive_read_data(handle.get(), buffer.data(), buffer.size());
    if (n < 0) return fail(error());
    if (n == 0) in_entry = false;
    delivered += static_cast<std::uint64_t>(n);
    TRY(check_limits());
    return static_cast<std::size_t>(n);
  }

  // In pieces, so that a bomb is noticed while it is skipped.
  Result<> skip_content() {
    while (in_entry) {
      const void* data = nullptr;
      std::size_t size = 0;
      la_int64_t offset = 0;
      const int code = archive_read_data_block(handle.get(), &data, &size, &offset);
      if (code == ARCHIVE_EOF) {
        in_entry = false;
      } else if (code != ARCHIVE_OK) {
        return fail(error());
      }
      delivered += size;
      TRY(check_limits());
    }
    return {};
  }

  Result<TarEntry> convert(archive_entry* from);
};

Result<TarEntry> TarReader::State::convert(archive_entry* from) {
  TarEntry entry;
  const char* path = archive_entry_pathname(from);
  if (path == nullptr) return fail(Errc::invalid, "an archive entry has no readable path");
  entry.path = TRY(normal_path(path));
  const auto refuse = [&](const std::string& what) {
    return fail(Errc::unsupported, "the archive entry \"" + entry.path + "\" " + what);
  };
  if (const char* target = archive_entry_hardlink(from); target != nullptr) {
    entry.type = EntryType::hard_link;
    entry.link_target = TRY(normal_path(target));
  } else {
    switch (archive_entry_filetype(from)) {
      case AE_IFREG:
        entry.type = EntryType::file;
        break;
      case AE_IFDIR:
        entry.type = EntryType::directory;
        break;
      case AE_IFLNK: {
        entry.type = EntryType::symlink;
        const char* to = archive_entry_symlink(from);
        if (to == nullptr || *to == '\0') return refuse("is a link without a target");
        entry.link_target = to;
        break;
      }
      case AE_IFIFO:
        entry.type = EntryType::fifo;
        break;
      case AE_IFCHR:
        entry.type = EntryType::character_device;
        break;
      case AE_IFBLK:
        entry.type = EntryType::block_device;
        break;
      default:
        return refuse("is of an unknown type");
    }
  }
  entry.mode = archive_entry_perm(from) & 07777;
  const la_int64_t uid = archive_entry_uid(from);
  const la_int64_t gid = archive_entry_gid(from);
  if (uid < 0 || gid < 0) return refuse("has a negative owner");
  entry.uid = static_cast<std::uint64_t>(uid);
  entry.gid = static_cast<std::uint64_t>(gid);
  entry.mtime = archive_entry_mtime(from);
  if (entry.type == EntryType::file) {
    const la_int64_t size = archive_entry_size(from);
    if (size < 0) return refuse("has a negative size");
    entry.size = static_cast<std::uint64_t>(size);
    if (entry.size > limits.total_bytes) {
      return fail(Errc::invalid, "the archive entry \"" + entry.path +
                                     "\" is larger than the limit of " +
                                     std::to_string(limits.total_bytes) + " bytes");
    }
  }
  if (entry.type == EntryType::character_device || entry.type == EntryType::block_device) {
    entry.device_major = static_cast<std::uint32_t>(archive_entry_rdevmajor(from));
    entry.device_minor = static_cast<std::uint32_t>(archive_entry_rdevminor(from));
  }
  archive_entry_xattr_reset(from);
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  while (archive_entry_xattr_next(from, &name, &value, &size) == ARCHIVE_OK) {
    entry.xattrs[name].assign(static_cast<const char*>(value), size);
  }
  return entry;
}

TarReader::TarReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
TarReader::~TarReader() = default;
TarReader::TarReader(TarReader&&) noexcept = default;

Result<TarReader> TarReader::open(base::Source& source, ReadLimits limits) {
  auto state = std::make_unique<State>();
  state->source = &source;
  state->limits = limits;
  state->input.resize(base::kChunk);
  state->handle.reset(archive_read_new());
  ::archive* a = state->handle.get();
  if (a == nullptr) return fail(Errc::io, "there is no memory for reading an archive");
  const Utf8Scope scope;
  for (const auto support : {archive_read_support_format_tar, archive_read_support_filter_gzip,
                             archive_read_support_filter_xz, archive_read_support_filter_lzma,
                             archive_read_support_filter_zstd, archive_read_support_filter_bzip2}) {
    // ARCHIVE_WARN: built without the library; it would start a program, which we do not want.
    if (support(a) != ARCHIVE_OK) return fail(Errc::internal, "libarchive lacks a format");
  }
  if (archive_read_open(a, state.get(), nullptr, &State::on_read, nullptr) != ARCHIVE_OK) {
    return fail(state->error());
  }
  return TarReader(std::move(state));
}

Result<std::optional<TarEntry>> TarReader::next() {
  State& s = *state_;
  const Utf8Scope scope;
  TRY(s.skip_content());
  archive_entry* entry = nullptr;
  const int code = archive_read_next_header(s.handle.get(), &entry);
  if (code == ARCHIVE_EOF) return std::nullopt;
  if (!s.acceptable(code)) return fail(s.error());
  if (++s.entries > s.limits.entries) {
    return fail(Errc::invalid, "the archive has more than the limit of " +
                                   std::to_string(s.limits.entries) + " entries");
  }
  TRY(s.check_limits());
  s.in_entry = true;
  return TRY(s.convert(entry));
}

base::Source& TarReader::content() { return state_->content; }

}  // namespace imgforge::archive

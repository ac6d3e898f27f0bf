#include "archive/deb.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/text.h"

namespace imgforge::archive {
namespace {

constexpr std::string_view kArMagic = "!<arch>\n";
constexpr std::size_t kArHeaderSize = 60;
// A .deb has three members, and signing tools add a few whose names begin with '_'.
constexpr int kMaxMembers = 64;
// Control files are small texts; the largest conffiles and md5sums of Debian have a few MiB.
constexpr std::size_t kMaxControlFile = std::size_t{64} << 20;

struct Member {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};
struct Parts {
  Member control;
  Member data;
};

Error broken(const std::string& name, const std::string& what) {
  return Error(Errc::invalid, name + " is not a usable Debian package: " + what);
}

Result<std::string> text_at(const base::RandomAccess& deb, std::uint64_t offset, std::size_t size) {
  std::string text(size, '\0');
  TRY(deb.read_at(offset, {reinterpret_cast<std::byte*>(text.data()), text.size()}));
  return text;
}

// deb(5): debian-binary first, then control.tar[.x], then data.tar[.x]; members whose name begins
// with '_' may stand before data.tar.
Result<Parts> find_parts(const base::RandomAccess& deb, const std::string& name) {
  const std::uint64_t total = deb.size();
  if (total < kArMagic.size() || TRY(text_at(deb, 0, kArMagic.size())) != kArMagic) {
    return fail(broken(name, "it is no ar archive"));
  }
  std::uint64_t at = kArMagic.size();
  std::optional<Member> control;
  for (int index = 0; index < kMaxMembers; ++index) {
    if (total - at < kArHeaderSize) return fail(broken(name, "it ends early"));
    const std::string header = TRY(text_at(deb, at, kArHeaderSize));
    const auto size = base::parse_uint(base::trim(std::string_view(header).substr(48, 10)));
    if (header.substr(58) != "`\n" || !size) return fail(broken(name, "its ar header is damaged"));
    at += kArHeaderSize;
    if (*size > total - at) return fail(broken(name, "it ends early"));
    const Member member{at, *size};
    // GNU ar ends a name with a slash.
    std::string_view member_name = base::trim(std::string_view(header).substr(0, 16));
    if (member_name.ends_with('/')) member_name.remove_suffix(1);
    if (index == 0) {
      if (member_name != "debian-binary" || *size > 1024) {
        return fail(broken(name, "it does not begin with debian-binary"));
      }
      if (!TRY(text_at(deb, at, static_cast<std::size_t>(*size))).starts_with("2.")) {
        return fail(Errc::unsupported, name + " has a package format other than 2");
      }
    } else if (member_name == "control.tar" || member_name.starts_with("control.tar.")) {
      if (control) return fail(broken(name, "it has two control archives"));
      control = member;
    } else if (member_name == "data.tar" || member_name.starts_with("data.tar.")) {
      if (!control) return fail(broken(name, "its data comes before its control archive"));
      return Parts{*control, member};
    } else if (!member_name.starts_with('_')) {
      return fail(broken(name, "it has the unknown part \"" + std::string(member_name) + "\""));
    }
    at = std::min(total, at + *size + *size % 2);
  }
  return fail(broken(name, "it has too many parts"));
}

Result<DebControl> read_control(const base::RandomAccess& deb, const std::string& name) {
  const Parts parts = TRY(find_parts(deb, name));
  base::RangeSource source(deb, parts.control.offset, parts.control.size);
  TarReader reader = TRY(TarReader::open(source));
  static constexpr std::array<std::string_view, 5> kScripts = {"config", "postinst", "postrm",
                                                               "preinst", "prerm"};
  DebControl out;
  bool has_control = false;
  while (auto entry = TRY(reader.next())) {
    if (entry->type != EntryType::file) continue;
    if (entry->path == "control") {
      out.control = TRY(base::read_all(reader.content(), kMaxControlFile));
      has_control = true;
    } else if (entry->path == "conffiles") {
      const std::string text = TRY(base::read_all(reader.content(), kMaxControlFile));
      for (const std::string_view line : base::lines(text)) {
        if (!base::trim(line).empty()) out.conffiles.emplace_back(base::trim(line));
      }
    } else if (entry->path == "triggers") {
      out.triggers = TRY(base::read_all(reader.content(), kMaxControlFile));
    } else if (entry->path == "md5sums") {
      out.md5sums = TRY(base::read_all(reader.content(), kMaxControlFile));
    } else if (std::find(kScripts.begin(), kScripts.end(), entry->path) != kScripts.end()) {
      out.scripts.push_back(entry->path);
    }
  }
  if (!has_control) return fail(broken(name, "it has no control file"));
  std::sort(out.scripts.begin(), out.scripts.end());
  return out;
}

}  // namespace

Result<DebControl> read_deb_control(const base::RandomAccess& deb,
                                    const std::string& name_for_errors) {
  return base::with_context(read_control(deb, name_for_errors), "reading " + name_for_errors);
}

Result<std::unique_ptr<TarStream>> open_deb_data(const base::RandomAccess& deb,
                                                 const std::string& name_for_errors) {
  const Parts parts = TRY(find_parts(deb, name_for_errors));
  return TarStream::open(
      std::make_unique<base::RangeSource>(deb, parts.data.offset, parts.data.size));
}

Result<> read_deb_data(
    const base::RandomAccess& deb, const std::string& name_for_errors,
    const std::function<Result<>(const TarEntry&, base::Source& content)>& visit) {
  const std::string frame = "reading " + name_for_errors;
  const auto stream = TRY(base::with_context(open_deb_data(deb, name_for_errors), frame));
  TarReader& reader = stream->reader();
  while (auto entry = TRY(base::with_context(reader.next(), frame))) {
    TRY(visit(*entry, reader.content()));
  }
  return {};
}

}  // namespace imgforge::archive

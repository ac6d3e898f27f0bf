#include "fixture.h"

#include <unistd.h>

#include "archive/tar_reader.h"
#include "base/process.h"
#include "base/text.h"

namespace imgforge::sandbox::testing {
namespace {

using archive::EntryType;
using archive::TarEntry;

// Copies programs with the libraries that ldd names into DIR and packs it. merged-/usr, as the
// systems that are built have it.
constexpr const char* kMakeRoot = R"sh(set -eu; umask 022
out=$1; root=$out.d
mkdir -p $root/usr/bin $root/usr/lib $root/usr/lib64 $root/usr/sbin $root/etc $root/var/cache $root/root
for d in bin sbin lib lib64; do ln -s usr/$d $root/$d; done
printf 'root:x:0:0:root:/root:/bin/sh\n' > $root/etc/passwd
place() {
  target=$root$(dirname "$1" | sed -E 's,^/(bin|sbin|lib|lib64)(/|$),/usr/\1\2,')
  mkdir -p "$target"; cp -L "$1" "$target/"
}
for p in sh cat cp rm mv ln ls chmod chown mkdir rmdir mkfifo mknod touch id uname sleep mount head \
         setpriv setcap setfattr; do
  f=$(PATH=$PATH:/usr/sbin:/sbin command -v $p) || continue
  f=$(realpath "$f"); cp "$f" $root/usr/bin/$p
  ldd "$f" | grep -oE '/[^ ]+' | while read -r l; do place "$l"; done
done
cp "$(PATH=$PATH:/usr/sbin:/sbin command -v ldconfig)" $root/usr/sbin/
tar -C $root --sort=name --numeric-owner --owner=0 --group=0 --mtime=@1000000000 -cf $out .
rm -rf $root
)sh";

std::string type_letter(EntryType type) {
  switch (type) {
    case EntryType::file:
      return "-";
    case EntryType::directory:
      return "d";
    case EntryType::symlink:
      return "l";
    case EntryType::hard_link:
      return "h";
    case EntryType::fifo:
      return "p";
    case EntryType::character_device:
      return "c";
    case EntryType::block_device:
      return "b";
  }
  return "?";
}

std::string octal(std::uint32_t mode) {
  std::string out(4, '0');
  for (int i = 3; i >= 0; --i, mode >>= 3) out[static_cast<std::size_t>(i)] = "01234567"[mode & 7];
  return out;
}

}  // namespace

TarText& TarText::add(TarEntry entry, std::string_view content) {
  entry.size = content.size();
  text_ += REQUIRE_OK(archive::tar_header(entry));
  text_ += content;
  text_.append(archive::tar_padding(content.size()), '\0');
  return *this;
}
TarText& TarText::folder(const std::string& path, std::uint32_t mode) {
  return add({.path = path, .type = EntryType::directory, .mode = mode, .mtime = 1'000'000'000});
}
TarText& TarText::file(const std::string& path, std::string_view content, std::uint32_t mode) {
  return add({.path = path, .mode = mode, .mtime = 1'000'000'000}, content);
}
TarText& TarText::link(const std::string& path, const std::string& target) {
  return add({.path = path,
              .type = EntryType::symlink,
              .mode = 0777,
              .mtime = 1'000'000'000,
              .link_target = target});
}
const std::string& TarText::end() {
  text_.append(archive::kTarEnd, '\0');
  return text_;
}

std::string listing(std::string_view tar) {
  base::TextSource source(tar);
  auto reader = REQUIRE_OK(archive::TarReader::open(source));
  std::string out;
  for (;;) {
    const auto entry = REQUIRE_OK(reader.next());
    if (!entry) return out;
    out += type_letter(entry->type) + octal(entry->mode) + " " + std::to_string(entry->uid) + ":" +
           std::to_string(entry->gid) + " " + std::to_string(entry->mtime) + " " +
           (entry->path.size() > 200 ? "..." + entry->path.substr(entry->path.size() - 20)
                                     : entry->path);
    if (!entry->link_target.empty()) out += " -> " + entry->link_target;
    for (const auto& [name, value] : entry->xattrs) {
      out += " " + name + "=" + base::to_hex(base::as_bytes(value));
    }
    if (entry->size > 0 && entry->size < 64) {
      const std::string text = REQUIRE_OK(base::read_all(reader.content(), 64));
      out += " \"" + base::replace_all(text, "\n", "\\n") + "\"";
    }
    out += "\n";
  }
}

std::string child_program() {
  const char* other = std::getenv("IMGFORGE_TEST_CHILD");
  return other != nullptr ? other : IMGFORGE_SANDBOX_CHILD;
}

std::string why_not() {
  std::string out;
  for (const auto& lack : Sandbox::lacks()) out += lack.what + " (" + lack.remedy + "); ";
  return out;
}

const std::string& root_tar() {
  static const base::TempDir folder =
      REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-sandbox-root"));
  static const std::string tar = [] {
    const std::string path = folder / "root.tar";
    (void)REQUIRE_OK(base::run_checked({.argv = {"sh", "-c", kMakeRoot, "sh", path}}));
    return path;
  }();
  return tar;
}

Bench::Bench()
    : directory_(REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-sandbox-test"))),
      sandbox_(child_program(), directory_.path()) {
  root_ = path("root");
  REQUIRE_OK(base::link_or_copy(root_tar(), path("root.tar")));
  REQUIRE_OK(sandbox_.unpack(path("root.tar"), root_, {}));
}

Bench::~Bench() {
  for (const std::string& name :
       base::list_directory(directory_.path()).value_or(std::vector<std::string>{})) {
    (void)sandbox_.remove_tree(directory_ / name);
  }
}

std::string Bench::tree(const std::string& name, const std::string& tar) {
  REQUIRE_OK(base::write_file_atomic(path(name + ".tar"), tar));
  REQUIRE_OK(sandbox_.unpack(path(name + ".tar"), path(name), {}));
  return path(name);
}

Result<std::string> Bench::run(const std::string& script, std::vector<std::string> above,
                               const std::function<void(Step&)>& adjust) {
  Step step;
  step.argv = {"/bin/sh", "-eu", "-c", script};
  step.epoch = kEpoch;
  if (adjust) adjust(step);
  above.insert(above.begin(), root_);
  std::string tar;
  base::StringSink sink(tar);
  lines.clear();
  TRY(sandbox_.run(above, step, sink, [this](std::string_view line) { lines.emplace_back(line); },
                   {}));
  return tar;
}

}  // namespace imgforge::sandbox::testing

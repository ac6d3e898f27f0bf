#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "archive/tar_reader.h"
#include "base/sha256.h"
#include "base/text.h"
#include "layer/wheel_record.h"
#include "wheel_fixture.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

struct Entry {
  archive::TarEntry header;
  std::string content;
};

std::map<std::string, Entry> read_layer(const std::string& blob) {
  std::map<std::string, Entry> entries;
  base::TextSource source(blob);
  auto reader = REQUIRE_OK(archive::TarReader::open(source));
  while (const auto entry = REQUIRE_OK(reader.next())) {
    entries[entry->path] = {*entry, REQUIRE_OK(base::read_all(reader.content(), 64 << 20))};
  }
  return entries;
}

const std::string kSite = "opt/venv/lib/python3.11/site-packages/";

std::string whole(const Error& error) {
  return fmt::format("{} {} {}", error.summary(), error.hint(), error.where().file);
}

}  // namespace

TEST_CASE("a layer of wheels is what the rules say") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  const auto installed = REQUIRE_OK(install(wheels_in("good"), {.requested = true}));
  const auto entries = read_layer(installed.blob);

  // Parents first, everything by root, at the epoch.
  CHECK(entries.at("opt").header.type == archive::EntryType::directory);
  CHECK(entries.at("opt/venv/bin").header.mode == 0755);
  std::size_t files = 0;
  for (const auto& [path, entry] : entries) {
    CHECK(entry.header.mtime == 1'700'000'000);
    CHECK(entry.header.uid == 0);
    const auto slash = path.rfind('/');
    if (slash != std::string::npos) CHECK(entries.count(path.substr(0, slash)) == 1);
    files += entry.header.type == archive::EntryType::file;
  }
  CHECK(files == 369);

  const auto mode = [&](const std::string& path) { return entries.at(path).header.mode; };
  CHECK(mode(kSite + "every_thing/tool") == 0755);
  CHECK(mode(kSite + "every_thing/group_executable") == 0755);
  CHECK(mode(kSite + "every_thing/setuid") == 0755);
  CHECK(mode(kSite + "every_thing/__init__.py") == 0644);
  CHECK(mode("opt/venv/bin/every-data-tool") == 0755);

  CHECK(entries.at("opt/venv/bin/every-python").content == "#!/opt/venv/bin/python\nprint('hi')\n");
  CHECK(entries.at("opt/venv/bin/every-shell").content == "#!/bin/sh\necho hi\n");
  CHECK(entries.at("opt/venv/bin/every-console").content.find("from every_thing import main") !=
        std::string::npos);
  CHECK(entries.count("opt/venv/bin/every-gui-script.py") == 0);
  CHECK(entries.count(kSite + "every_thing/empty_folder") == 0);
  CHECK(entries.count("opt/venv/include/site/python3.11/Every-Thing/every/thing.h") == 1);
  CHECK(entries.at("opt/venv/share/every/thing.txt").content == "shared\n");
  CHECK(entries.at(kSite + "every_thing/large.txt").content.size() == 640000);

  const auto& info = kSite + "Every_Thing-1.2.0.dist-info/";
  CHECK(entries.at(info + "INSTALLER").content == "imgforge\n");
  CHECK(entries.at(info + "REQUESTED").content.empty());
  const auto& record = entries.at(info + "RECORD").content;
  CHECK(record.find("../../../bin/every-console,sha256=") != std::string::npos);
  CHECK(record.find("Every_Thing-1.2.0.dist-info/RECORD,,\n") != std::string::npos);
  CHECK(record.find("\"every_thing/comma, \"\"quote\"\".txt\",sha256=") != std::string::npos);
  CHECK(record.find('\r') == std::string::npos);
  const auto rows = REQUIRE_OK(parse_record(record, "RECORD"));
  CHECK(std::is_sorted(rows.begin(), rows.end(),
                       [](const RecordRow& a, const RecordRow& b) { return a.path < b.path; }));
}

TEST_CASE("the same wheels give the same layer in any order and with any number of threads") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  auto paths = wheels_in("good");
  const auto one = REQUIRE_OK(install(paths));
  const auto two = REQUIRE_OK(install(paths, {}, RecordUse::verify, {.workers = 3}));
  CHECK(one.digests.digest == two.digests.digest);
  std::reverse(paths.begin(), paths.end());
  const auto three = REQUIRE_OK(install(paths));
  CHECK(one.digests.digest == three.digests.digest);
  CHECK(base::sha256_hex(one.blob) == one.digests.digest);
  // Believing RECORD or hashing everything beforehand makes no difference for honest wheels.
  const auto four = REQUIRE_OK(install(paths, {}, RecordUse::rehash));
  CHECK(one.digests.digest == four.digests.digest);

  const auto other = REQUIRE_OK(install(paths, {.prefix = "/opt/other"}));
  CHECK(one.digests.digest != other.digests.digest);
}

TEST_CASE("bad wheels are refused, and the error names wheel and file") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  struct Case {
    const char* folder;
    Errc code;
    std::vector<const char*> says;
  };
  const auto bad = GENERATE(
      Case{"wrong_hash", Errc::mismatch, {"victim-1.0-py3-none-any.whl", "victim/__init__.py"}},
      Case{"wrong_hash_large",
           Errc::mismatch,
           {"victim-1.0", "victim/large.bin", "allow_bad_record: [victim]"}},
      Case{"wrong_hash_unplaced", Errc::mismatch, {"victim-1.0", "INSTALLER"}},
      Case{"wrong_size", Errc::mismatch, {"victim-1.0", "victim/__init__.py", "60"}},
      Case{"unlisted", Errc::mismatch, {"victim-1.0", "victim/__init__.py", "not in its RECORD"}},
      Case{"missing", Errc::mismatch, {"victim-1.0", "victim/gone.py"}},
      Case{"no_hash", Errc::mismatch, {"victim-1.0", "victim/__init__.py", "no hash"}},
      Case{"weak_hash", Errc::mismatch, {"victim-1.0", "victim/__init__.py", "md5"}},
      Case{"no_dist_info", Errc::invalid, {"victim-1.0", "no dist-info"}},
      Case{"two_dist_infos", Errc::invalid, {"victim-1.0", "other-1.0.dist-info"}},
      Case{"wrong_name", Errc::mismatch, {"sufferer-1.0", "victim-1.0.dist-info"}},
      Case{"wrong_version", Errc::mismatch, {"victim-1.0.1", "victim-1.0.dist-info"}},
      Case{"wrong_metadata", Errc::mismatch, {"victim-1.0", "METADATA says victim 3.0"}},
      Case{"wheel_version_2", Errc::unsupported, {"victim-1.0", "2.0"}},
      Case{"dot_dot", Errc::invalid, {"victim-1.0", "etc/passwd"}},
      Case{"absolute", Errc::invalid, {"victim-1.0", "etc/passwd"}},
      Case{"symlink", Errc::invalid, {"victim-1.0", "victim/link", "symbolic link"}},
      Case{"unknown_data", Errc::invalid, {"victim-1.0", "stdlib"}},
      Case{"foreign_data", Errc::mismatch, {"victim-1.0", "other-1.0.data"}},
      Case{"entry_point_python3", Errc::invalid, {"victim-1.0", "python3", "entry_points.txt"}},
      Case{"entry_point_path", Errc::invalid, {"victim-1.0", "../../evil"}},
      Case{"entry_point_no_function", Errc::invalid, {"victim-1.0", "MODULE:FUNCTION"}},
      Case{"script_python", Errc::invalid, {"victim-1.0", "\"python\""}},
      Case{"data_pyvenv", Errc::invalid, {"victim-1.0", "pyvenv.cfg"}},
      Case{"two_files_one_path", Errc::invalid, {"victim-1.0", "victim/__init__.py"}},
      Case{"conflict", Errc::invalid, {"victim-1.0", "rival-1.0", "victim/__init__.py"}},
      Case{"file_and_folder", Errc::invalid, {"victim-1.0", "rival-1.0", "site-packages/victim"}},
      Case{"truncated", Errc::invalid, {"victim-1.0"}});
  CAPTURE(bad.folder);
  const auto installed = install(wheels_in(std::string("bad/") + bad.folder));
  REQUIRE(!installed);
  const std::string said = whole(installed.error());
  CAPTURE(said);
  CHECK(installed.error().code() == bad.code);
  for (const char* word : bad.says) {
    CAPTURE(word);
    CHECK(said.find(word) != std::string::npos);
  }
}

TEST_CASE("every folder of bad wheels is in the table above") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  for (const auto& name : REQUIRE_OK(base::list_directory(made_wheels() + "/bad"))) {
    CAPTURE(name);
    CHECK_FALSE(install(wheels_in("bad/" + name)));
  }
}

TEST_CASE("a damaged member is found though its RECORD is right") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  const auto installed = install(wheels_in("bad/flipped_byte"));
  REQUIRE(!installed);
  CHECK(whole(installed.error()).find("victim/noise.bin") != std::string::npos);
}

TEST_CASE("a RECORD that is not believed is replaced by the truth") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  for (const auto* folder : {"bad/wrong_hash", "bad/unlisted", "bad/missing", "bad/no_hash",
                             "bad/weak_hash", "bad/wrong_size"}) {
    CAPTURE(folder);
    const auto installed = REQUIRE_OK(install(wheels_in(folder), {}, RecordUse::rehash));
    const auto entries = read_layer(installed.blob);
    const auto& record = entries.at(kSite + "victim-1.0.dist-info/RECORD").content;
    base::Sha256 sha;
    sha.update(base::as_bytes("V = 1\n"));
    const auto value = sha.finish();
    CHECK(record.find("victim/__init__.py,sha256=" + base::to_base64url(value) + ",6\n") !=
          std::string::npos);
    CHECK(record.find("gone.py") == std::string::npos);
  }
}

TEST_CASE("wheels that share a file share it") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  const std::string good = made_wheels() + "/good/";
  OpenWheels wheels;
  REQUIRE_OK(wheels.open(good + "shared_one-1.0-py3-none-any.whl"));
  REQUIRE_OK(wheels.open(good + "shared_two-1.0-py3-none-any.whl"));
  const auto merged = REQUIRE_OK(merge_wheels(wheels.planned));
  CHECK(merged.duplicates.size() == 2);
  std::size_t shared = 0;
  for (const auto& file : merged.files) shared += file.path.ends_with("shared/notes.txt");
  CHECK(shared == 1);
  CHECK(merged.directories.front() == "opt");
}

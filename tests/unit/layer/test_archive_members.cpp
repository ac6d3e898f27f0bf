// Contents come out of an archive in any order, whole, with as little memory and scratch as said.
#include "layer/archive_members.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

#include "catch.h"
#include "error_text.h"

namespace imgforge::layer {
namespace {

using archive::EntryType;
using archive::TarEntry;

struct File {
  std::string path;
  std::string content;
};

/// As tar writes it: entries in the order given.
std::string tar_of(const std::vector<File>& files) {
  std::string tar;
  for (const File& file : files) {
    tar += archive::tar_header({.path = file.path, .size = file.content.size()}).value();
    tar += file.content;
    tar.append(archive::tar_padding(file.content.size()), '\0');
  }
  tar.append(archive::kTarEnd, '\0');
  return tar;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// Archives that were indexed, and how to read any of their contents.
class Reading {
 public:
  explicit Reading(std::uint64_t memory)
      : folder_(base::TempDir::create("/tmp", "members").value()),
        memory_(memory),
        place_(memory_, folder_.path()) {}

  void add(const std::vector<File>& files) {
    auto tar = std::make_shared<std::string>(tar_of(files));
    const auto members = ArchiveMembers::create(place_, "demo.tar", [this, tar] {
      ++passes;
      struct Text final : base::Source {
        explicit Text(std::shared_ptr<std::string> text) : text_(std::move(text)), rest_(*text_) {}
        Result<std::size_t> read(base::MutableBytes buffer) override { return rest_.read(buffer); }
        std::shared_ptr<std::string> text_;
        base::TextSource rest_;
      };
      return archive::TarStream::open(std::make_unique<Text>(tar));
    });
    REQUIRE_OK(members->index(
        [&](TarEntry entry, TreeEntries::Open open) -> Result<bool> {
          if (entry.size == 0) return false;
          contents_[entry.path] = std::move(open);
          return true;
        },
        {}));
  }

  std::string read(const std::string& path) {
    const auto found = contents_.extract(path);
    REQUIRE(!found.empty());
    const auto source = REQUIRE_OK(found.mapped()());
    return REQUIRE_OK(base::read_all(*source, 1 << 30));
  }

  std::uint64_t spilled() const { return place_.spilled_bytes(); }
  int passes = 0;

 private:
  base::TempDir folder_;
  base::Allowance memory_;
  ReadingPlace place_;
  std::map<std::string, TreeEntries::Open> contents_;
};

constexpr std::size_t kLarge = 2 * ArchiveMembers::kSmall;

}  // namespace

TEST_CASE("small contents are read in the first pass and need no other") {
  std::vector<File> files;
  for (unsigned i = 0; i < 20; ++i) files.push_back({"f" + std::to_string(i), noise(1000, i)});
  Reading reading(1 << 20);
  reading.add(files);
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    CHECK(reading.read(file->path) == file->content);
  }
  CHECK(reading.passes == 1);
  CHECK(reading.spilled() == 0);
}

TEST_CASE("large contents in the archive's order are streamed in one more pass, without memory") {
  std::vector<File> files;
  for (unsigned i = 0; i < 8; ++i) files.push_back({"f" + std::to_string(i), noise(kLarge + i, i)});
  Reading reading(0);
  reading.add(files);
  for (const File& file : files) CHECK(reading.read(file.path) == file.content);
  CHECK(reading.passes == 2);
  CHECK(reading.spilled() == 0);
}

TEST_CASE("one content out of order costs memory, or another pass where there is none") {
  // usr/lib before lib, as after a merge of /usr.
  const std::vector<File> files = {{"lib/late", noise(kLarge, 1)},
                                   {"usr/bin/first", noise(kLarge, 2)},
                                   {"usr/share/last", noise(kLarge, 3)}};
  const auto read = [&](std::uint64_t memory) {
    Reading reading(memory);
    reading.add(files);
    CHECK(reading.read("usr/bin/first") == files[1].content);
    CHECK(reading.read("lib/late") == files[0].content);
    CHECK(reading.read("usr/share/last") == files[2].content);
    CHECK(reading.spilled() == 0);
    return reading.passes;
  };
  CHECK(read(kLarge) == 2);
  CHECK(read(kLarge - 1) == 3);
}

TEST_CASE("an archive in the opposite order goes through scratch after the last pass") {
  std::vector<File> files;
  for (unsigned i = 0; i < 10; ++i) files.push_back({"f" + std::to_string(i), noise(kLarge, i)});
  Reading reading(0);
  reading.add(files);
  for (auto file = files.rbegin(); file != files.rend(); ++file) {
    CHECK(reading.read(file->path) == file->content);
  }
  CHECK(reading.passes == 1 + ArchiveMembers::kPasses);
  // f9 and f8 came with passes of their own, f7 with the last one, which left f0 to f6.
  CHECK(reading.spilled() == 7 * kLarge);
}

TEST_CASE("many archives in turns: bounded streams, every content whole, whatever the order") {
  for (const std::uint64_t memory : {std::uint64_t{0}, std::uint64_t{3 * kLarge}}) {
    for (unsigned seed = 0; seed < 6; ++seed) {
      Reading reading(memory);
      std::vector<File> all;
      for (unsigned archive = 0; archive < 6; ++archive) {
        std::vector<File> files;
        for (unsigned i = 0; i < 7; ++i) {
          const unsigned number = archive * 100 + i;
          const std::size_t size = i % 3 == 0 ? 0 : i % 3 == 1 ? 700 : kLarge + number;
          files.push_back(
              {"a" + std::to_string(archive) + "/f" + std::to_string(i), noise(size, number)});
        }
        reading.add(files);
        for (File& file : files) {
          if (!file.content.empty()) all.push_back(std::move(file));
        }
      }
      std::shuffle(all.begin(), all.end(), std::mt19937(seed));
      for (const File& file : all) {
        INFO(file.path << " with seed " << seed);
        CHECK((reading.read(file.path) == file.content));
      }
      CHECK(reading.passes <= 6 * (1 + ArchiveMembers::kPasses));
    }
  }
}

TEST_CASE("archives that take turns in order do with one more pass each") {
  // Two packages with libraries in one folder, and a third of their own.
  Reading reading(0);
  std::map<std::string, std::string> sorted;
  for (unsigned archive = 0; archive < 3; ++archive) {
    std::vector<File> files;
    for (unsigned i = 0; i < 4; ++i) {
      files.push_back(
          {"lib/" + std::to_string(i) + std::to_string(archive), noise(kLarge, archive * 10 + i)});
      sorted[files.back().path] = files.back().content;
    }
    reading.add(files);
  }
  for (const auto& [path, content] : sorted) CHECK((reading.read(path) == content));
  CHECK(reading.passes == 6);
  CHECK(reading.spilled() == 0);
}

TEST_CASE("an archive that changes between two passes is noticed") {
  const base::TempDir folder = base::TempDir::create("/tmp", "members").value();
  base::Allowance memory(0);
  ReadingPlace place(memory, folder.path());
  int pass = 0;
  const auto members = ArchiveMembers::create(place, "demo.tar", [&] {
    static std::string first, second;
    first = tar_of({{"a", noise(kLarge, 1)}, {"b", noise(kLarge, 2)}});
    second = tar_of({{"a", noise(kLarge - 1, 1)}, {"b", noise(kLarge, 2)}});
    return archive::TarStream::open(
        std::make_unique<base::TextSource>(pass++ == 0 ? first : second));
  });
  std::vector<TreeEntries::Open> contents;
  REQUIRE_OK(members->index(
      [&](const TarEntry&, TreeEntries::Open open) -> Result<bool> {
        contents.push_back(std::move(open));
        return true;
      },
      {}));
  const auto read = contents[1]();
  REQUIRE(!read);
  CHECK(read.error().summary().find("demo.tar changed") != std::string::npos);
}

}  // namespace imgforge::layer

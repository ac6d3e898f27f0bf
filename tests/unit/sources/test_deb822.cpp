#include "base/bytes.h"
#include "catch.h"
#include "sources/apt_sources.h"
#include "sources/deb822.h"

using namespace imgforge;
using namespace imgforge::sources;

namespace {

// Gives out `step` bytes at a time, so that every boundary is met.
class Dripping final : public base::Source {
 public:
  Dripping(std::string_view text, std::size_t step) : rest_(text), step_(step) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    const std::size_t n =
        rest_.copy(reinterpret_cast<char*>(buffer.data()), std::min(step_, buffer.size()));
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
  std::size_t step_;
};

std::vector<std::string> paragraphs(base::Source& source) {
  ParagraphReader reader(source);
  std::vector<std::string> out;
  while (const auto paragraph = REQUIRE_OK(reader.next())) out.emplace_back(*paragraph);
  return out;
}

}  // namespace

TEST_CASE("paragraphs come verbatim, however the text is cut") {
  const std::string text =
      "\n\nPackage: a\nDescription: x\n y\n\n\n\nPackage: b\nX:1\n\nPackage: c";
  const std::vector<std::string> expected = {"Package: a\nDescription: x\n y\n",
                                             "Package: b\nX:1\n", "Package: c\n"};
  for (std::size_t step = 1; step <= text.size(); ++step) {
    CAPTURE(step);
    Dripping source(text, step);
    CHECK(paragraphs(source) == expected);
  }
  base::TextSource empty("");
  CHECK(paragraphs(empty).empty());
  base::TextSource blank("\n\n\n");
  CHECK(paragraphs(blank).empty());
}

TEST_CASE("a paragraph without end is refused") {
  const std::string text(6 << 20, 'x');
  base::TextSource source(text);
  ParagraphReader reader(source);
  const auto paragraph = reader.next();
  REQUIRE_FALSE(paragraph);
  CHECK(paragraph.error().code() == Errc::invalid);
}

TEST_CASE("fields, with continuation lines, comments and any case") {
  const std::string text =
      "Package: a\n# Version: 0\nversion:  1.0 \nDescription: short\n long\n .\n end\nSize: 5\n";
  CHECK(deb822_field(text, "Version") == "1.0");
  CHECK(deb822_field(text, "Description") == "short\nlong\n.\nend");
  CHECK(deb822_field(text, "SIZE") == "5");
  CHECK_FALSE(deb822_field(text, "Pack"));
  CHECK_FALSE(deb822_field(text, "long"));
}

TEST_CASE("deb822 sources of a machine") {
  const auto entries = parse_deb822_sources(
      "Types: deb deb-src\n"
      "# a comment\n"
      "URIs: http://archive.example/debian/ https://mirror.example/debian\n"
      "Suites: bookworm bookworm-updates\nComponents: main\n"
      "Signed-By: /usr/share/keyrings/a.gpg\n"
      "\nTypes: deb-src\nURIs: http://archive.example/src\nSuites: x\n"
      "\nEnabled: no\nTypes: deb\nURIs: http://archive.example/off\nSuites: x\n"
      "\nTypes: deb\nURIs: cdrom:[x]/ mirror+file:/x\nSuites: x\n"
      "\nTypes: deb\nURIs: file:/srv/local\nSuites: ./\nSigned-By:\n -----BEGIN PGP PUBLIC KEY "
      "BLOCK-----\n .\n AAAA\n -----END PGP PUBLIC KEY BLOCK-----\n");
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].urls ==
        std::vector<std::string>{"http://archive.example/debian", "https://mirror.example/debian"});
  CHECK(entries[0].suites == std::vector<std::string>{"bookworm", "bookworm-updates"});
  CHECK(entries[0].signed_by == "/usr/share/keyrings/a.gpg");
  CHECK(entries[1].urls == std::vector<std::string>{"file:/srv/local"});
  CHECK(entries[1].signed_by.starts_with("-----BEGIN PGP"));
}

TEST_CASE("one-line sources of a machine") {
  const auto entries = parse_one_line_sources(
      "# deb http://archive.example/no x main\n"
      "deb http://archive.example/ubuntu focal main universe # why\n"
      "deb-src http://archive.example/ubuntu focal main\n"
      "deb [arch=amd64 signed-by=/k.gpg] https://archive.example/cuda /\n"
      "deb cdrom:[x]/ focal main\ndeb incomplete\n");
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].urls == std::vector<std::string>{"http://archive.example/ubuntu"});
  CHECK(entries[0].signed_by.empty());
  CHECK(entries[1].urls == std::vector<std::string>{"https://archive.example/cuda"});
  CHECK(entries[1].suites == std::vector<std::string>{"/"});
  CHECK(entries[1].signed_by == "/k.gpg");
}

TEST_CASE("the role of an archive is the last part of its address") {
  CHECK(archive_role("http://archive.example/debian/") == "debian");
  CHECK(archive_role("https://m.example/a/b/debian-security") == "debian-security");
  CHECK(archive_role("file:/srv/ubuntu") == "ubuntu");
  CHECK(archive_role("http://archive.example/") == "");
  CHECK(archive_role("http://archive.example") == "");
}

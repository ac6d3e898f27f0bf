#include <sys/stat.h>

#include "base/file.h"
#include "catch.h"
#include "registry/upload_journal.h"

using namespace imgforge;
using registry::UploadJournal;

TEST_CASE("a note is found again by what it is about, and by nothing else") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "journal"));
  const UploadJournal journal(folder / "a/b");
  const oci::Digest blob = oci::Digest::of("blob"), other = oci::Digest::of("other");
  CHECK_FALSE(journal.find("h", "r", blob));
  const UploadJournal::Place place{"https://h/v2/r/blobs/uploads/u?_state=x", 1ull << 40};
  REQUIRE_OK(journal.note("h", "r", blob, place));
  CHECK(journal.find("h", "r", blob) == place);
  CHECK_FALSE(journal.find("h", "r", other));
  CHECK_FALSE(journal.find("h", "s", blob));
  CHECK_FALSE(journal.find("g", "r", blob));
  const auto names = REQUIRE_OK(base::list_directory(folder / "a/b"));
  REQUIRE(names.size() == 1);
  const std::string file = folder / ("a/b/" + names[0]);
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  SECTION("forgotten") {
    journal.forget("h", "r", blob);
    journal.forget("h", "r", blob);
    CHECK_FALSE(journal.find("h", "r", blob));
  }
  SECTION("damaged") {
    for (const char* text : {"", "{", "[]", "{}", R"({"location":"","offset":1})",
                             R"({"location":"x"})", R"({"location":"x","offset":-1})"}) {
      REQUIRE_OK(base::write_file_atomic(file, text));
      CHECK_FALSE(journal.find("h", "r", blob));
    }
  }
}

#include <random>

#include "catch.h"
#include "env/message.h"

using imgforge::env::Annotation;
using imgforge::env::has_mark;
using imgforge::env::is_blank;
using imgforge::env::read_annotation;
using imgforge::env::with_annotation;

namespace {

const Annotation kPin = *Annotation::parse("pytorch-cuda:v2.6-lts");

std::string read(const std::string& message) {
  const auto found = read_annotation(message);
  if (!found) return "error: " + found.error().message();
  return *found ? (*found)->to_string() : "none";
}

}  // namespace

TEST_CASE("a mark stands at the end of the subject or in a line of its own") {
  CHECK(read("Fix the loader [env: a:v1]\n") == "a:v1");
  CHECK(read("\n\nFix [env: a:v1]  \r\n\nmore\n") == "a:v1");
  CHECK(read("Fix\n\nbody\n\n[env: a:v1]\n") == "a:v1");
  CHECK(read("Fix\n\n[env:a:v1]\nSigned-off-by: x <x@example>\n") == "a:v1");
  CHECK(read("Fix [env: a:v1]\n\n[env: a:v1]") == "a:v1");

  CHECK(read("Fix\n") == "none");
  CHECK(read("") == "none");
  CHECK(read("Say [env: a:v1] in the middle\n") == "none");
  CHECK(read("Fix\n\nIt was made with [env: a:v1]\n") == "none");
  CHECK(read("Fix\n\n    [env: a:v1]\n") == "none");  // quoted, as in the message of a squash
  CHECK(read("Fix[env: a:v1]\n") == "none");
  CHECK(read("Fix [ENV: a:v1]\n") == "none");
}

TEST_CASE("a mark that says nothing, or two things, is an error") {
  CHECK(read("Fix [env: a]\n").starts_with("error: 'a' names no environment"));
  CHECK(read("Fix\n\n[env: harbor.example/a:v1]\n").find("host") != std::string::npos);
  CHECK(read("Fix [env: a:v1]\n\n[env: a:v2]\n").find("two environments") != std::string::npos);
  CHECK(read("Fix\n\n[env: auto]\n").find("no hook") != std::string::npos);
  CHECK(has_mark("Fix [env: ?]\n"));
  CHECK_FALSE(has_mark("Fix\n\n[env: auto]\n"));
}

TEST_CASE("a mark is put where people look for it") {
  const std::string mark = "[env: pytorch-cuda:v2.6-lts]\n";
  CHECK(with_annotation("Fix\n", kPin, "") == "Fix\n\n" + mark);
  CHECK(with_annotation("Fix\n\nBecause.\n\n\n", kPin, "#") == "Fix\n\nBecause.\n\n" + mark);
  CHECK(with_annotation("Fix", kPin, "") == "Fix\n\n" + mark);
  CHECK(with_annotation("Fix\n\nSigned-off-by: x <x@example>\nRef: #1\n", kPin, "") ==
        "Fix\n\n" + mark + "\nSigned-off-by: x <x@example>\nRef: #1\n");
  CHECK(with_annotation("room: Fix\n", kPin, "") == "room: Fix\n\n" + mark);  // no trailer

  // An editor will open: comments stay below, and the first line is for the subject.
  CHECK(with_annotation("\n# Please enter\n#\n# diff\n", kPin, "#") ==
        "\n\n" + mark + "\n# Please enter\n#\n# diff\n");
  CHECK(with_annotation("# Please enter\n", kPin, "#") == "\n\n" + mark + "\n# Please enter\n");
  CHECK(with_annotation("", kPin, "#") == "\n\n" + mark);
  // Without an editor "#" is no comment.
  CHECK(with_annotation("#12: Fix\n", kPin, "") == "#12: Fix\n\n" + mark);
}

TEST_CASE("a mark that is there is replaced where it stands") {
  CHECK(with_annotation("Fix [env: a:v1]\n\nBody\n", kPin, "#") ==
        "Fix [env: pytorch-cuda:v2.6-lts]\n\nBody\n");
  CHECK(with_annotation("Fix\n\n[env: auto]\n\n# help\n", kPin, "#") ==
        "Fix\n\n[env: pytorch-cuda:v2.6-lts]\n\n# help\n");
  CHECK(with_annotation("One [env: a:v1]\n\nTwo\n\n[env: b:v2]\n[env: c]\nEnd\n", kPin, "#") ==
        "One [env: pytorch-cuda:v2.6-lts]\n\nTwo\n\nEnd\n");
  CHECK(with_annotation("Fix\n# [env: a:v1]\n", kPin, "#") ==
        "Fix\n\n[env: pytorch-cuda:v2.6-lts]\n\n# [env: a:v1]\n");
}

TEST_CASE("comments between messages, as in a squash, are passed over") {
  CHECK(with_annotation(
            "# This is a combination of 2 commits.\n# The 1st:\n\nOne\n\n[env: a:v1]\n\n# The "
            "2nd:\n\nTwo\n\n[env: a:v1]\n\n# help\n",
            kPin, "#") ==
        "# This is a combination of 2 commits.\n# The 1st:\n\nOne\n\n[env: "
        "pytorch-cuda:v2.6-lts]\n\n# The "
        "2nd:\n\nTwo\n\n\n# help\n");
  CHECK(with_annotation("# first:\nOne [env: a:v1]\n", kPin, "#") ==
        "# first:\nOne [env: pytorch-cuda:v2.6-lts]\n");
  const std::string verbose =
      "Fix\n# help\n# ------------------------ >8 ------------------------\n+text\n[env: a:v1]\n";
  CHECK(with_annotation(verbose, kPin, "#") ==
        "Fix\n\n[env: pytorch-cuda:v2.6-lts]\n\n" + verbose.substr(4));
}

TEST_CASE("property: what is put in is read again, once and for all") {
  std::mt19937 random(20250521);
  const std::vector<std::string> pieces = {
      "Fix",  "\n", "\n",       " ",    "[env: a:v1]", "[env: auto]", "]", "#x", "Signed-off-by: a",
      "\r\n", "\t", "\xff\xfe", "[env:"};
  std::uniform_int_distribution<std::size_t> piece(0, pieces.size() - 1), length(0, 12);
  for (int i = 0; i < 50'000; ++i) {
    std::string message;
    for (std::size_t n = length(random); n > 0; --n) message += pieces[piece(random)];
    const std::string once = with_annotation(message, kPin, "");
    INFO(message);
    const auto found = read_annotation(once);
    REQUIRE(found);
    REQUIRE(*found == kPin);
    REQUIRE(with_annotation(once, kPin, "") == once);
  }
}

TEST_CASE("a message of marks and sign-offs alone is blank") {
  CHECK(is_blank(""));
  CHECK(is_blank("\n\n[env: a:v1]\n"));
  CHECK(is_blank("[env: a:v1]\n\nSigned-off-by: x <x@example>\n"));
  CHECK_FALSE(is_blank("x [env: a:v1]\n"));
  CHECK_FALSE(is_blank("Fix\n"));
}

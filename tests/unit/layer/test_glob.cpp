#include "layer/glob.h"

#include <fmt/format.h>

#include <random>

#include "base/file.h"
#include "base/process.h"
#include "catch.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

bool matches(std::string_view pattern, std::string_view path, bool is_directory = false) {
  return REQUIRE_OK(Glob::parse(pattern)).matches(path, is_directory);
}

/// A repository whose .gitignore has the patterns, to ask git about paths.
class GitOracle {
 public:
  GitOracle() : folder_(REQUIRE_OK(base::TempDir::create("/tmp", "glob"))) {
    REQUIRE_OK(run({"git", "init", "-q", "."}, ""));
  }

  /// For each path ("a/b" or "a/b/" for a folder that exists) whether git ignores it.
  std::vector<bool> ignored(const std::vector<std::string>& patterns,
                            const std::vector<std::string>& paths) {
    std::string rules, asked;
    for (const std::string& pattern : patterns) rules += pattern + "\n";
    REQUIRE_OK(base::write_file_atomic(folder_ / ".gitignore", rules));
    for (const std::string& path : paths) asked += path + '\0';
    const auto result =
        REQUIRE_OK(run({"git", "check-ignore", "--no-index", "-v", "-n", "-z", "--stdin"}, asked));
    // SOURCE NUL LINE NUL PATTERN NUL PATH NUL; an empty pattern where none matched.
    std::vector<std::string> fields;
    std::string field;
    for (const char c : result.out) {
      if (c != '\0') {
        field += c;
        continue;
      }
      fields.push_back(std::exchange(field, {}));
    }
    REQUIRE(fields.size() == paths.size() * 4);
    std::vector<bool> answer;
    for (std::size_t i = 0; i < paths.size(); ++i) {
      REQUIRE(fields[4 * i + 3] == paths[i]);
      const std::string& pattern = fields[4 * i + 2];
      answer.push_back(!pattern.empty() && pattern[0] != '!');
    }
    return answer;
  }

 private:
  Result<base::CommandResult> run(std::vector<std::string> argv, std::string input) {
    return base::run_command(
        {.argv = std::move(argv),
         .environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "HOME=" + folder_.path(),
                                                 "GIT_CONFIG_NOSYSTEM=1"},
         .directory = folder_.path(),
         .input = std::move(input)});
  }
  base::TempDir folder_;
};

}  // namespace

TEST_CASE("a pattern without a slash matches at every depth") {
  CHECK(matches("*.so", "libx.so"));
  CHECK(matches("*.so", "a/b/libx.so"));
  CHECK_FALSE(matches("*.so", "libx.so.1"));
  CHECK(matches("__pycache__/", "a/__pycache__", true));
  CHECK_FALSE(matches("__pycache__/", "a/__pycache__", false));
}

TEST_CASE("a pattern with a slash is anchored") {
  CHECK(matches("/build", "build"));
  CHECK_FALSE(matches("/build", "a/build"));
  CHECK(matches("a/*.txt", "a/x.txt"));
  CHECK_FALSE(matches("a/*.txt", "b/a/x.txt"));
  CHECK_FALSE(matches("a/*", "a/b/c"));
}

TEST_CASE("two stars stand for folders") {
  CHECK(matches("**/x", "x"));
  CHECK(matches("**/x", "a/b/x"));
  CHECK(matches("a/**/z", "a/z"));
  CHECK(matches("a/**/z", "a/b/c/z"));
  CHECK(matches("a/**", "a/b/c"));
  CHECK_FALSE(matches("a/**", "a"));
  CHECK_FALSE(matches("a/b**/z", "a/b/c/z"));
  CHECK(matches("**/*.py/**", "x/y.py/z"));
}

TEST_CASE("sets, escapes and question marks") {
  CHECK(matches("[a-c]x", "bx"));
  CHECK_FALSE(matches("[!a-c]x", "bx"));
  CHECK(matches("[^a-c]x", "dx"));
  CHECK(matches("[]-]x", "]x"));
  CHECK(matches("[[:digit:]_]", "7"));
  CHECK(matches("\\*", "*"));
  CHECK_FALSE(matches("\\*", "x"));
  CHECK(matches("a?c", "abc"));
  CHECK_FALSE(matches("a?c/d", "a/c/d"));
}

TEST_CASE("a pattern that can match nothing is refused") {
  for (const char* pattern : {"", "/", "[a", "a\\", "[[:nope:]]", "   "}) {
    INFO(pattern);
    const auto glob = Glob::parse(pattern);
    REQUIRE_FALSE(glob);
    CHECK(glob.error().code() == Errc::invalid);
  }
}

TEST_CASE("the last matching rule decides, and nothing inside a matched folder comes back") {
  const auto set = REQUIRE_OK(GlobSet::parse({"*.log", "!keep.log", "data/", "!data/x"}));
  CHECK(set.matches("a.log", false));
  CHECK_FALSE(set.matches("keep.log", false));
  CHECK(set.matches_within("data/x", false));
  CHECK_FALSE(set.matches_within("other/x", false));
}

TEST_CASE("a pattern of many stars takes no exponential time") {
  std::string pattern, text(5000, 'a');
  for (int i = 0; i < 100; ++i) pattern += "a*";
  CHECK_FALSE(matches(pattern + "b", text));
  std::string folders, path;
  for (int i = 0; i < 60; ++i) folders += "**/a/";
  for (int i = 0; i < 300; ++i) path += "a/";
  CHECK_FALSE(matches(folders + "b", path + "c"));
}

TEST_CASE("random patterns match what git's do") {
  if (!base::find_program("git")) SKIP_TEST("git is not installed");
  GitOracle git;
  std::mt19937 random(20250520);
  const auto pick = [&](std::initializer_list<const char*> items) {
    return std::string(items.begin()[random() % items.size()]);
  };
  // Without "a**" before a slash: git takes the literal "a" off first and then sees a leading
  // "**/", against gitignore(5).
  const auto make_pattern = [&] {
    std::string pattern = pick({"", "", "", "!", "/"});
    const int parts = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < parts; ++i) {
      if (i > 0) pattern += "/";
      pattern += pick({"a", "b", "ab", "*", "a*", "*b", "**", "?", "[ab]", "[!a]", "*.c", "b.c",
                       "[a-b]*", "\\a", "a?c", "**b", "[[:alpha:]]", "*a*"});
    }
    return pattern + pick({"", "", "", "/", " "});
  };
  const auto make_path = [&] {
    std::string path;
    const int parts = 1 + static_cast<int>(random() % 4);
    for (int i = 0; i < parts; ++i) {
      if (i > 0) path += "/";
      path += pick({"a", "b", "ab", "b.c", "abc", "ba", "c", "a.c"});
    }
    return path;
  };
  // Files only: git looks at the disk to know what a folder is, and none of these exist. The
  // folders above a file are folders for both.
  for (int round = 0; round < 150; ++round) {
    std::vector<std::string> patterns;
    for (std::size_t i = 0, n = 1 + random() % 3; i < n; ++i) patterns.push_back(make_pattern());
    std::vector<std::string> paths;
    for (int i = 0; i < 60; ++i) paths.push_back(make_path());
    const auto set = REQUIRE_OK(GlobSet::parse(patterns));
    const auto expected = git.ignored(patterns, paths);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      INFO(fmt::format("patterns: {}   path: {}", fmt::join(patterns, "  "), paths[i]));
      CHECK(set.matches_within(paths[i], false) == expected[i]);
    }
  }
}

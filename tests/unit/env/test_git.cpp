#include "base/file.h"
#include "base/process.h"
#include "catch.h"
#include "env/git.h"

using namespace imgforge;  // base and env

namespace {

class Sandbox {
 public:
  explicit Sandbox(const std::string& name = "re po\nwith 'quotes'")
      : folder_(*base::TempDir::create("/tmp", "git")) {
    path = folder_ / name;
    REQUIRE(base::make_directories(path));
    git({"init", "-q", "-b", "main"});
  }
  std::string git(std::vector<std::string> words) {
    std::vector<std::string> argv = {"git",
                                     "-c",
                                     "user.name=a",
                                     "-c",
                                     "user.email=a@example",
                                     "-c",
                                     "commit.gpgsign=false",
                                     "-c",
                                     "core.hooksPath=/dev/null"};
    argv.insert(argv.end(), words.begin(), words.end());
    const auto done = base::run_checked({.argv = argv, .directory = path});
    REQUIRE(done);
    return done->out;
  }
  void write(const std::string& name, const std::string& text) {
    REQUIRE(base::write_file_atomic(path + "/" + name, text));
    git({"add", "--", name});
  }
  void commit(const std::string& message) {
    git({"commit", "-q", "--allow-empty", "--cleanup=verbatim", "-m", message});
  }
  std::string path;

 private:
  base::TempDir folder_;
};

}  // namespace

TEST_CASE("a repository is asked in whatever folder it lies") {
  Sandbox sandbox;
  const auto git = env::Git::open(sandbox.path, {});
  REQUIRE(git);
  CHECK(git->top() == sandbox.path);
  CHECK_FALSE(*git->head());
  CHECK(*git->branch() == "main");
  sandbox.write("a b", "one");
  CHECK(*git->staged_file("a b") == "one");
  sandbox.commit("First\n\n[env: a:v1]\n");
  const std::string first = **git->head();
  CHECK(*git->message(first) == "First\n\n[env: a:v1]\n");
  CHECK(*git->file_at(first, "a b") == "one");
  CHECK_FALSE(*git->file_at(first, "-x"));
  CHECK(*git->is_tracked("a b"));
  CHECK_FALSE(*git->is_tracked("--help"));
  sandbox.git({"checkout", "-q", "--detach"});
  CHECK_FALSE(*git->branch());
}

TEST_CASE("revisions that are options, or nothing, name no commit") {
  Sandbox sandbox;
  sandbox.commit("First");
  const auto git = *env::Git::open(sandbox.path, {});
  for (const char* revision : {"--all", "-n1", "", "HEAD~5", "x\ny", "HEAD:"}) {
    INFO(revision);
    const auto found = git.commit(revision);
    REQUIRE_FALSE(found);
    CHECK(found.error().code() == Errc::not_found);
  }
  for (const char* range : {"HEAD", "a...b", "--all..HEAD", "HEAD..-x"}) {
    INFO(range);
    CHECK_FALSE(git.range(range, "f"));
  }
  const auto fresh = git.range(std::string(40, '0') + "..HEAD", "f");
  REQUIRE_FALSE(fresh);
  CHECK(fresh.error().hint().find("origin/main..HEAD") != std::string::npos);
}

TEST_CASE("a range has messages, the file as it was, and which commits are the branch's own") {
  Sandbox sandbox;
  sandbox.write("f", "zero");
  sandbox.commit("Zero");
  sandbox.git({"tag", "start"});
  sandbox.git({"checkout", "-q", "-b", "side"});
  sandbox.write("f", "one");
  sandbox.commit("\x1b[31m\xc2\x9b!One\xff\n\nbody\n");
  sandbox.git({"checkout", "-q", "main"});
  sandbox.write("g", "x");
  sandbox.git({"rm", "-q", "f"});
  sandbox.commit("Two");
  sandbox.git({"merge", "-q", "-s", "ours", "-m", "Merge", "side"});
  const auto git = *env::Git::open(sandbox.path, {});
  const auto range = git.range("start..main", "f");
  REQUIRE(range);
  REQUIRE(range->commits.size() == 3);
  REQUIRE(range->before.size() == 1);
  CHECK(range->before[0].contract == "zero");
  for (const env::Commit& one : range->commits) {
    if (one.message.starts_with("Two")) {
      CHECK(one.is_on_first_parents);
      CHECK_FALSE(one.contract);
    } else if (one.message.starts_with("Merge")) {
      CHECK(one.parents.size() == 2);
      CHECK(one.is_on_first_parents);
    } else {
      CHECK_FALSE(one.is_on_first_parents);
      CHECK(one.contract == "one");
      CHECK(one.subject().starts_with("?[31m?!One"));
    }
  }
  CHECK(git.range("main..main", "f")->commits.empty());
}

TEST_CASE("comments and what stands below the scissors are no message") {
  Sandbox sandbox;
  const auto git = *env::Git::open(sandbox.path, {});
  CHECK(*git.without_comments("Fix\n\n# help\nbody  \n\n\n") == "Fix\n\nbody\n");
  CHECK(*git.without_comments(
            "Fix\n# ------------------------ >8 ------------------------\n[env: a:v1]\n") ==
        "Fix\n");
  sandbox.git({"config", "core.commentChar", ";"});
  CHECK(*git.without_comments("#1 Fix\n; help\n") == "#1 Fix\n");
}

TEST_CASE("an old commit is checked out beside the working tree") {
  Sandbox sandbox("plain");
  sandbox.write("f", "old");
  sandbox.commit("Old");
  sandbox.write("f", "new");
  sandbox.commit("New");
  const auto git = *env::Git::open(sandbox.path, {});
  const auto folder = *base::TempDir::create("/tmp", "worktree");
  const std::string tree = folder / "tree";
  REQUIRE(git.add_worktree(tree, *git.commit("HEAD~1")));
  CHECK(*base::read_file(tree + "/f") == "old");
  CHECK_FALSE(*env::Git::has_changes(tree, {}));
  REQUIRE(base::write_file_atomic(tree + "/result", "x"));
  CHECK(*env::Git::has_changes(tree, {}));
  CHECK(*env::Git::open(tree, {})->common_directory() == sandbox.path + "/.git");
  REQUIRE(git.remove_worktree(tree));
  CHECK_FALSE(base::exists(tree));
  CHECK(sandbox.git({"worktree", "list"}).find("worktree") == std::string::npos);
}

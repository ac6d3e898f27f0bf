#include "catch.h"
#include "harbor/names.h"
#include "harbor/paging.h"

using namespace imgforge;
using namespace imgforge::harbor;

TEST_CASE("a repository is a project and the rest") {
  const auto name = REQUIRE_OK(Repository::parse("ml/team/torch"));
  CHECK(name.project == "ml");
  CHECK(name.name == "team/torch");
  CHECK(name.to_string() == "ml/team/torch");
  for (const char* wrong : {"", "ml", "ml/", "/torch"}) CHECK_FALSE(Repository::parse(wrong));
}

TEST_CASE("slashes of a repository are encoded twice, digests once") {
  const Repository name{"ml", "team/torch"};
  CHECK(repository_path(name) == "/projects/ml/repositories/team%252Ftorch");
  CHECK(artifact_path(name, "sha256:ab") ==
        "/projects/ml/repositories/team%252Ftorch/artifacts/sha256%3Aab");
  CHECK(encode_segment("robot$ml+ci") == "robot%24ml%2Bci");
}

TEST_CASE("names of robots and projects") {
  for (const char* good : {"a", "ci", "a.b-c_d", "9"}) CHECK(is_robot_name(good));
  for (const char* wrong : {"", "CI", "-a", "a-", "a--b", "a+b", "robot$a", "a b", "a/b"}) {
    INFO(wrong);
    CHECK_FALSE(is_robot_name(wrong));
  }
  CHECK(is_project_name("ml--x"));
  CHECK_FALSE(is_project_name("-ml"));
  CHECK_FALSE(is_project_name("--ml"));
  CHECK_FALSE(is_project_name("ml-"));
  CHECK_FALSE(is_project_name(std::string(256, 'a')));
}

TEST_CASE("pages go on by Link, without one by the total") {
  CHECK(first_page("/robots") == "/robots?page=1&page_size=100");
  CHECK(first_page("/labels?scope=p") == "/labels?scope=p&page=1&page_size=100");
  const auto next = [](http::Headers headers) { return next_page("/robots", headers, 2); };
  CHECK(next({}).empty());
  CHECK(next({{"X-Total-Count", "200"}}).empty());
  CHECK(next({{"X-Total-Count", "201"}}) == "/robots?page=3&page_size=100");
  CHECK(next({{"Link", R"(</a?page=1>; rel="prev" , </a?page=3>; rel="next")"}}) ==
        "/robots?page=3&page_size=100");
  CHECK(next({{"X-Total-Count", "900"}, {"Link", R"(</a?page=1>; rel="prev")"}}).empty());
  CHECK(next({{"Link", R"(<http://elsewhere.example/a>; rel="next")"}}) ==
        "/robots?page=3&page_size=100");
  CHECK(next({{"Link", R"(</a;rel=next>; rel="prev")"}}).empty());
  CHECK(next({{"Link", R"(</a>; rel="nextish")"}}).empty());
}

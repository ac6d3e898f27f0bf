#include "sources/python_request.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;
using test::contains;

TEST_CASE("the project that a requirement names") {
  CHECK(REQUIRE_OK(requirement_project("Torch==2.6.0+cu118")) == "torch");
  CHECK(REQUIRE_OK(requirement_project(" typing_extensions[a,b] >=4 ; python_version<'3.12'")) ==
        "typing-extensions");
  CHECK(requirement_project("").error().code() == Errc::invalid);
  CHECK(requirement_project("-r other.txt").error().code() == Errc::invalid);
  CHECK(requirement_project("./folder").error().code() == Errc::invalid);
  CHECK(requirement_project("a==1\nb==2").error().code() == Errc::invalid);
  CHECK(requirement_project("a @ https://x.example/a.whl").error().code() == Errc::unsupported);
  CHECK(requirement_project("a[x]@ https://x.example/a.whl").error().code() == Errc::unsupported);
}

TEST_CASE("hashed requirements are parsed") {
  const RequirementsFile file = REQUIRE_OK(parse_requirements(
      "# header\nnumpy==1.26.4 \\\n    --hash=sha256:AAAA \\\n    --hash=sha256:bbbb\n"
      "    # via torch\n\nJinja2==3.1 ; python_version >= '3' # why\n"));
  CHECK(file.requirements ==
        std::vector<std::string>{"numpy==1.26.4", "Jinja2==3.1 ; python_version >= '3'"});
  CHECK(file.hashes.at("numpy") == std::set<std::string>{"aaaa", "bbbb"});
  CHECK_FALSE(file.hashes.contains("jinja2"));
  for (const char* bad : {"-r x.txt", "--index-url https://x.example", "-e .", "numpy==1 --pre",
                          "numpy==1\n--extra-index-url=x", "--find-links x"}) {
    const auto parsed = parse_requirements(bad);
    CAPTURE(bad);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
  }
  CHECK(parse_requirements("a\nb\n--pre\n").error().where().line == 3);
}

TEST_CASE("which projects an index may serve") {
  const IndexRule rule{"pytorch/cu118", {"torch", "nvidia_*-cu11", "pytorch.triton"}};
  CHECK(may_serve(rule, "torch"));
  CHECK(may_serve(rule, "nvidia-cublas-cu11"));
  CHECK(may_serve(rule, "pytorch-triton"));
  CHECK_FALSE(may_serve(rule, "torchvision"));
  CHECK_FALSE(may_serve(rule, "nvidia-cublas-cu12"));
  CHECK(may_serve(IndexRule{"default", {}}, "anything"));
}

TEST_CASE("the project file for uv") {
  CHECK(uv_project({"torch==2.6.0", "a\"b\\c\td"},
                   {{{"default", {}}, "https://main.example/simple"},
                    {{"pytorch/cu118", {"torch"}}, "https://u:p\"@t.example"},
                    {{"own", {}}, "https://own.example"}},
                   {{"torch", 1}}, {"3.11.2", "2.36", "amd64"}) ==
        R"([project]
name = "imgforge-request"
version = "0"
requires-python = ">=3.11"
dependencies = [
  "torch==2.6.0",
  "a\"b\\c\u0009d",
]

[[tool.uv.index]]
name = "index-2"
url = "https://own.example"

[[tool.uv.index]]
name = "index-0"
url = "https://main.example/simple"

[[tool.uv.index]]
name = "index-1"
url = "https://u:p\"@t.example"
default = true

[tool.uv.sources]
"torch" = { index = "index-1" }
)");
}

TEST_CASE("the highest platform that is not above the target") {
  const std::string help =
      "- x86_64-manylinux2014: x\n- x86_64-manylinux_2_17: x\n- x86_64-manylinux_2_28: y\n"
      "- x86_64-manylinux_2_40: z\n- aarch64-manylinux_2_31: z\n";
  const auto platform = [&](const char* glibc, const char* architecture) {
    return uv_platform(help, {"3.11", glibc, architecture});
  };
  CHECK(REQUIRE_OK(platform("2.36", "amd64")) == "x86_64-manylinux_2_28");
  CHECK(REQUIRE_OK(platform("2.40", "amd64")) == "x86_64-manylinux_2_40");
  CHECK(REQUIRE_OK(platform("2.27", "amd64")) == "x86_64-manylinux_2_17");
  CHECK(REQUIRE_OK(platform("2.36", "arm64")) == "aarch64-manylinux_2_31");
  CHECK(platform("2.12", "amd64").error().code() == Errc::unsupported);
  CHECK(platform("2.36", "riscv64").error().code() == Errc::unsupported);
  CHECK(platform("x", "amd64").error().code() == Errc::invalid);
}

TEST_CASE("uv's words and their meaning") {
  const auto code = [](const char* words) { return uv_error(words).code(); };
  CHECK(code("error: No solution found when resolving dependencies\n  cause: Because there is no "
             "version of torch==2.6.0+cu121 and …") == Errc::not_found);
  CHECK(code("  × No solution found\n  ╰─▶ Because nosuch was not found in the package registry") ==
        Errc::not_found);
  CHECK(code("error: No solution found …\n cause: Because a depends on b<2 and b>=2") ==
        Errc::invalid);
  CHECK(code("error: Failed to fetch: https://x\n cause: Connection refused") == Errc::unavailable);
  CHECK(code("error: Failed to fetch\n cause: invalid peer certificate: UnknownIssuer") ==
        Errc::mismatch);
  CHECK(code("error: unexpected argument '--format' found") == Errc::unsupported);
  CHECK(code("something else") == Errc::io);
  const Error error = uv_error(
      "warning: x\nerror: No solution found when resolving dependencies\n  cause: Because there is "
      "no version of torch==9 and imgforge-request depends on torch==9");
  CHECK(contains(error.message(), "there is no version of torch==9 and the request depends on"));
  CHECK_FALSE(contains(error.message(), "warning"));
}

#include <fmt/format.h>

#include <algorithm>

#include "catch.h"
#include "layer/wheel_plan.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

/// A wheel that exists only as a listing.
struct Listing {
  std::vector<archive::ZipEntry> members;
  WheelContents contents;

  explicit Listing(const std::vector<std::pair<std::string, std::uint32_t>>& files) {
    contents.name = REQUIRE_OK(parse_wheel_name("Some_Pkg-1.0-py3-none-any.whl"));
    contents.dist_info = "Some_Pkg-1.0.dist-info";
    for (const auto& [name, mode] : files) {
      members.push_back({.name = name, .unix_mode = mode, .size = name.size()});
    }
    contents.members = members;
    contents.hashes.resize(members.size());
    for (std::size_t i = 0; i < members.size(); ++i) {
      contents.hashes[i].emplace();
      contents.hashes[i]->fill(std::byte(i));
    }
  }
};

std::string show(const WheelPlan& plan) {
  std::string text;
  for (const auto& entry : plan.entries) {
    text += fmt::format(
        "{}{} {}\n", entry.path, entry.executable ? "*" : "",
        entry.member == InstallEntry::kGenerated ? "generated" : std::to_string(entry.member));
  }
  for (const auto index : plan.unplaced) text += fmt::format("- {}\n", index);
  return text;
}

constexpr std::uint32_t kFile = 0100644, kProgram = 0100755;

}  // namespace

TEST_CASE("every part of a wheel has its place") {
  Listing wheel({{"some/__init__.py", kFile},
                 {"some/tool", kProgram},
                 {"some/foreign", 0},
                 {"some/untyped", 0755},
                 {"Some_Pkg-1.0.dist-info/RECORD", kFile},
                 {"Some_Pkg-1.0.dist-info/INSTALLER", kFile},
                 {"Some_Pkg-1.0.dist-info/METADATA", kFile},
                 {"Some_Pkg-1.0.data/platlib/plat.so", kProgram},
                 {"Some_Pkg-1.0.data/headers/a/b.h", kFile},
                 {"Some_Pkg-1.0.data/scripts/run", kFile},
                 {"Some_Pkg-1.0.data/scripts/asks", kFile},
                 {"Some_Pkg-1.0.data/scripts/made.exe", kFile},
                 {"Some_Pkg-1.0.data/data/lib64/x.so", kFile},
                 {"Some_Pkg-1.0.data/data/lib/python3.9/site-packages/in_site.py", kFile}});
  wheel.contents.hashes[4].reset();
  wheel.contents.python_scripts[10] = "#!python\nbody";
  wheel.contents.entry_points = {{"made", "some", "main"}};
  const auto plan = REQUIRE_OK(
      plan_wheel(wheel.contents, {.prefix = "/env", .python = "3.9", .requested = true}));
  CHECK(show(plan) ==
        "env/bin/asks* generated\n"
        "env/bin/made* generated\n"
        "env/bin/run* 9\n"
        "env/include/site/python3.9/Some-Pkg/a/b.h 8\n"
        "env/lib/python3.9/site-packages/Some_Pkg-1.0.dist-info/INSTALLER generated\n"
        "env/lib/python3.9/site-packages/Some_Pkg-1.0.dist-info/METADATA 6\n"
        "env/lib/python3.9/site-packages/Some_Pkg-1.0.dist-info/RECORD generated\n"
        "env/lib/python3.9/site-packages/Some_Pkg-1.0.dist-info/REQUESTED generated\n"
        "env/lib/python3.9/site-packages/in_site.py 13\n"
        "env/lib/python3.9/site-packages/plat.so* 7\n"
        "env/lib/python3.9/site-packages/some/__init__.py 0\n"
        "env/lib/python3.9/site-packages/some/foreign 2\n"
        "env/lib/python3.9/site-packages/some/tool* 1\n"
        "env/lib/python3.9/site-packages/some/untyped 3\n"
        "env/lib/x.so 12\n"
        "- 5\n- 10\n- 11\n");
  const auto& record = plan.entries[6].text;
  CHECK(record.find("../../../lib/x.so,sha256=") != std::string::npos);
  CHECK(record.find("\nin_site.py,sha256=") != std::string::npos);
  CHECK(record.find("Some_Pkg-1.0.dist-info/RECORD,,\n") != std::string::npos);
  CHECK(std::count(record.begin(), record.end(), '\n') == 15);
}

TEST_CASE("nothing replaces the environment itself") {
  const auto path = GENERATE("scripts/python", "scripts/python3.9", "data/bin/python3",
                             "data/pyvenv.cfg", "data/lib64", "unheard/of", "loose");
  CAPTURE(path);
  Listing wheel({{fmt::format("Some_Pkg-1.0.data/{}", path), kFile}});
  const auto plan = plan_wheel(wheel.contents, {});
  REQUIRE(!plan);
  CHECK(plan.error().code() == Errc::invalid);
  CHECK(plan.error().summary().find("Some_Pkg-1.0-py3-none-any.whl") != std::string::npos);
}

TEST_CASE("two members for one path must be equal") {
  Listing wheel({{"x.py", kFile}, {"Some_Pkg-1.0.data/purelib/x.py", kProgram}});
  CHECK(!plan_wheel(wheel.contents, {}));
  wheel.contents.hashes[1] = wheel.contents.hashes[0];
  const auto plan = REQUIRE_OK(plan_wheel(wheel.contents, {}));
  CHECK(plan.entries.back().path.ends_with("/x.py"));
  CHECK(plan.entries.back().executable);
  CHECK(plan.unplaced == std::vector<std::uint32_t>{1});
}

TEST_CASE("a wheel as large as torch is planned") {
  std::vector<std::pair<std::string, std::uint32_t>> files;
  for (int i = 0; i < 12'000; ++i) {
    files.emplace_back(
        fmt::format("torch/include/ATen/ops/folder{:02}/some_operator_{:05}.h", i % 40, i), kFile);
  }
  Listing wheel(files);
  const auto plan = REQUIRE_OK(plan_wheel(wheel.contents, {}));
  CHECK(plan.entries.size() == 12'002);
  CHECK(std::is_sorted(plan.entries.begin(), plan.entries.end(),
                       [](const auto& a, const auto& b) { return a.path < b.path; }));
}

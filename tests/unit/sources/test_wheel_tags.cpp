#include "base/text.h"
#include "sources/wheel_tags.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;

TEST_CASE("names of projects are normalised") {
  CHECK(normalized_project("Foo__Bar.-baz") == "foo-bar-baz");
  CHECK(normalized_project("nvidia_cublas_cu12") == "nvidia-cublas-cu12");
}

TEST_CASE("file names of wheels") {
  const WheelName name = REQUIRE_OK(WheelName::parse(
      "MarkupSafe-3.0.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl"));
  CHECK(name.project == "markupsafe");
  CHECK(name.version == "3.0.2");
  CHECK(name.build.empty());
  CHECK(name.tags == std::vector<std::string>{"cp311-cp311-manylinux_2_17_x86_64",
                                              "cp311-cp311-manylinux2014_x86_64"});
  const WheelName built = REQUIRE_OK(WheelName::parse("a_b-1.0+cu118-2x-py2.py3-none-any.whl"));
  CHECK(built.project == "a-b");
  CHECK(built.version == "1.0+cu118");
  CHECK(built.build == "2x");
  CHECK(built.tags == std::vector<std::string>{"py2-none-any", "py3-none-any"});
  for (const char* bad : {"a-1.0.tar.gz", "a-1.0-py3-none.whl", "a--py3-none-any.whl",
                          "a-1.0-x1-py3-none-any.whl", "a-1-1-py3-none-any-x-y.whl", ".whl", ""}) {
    CHECK_FALSE(WheelName::parse(bad));
  }
}

TEST_CASE("tags are those of packaging, in its order") {
  const char* script = R"(
import inspect, sys
from packaging import tags, _manylinux
version, glibc, arch = sys.argv[1:]
minor = int(version.split('.')[1])
_manylinux._get_glibc_version = lambda: tuple(map(int, glibc.split('.')))
_manylinux._have_compatible_abi = lambda *_: True
wanted = inspect.signature(_manylinux.platform_tags).parameters  # packaging < 23.2 has two
asked = (['linux_' + arch, arch] if len(wanted) == 2 else [[arch]])
platforms = list(_manylinux.platform_tags(*asked)) + ['linux_' + arch]
out = list(tags.cpython_tags((3, minor), ['cp3%d' % minor], platforms))
out += list(tags.compatible_tags((3, minor), 'cp3%d' % minor, platforms))
print('\n'.join(map(str, out)))
)";
  struct Row {
    const char *version, *glibc, *architecture, *machine;
  };
  for (const Row& row :
       {Row{"3.11", "2.36", "amd64", "x86_64"}, Row{"3.8.10", "2.31", "amd64", "x86_64"},
        Row{"3.13", "2.17", "amd64", "x86_64"}, Row{"3.12", "2.39", "arm64", "aarch64"}}) {
    CAPTURE(row.version, row.glibc, row.machine);
    const auto oracle =
        base::run_command({.argv = {"python3", "-c", script, row.version, row.glibc, row.machine}});
    if (!oracle || oracle->status != 0) {
      SKIP_TEST("python3 has no usable 'packaging' to compare with");
    }
    std::vector<std::string> expected;
    for (const std::string_view line : base::lines(oracle->out)) expected.emplace_back(line);
    const WheelTags tags =
        REQUIRE_OK(WheelTags::for_target({row.version, row.glibc, row.architecture}));
    CHECK(tags.all().size() == expected.size());
    CHECK(tags.all() == expected);
  }
}

TEST_CASE("the best wheel of a list") {
  const WheelTags tags = REQUIRE_OK(WheelTags::for_target({"3.11", "2.28", "amd64"}));
  const auto best = [&](std::vector<std::string> names) -> std::string {
    const auto index = tags.best(names);
    return index ? names[*index] : "none";
  };
  CHECK(
      best({"a-1-py3-none-any.whl", "a-1-cp311-cp311-manylinux_2_17_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_28_x86_64.whl", "a-1-cp311-abi3-manylinux_2_28_x86_64.whl",
            "a-1-cp311-cp311-manylinux_2_31_x86_64.whl"}) ==
      "a-1-cp311-cp311-manylinux_2_28_x86_64.whl");
  CHECK(best({"a-1-py3-none-any.whl", "a-1-cp38-abi3-manylinux2014_x86_64.whl"}) ==
        "a-1-cp38-abi3-manylinux2014_x86_64.whl");
  CHECK(best({"a-1-1-py3-none-any.whl", "a-1-10-py3-none-any.whl", "a-1-9-py3-none-any.whl"}) ==
        "a-1-10-py3-none-any.whl");
  CHECK(best({"a-1-cp311-cp311-linux_x86_64.whl"}) == "a-1-cp311-cp311-linux_x86_64.whl");
  CHECK(best({"a-1-cp312-cp312-manylinux_2_17_x86_64.whl", "a-1-cp311-cp311-win_amd64.whl",
              "a-1-cp311-cp311-musllinux_1_2_x86_64.whl", "a-1.tar.gz"}) == "none");
  CHECK(best({}) == "none");
  CHECK_FALSE(WheelTags::for_target({"2.7", "2.28", "amd64"}));
  CHECK_FALSE(WheelTags::for_target({"three", "2.28", "amd64"}));
  CHECK_FALSE(WheelTags::for_target({"3.11", "", "amd64"}));
}

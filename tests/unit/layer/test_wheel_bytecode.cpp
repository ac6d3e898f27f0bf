#include "base/text.h"
#include "executed_fixture.h"
#include "layer/python_environment.h"
#include "layer/run.h"
#include "layer/wheel_bytecode.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

// This machine's Python with its libraries, packed as a distribution's package would unpack.
constexpr const char* kPackPython = R"sh(set -eu; umask 022
python=$1; out=$2; root=$out.d
name=$(basename "$python")
mkdir -p $root/usr/bin $root/usr/lib
cp "$python" $root/usr/bin/
ldd "$python" | grep -oE '/[^ ]+' | while read -r l; do
  mkdir -p "$root/usr$(dirname "$l" | sed 's,^/usr,,')"; cp -L "$l" "$root/usr$(echo "$l" | sed 's,^/usr,,')"
done
tar -C /usr/lib --exclude=__pycache__ --exclude=test --exclude='config-*' --exclude=idlelib \
    -chf - $name | tar -C $root/usr/lib -xf -
tar -C $root --sort=name --numeric-owner --owner=0 --group=0 --mtime=@1000000000 -cf $out usr
rm -rf $root
)sh";

}  // namespace

TEST_CASE("site-packages are compiled by the image's Python, the same every time") {
  if (const auto reason = sandbox::testing::why_not(); !reason.empty()) {
    SKIP_TEST("steps cannot run here: " + reason);
  }
  const auto where = base::run_command({.argv = {"readlink", "-f", "/usr/bin/python3"}});
  const std::string python = where ? std::string(base::trim(where->out)) : std::string();
  const PythonFacts facts{.version = base::base_name(python).substr(0, 6) == "python"
                                         ? base::base_name(python).substr(6)
                                         : std::string(),
                          .executable = python,
                          .prefix = "/opt/venv"};
  if (!base::exists(python) || !base::is_directory("/usr/lib/python" + facts.minor())) {
    SKIP_TEST("the distribution's Python is needed in /usr");
  }
  ExecutedFixture kind(decode_run);
  kind.add_small_root();
  kind.run({"sh", "-c", kPackPython, "pack", python, kind.path("python.tar")});
  kind.add_tar(REQUIRE_OK(base::read_file(kind.path("python.tar"), std::size_t{512} << 20)));
  kind.parents.push_back(REQUIRE_OK(kind.execute(*make_environment_recipe(facts))));

  const std::string site = facts.site_packages().substr(1);
  sandbox::testing::TarText wheels;
  for (std::size_t slash = site.find('/'); slash != std::string::npos;
       slash = site.find('/', slash + 1)) {
    wheels.folder(site.substr(0, slash));
  }
  wheels.folder(site).folder(site + "/demo").folder(site + "/demo/deep");
  wheels.file(site + "/demo/__init__.py", "VALUE = 1\n");
  wheels.file(site + "/demo/broken.py", "def f(:\n");
  wheels.file(site + "/demo/deep/module.py", "def f():\n    return 2\n");
  kind.add_tar(wheels.end());

  const auto recipe = make_bytecode_recipe("/opt/venv", facts.minor());
  CHECK(recipe->executed());
  const auto layer = REQUIRE_OK(kind.execute(*recipe));
  const auto listing = kind.list(layer);
  CAPTURE(listing);
  const std::string tag = "cpython-" + base::replace_all(facts.minor(), ".", "") + ".pyc";
  CHECK(listing.find(site + "/demo/__pycache__/__init__." + tag) != std::string::npos);
  CHECK(listing.find(site + "/demo/deep/__pycache__/module." + tag) != std::string::npos);
  CHECK(listing.find("broken") == std::string::npos);
  CHECK(listing.find(" usr") == std::string::npos);
  CHECK(listing.find(".py\n") == std::string::npos);
  for (const auto line : base::lines(listing)) {  // times are the epoch's, unless named
    if (line.find(".pyc") != std::string_view::npos) {
      CHECK(line.find("(at ") == std::string_view::npos);
    }
  }
  // PEP 552: flag bit 0 says hash-based, bit 1 would say that the source is checked.
  const auto content = kind.content(layer, site + "/demo/__pycache__/__init__." + tag);
  REQUIRE(content.size() > 16);
  CHECK(content.substr(4, 4) == std::string("\1\0\0\0", 4));

  const auto again = REQUIRE_OK(kind.execute(*recipe));
  CHECK(again.blob.digest == layer.blob.digest);
}

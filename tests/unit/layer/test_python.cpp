#include "base/sha256.h"
#include "base/text.h"
#include "kind_fixture.h"
#include "layer/python.h"
#include "layer/python_part.h"
#include "layer/standalone_python.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

PythonFacts debian_python() { return {.version = "3.11.2", .executable = "/usr/bin/python3.11"}; }

/// An archive with the shape of python-build-standalone's install_only flavour.
std::string make_standalone(KindFixture& fixture, const std::string& file) {
  fixture.write("made/python/bin/python3.11", "#!/bin/true\n", 0755);
  fixture.write("made/python/bin/pip3", "#!/bin/true\n", 0755);
  fixture.write("made/python/include/python3.11/patchlevel.h",
                "#define PY_MAJOR_VERSION 3\n#define PY_VERSION              \"3.11.12\"\n");
  fixture.write("made/python/lib/python3.11/os.py", "name = 'posix'\n");
  fixture.write("made/python/lib/python3.11/test/big.py", "pass\n");
  fixture.write("made/python/lib/python3.11/site-packages/README.txt", "read\n");
  fixture.write("made/python/lib/python3.11/site-packages/pip/__init__.py", "pass\n");
  fixture.write("made/python/lib/python3.11/site-packages/pip-25.0.dist-info/METADATA", "x\n");
  fixture.write("made/python/lib/python3.11/site-packages/setuptools/__init__.py", "pass\n");
  fixture.write("made/python/lib/python3.11/site-packages/pipeline.py", "stays\n");
  fixture.run({"ln", "-s", "python3.11", "made/python/bin/python3"});
  fixture.run({"tar", "-C", "made", "-czf", file, "python"});
  return base::sha256_hex(REQUIRE_OK(base::read_file(fixture.path(file))));
}

const std::string kName =
    "cpython-3.11.12+20250517-x86_64-unknown-linux-gnu-install_only_stripped.tar.gz";

/// A folder that serves the role `python-standalone`, with one file in its release.
struct Release {
  Release() : folder(base::TempDir::create("/tmp", "imgforge-release").value()) {}

  base::TempDir folder;
  std::string sha256;

  sources::AddressSettings settings() const {
    sources::AddressSettings settings;
    settings.redist["python-standalone"] = "file://" + folder.path();
    return settings;
  }
  void publish(KindFixture& fixture) {
    sha256 = make_standalone(fixture, "python.tar.gz");
    REQUIRE_OK(base::make_directories(folder / "20250517"));
    REQUIRE_OK(base::link_or_copy(fixture.path("python.tar.gz"), folder / "20250517/" + kName));
    list(sha256);
  }
  void list(const std::string& hash) {
    REQUIRE_OK(base::write_file_atomic(folder / "20250517/SHA256SUMS", hash + "  " + kName + "\n"));
  }
};

const std::string kStandalone =
    "kind: python\nprovider: standalone\nversion: \"3.11\"\nrelease: \"20250517\"\n"
    "exclude: [lib/python3.11/test]\n";

}  // namespace

TEST_CASE("an environment over the distribution's Python is written") {
  KindFixture fixture(decode_python);
  fixture.below.python = debian_python();
  const auto part = REQUIRE_OK(fixture.lock("{kind: python, version: \"3.11\", id: py}"));
  CHECK(part == R"({"executable":"/usr/bin/python3.11","prefix":"/opt/venv","version":"3.11.2"})");
  const auto made = REQUIRE_OK(fixture.recipes("{kind: python, version: \"3.11\"}", part));
  REQUIRE(made.size() == 1);
  CHECK(made[0]->title() == "Python 3.11 environment");
  const auto listing = fixture.list(REQUIRE_OK(fixture.produce(*made[0])));
  CAPTURE(listing);
  for (const auto* line :
       {"opt/venv/bin/python -> /usr/bin/python3.11", "opt/venv/bin/python3 -> /usr/bin/python3.11",
        "opt/venv/bin/python3.11 -> /usr/bin/python3.11", "opt/venv/lib64 -> lib",
        "opt/venv/lib/python3.11/site-packages", "opt/venv/pyvenv.cfg"}) {
    CAPTURE(line);
    CHECK(listing.find(line) != std::string::npos);
  }
  Facts facts = fixture.below;
  REQUIRE_OK(REQUIRE_OK(fixture.decode("{kind: python, id: py}"))->contribute(part, facts));
  CHECK(facts.python->prefix == "/opt/venv");
  CHECK(facts.find("python")->version == "3.11.2");
  CHECK(facts.find("python")->source == "py");
}

TEST_CASE("Python must be what the spec says") {
  KindFixture fixture(decode_python);
  auto failed = fixture.lock("{kind: python}");
  REQUIRE(!failed);
  CHECK(failed.error().message().find("bring no Python") != std::string::npos);
  fixture.below.python = debian_python();
  CHECK(fixture.lock("{kind: python}"));
  CHECK(fixture.lock("{kind: python, version: \"3.11.2\"}"));
  failed = fixture.lock("{kind: python, version: \"3.12\"}");
  REQUIRE(!failed);
  CHECK(failed.error().code() == Errc::mismatch);
  CHECK(!fixture.lock("{kind: python, version: \"3.1\"}"));
  CHECK(!fixture.lock("{kind: python, version: \"3.11.9\"}"));
  for (const auto* bad : {"version: three", "version: \"3\"", "prefix: opt", "prefix: /",
                          "provider: conda", "url: https://a.example/p.tar.gz"}) {
    CAPTURE(bad);
    const auto refused = fixture.decode(std::string("kind: python\n") + bad + "\n");
    REQUIRE(!refused);
    CHECK(refused.error().where().line == 2);
  }
}

TEST_CASE("a standalone Python is unpacked without its installers") {
  Release release;
  KindFixture fixture(decode_python, release.settings());
  release.publish(fixture);
  const auto part = REQUIRE_OK(fixture.lock(kStandalone));
  const auto locked = REQUIRE_OK(parse_python_part(part));
  CHECK(locked.version == "3.11.12");  // by the archive, not by the spec
  CHECK(locked.executable == "/opt/python/bin/python3.11");
  CHECK(format_python_part(locked) == part);
  REQUIRE(locked.input);
  CHECK(locked.input->digest.hex() == release.sha256);
  CHECK(locked.input->origin.role == "python-standalone");
  CHECK(locked.input->origin.path == "20250517/" + kName);

  const auto made = REQUIRE_OK(fixture.recipes(kStandalone, part));
  REQUIRE(made.size() == 2);
  CHECK(made[0]->title() == "Python 3.11.12");
  const auto python = fixture.list(REQUIRE_OK(fixture.produce(*made[0])));
  CAPTURE(python);
  CHECK(python.find("opt/python/bin/python3 -> python3.11") != std::string::npos);
  CHECK(python.find("opt/python/lib/python3.11/os.py") != std::string::npos);
  CHECK(python.find("site-packages/README.txt") != std::string::npos);
  CHECK(python.find("site-packages/pipeline.py") != std::string::npos);
  for (const auto* gone : {"bin/pip3", "site-packages/pip/", "pip-25.0", "setuptools", "/test"}) {
    CAPTURE(gone);
    CHECK(python.find(gone) == std::string::npos);
  }
  const auto environment = fixture.list(REQUIRE_OK(fixture.produce(*made[1])));
  CHECK(environment.find("opt/venv/bin/python -> /opt/python/bin/python3.11") != std::string::npos);

  // Straight into it: no environment.
  const auto straight = kStandalone + "prefix: /opt/python\n";
  CHECK(REQUIRE_OK(fixture.recipes(straight, REQUIRE_OK(fixture.lock(straight)))).size() == 1);
}

TEST_CASE("a standalone Python that is not what it should be is refused") {
  Release release;
  KindFixture fixture(decode_python, release.settings());
  release.publish(fixture);
  // The file does not have the hash that the release lists.
  release.list(std::string(64, '0'));
  auto failed = fixture.lock(kStandalone);
  REQUIRE(!failed);
  CHECK(failed.error().code() == Errc::mismatch);
  // No such version in the release.
  release.list(release.sha256);
  failed = fixture.lock(base::replace_all(kStandalone, "\"3.11\"", "\"3.10\""));
  REQUIRE(!failed);
  CHECK(failed.error().code() == Errc::not_found);
  // No such release.
  CHECK(!fixture.lock(base::replace_all(kStandalone, "20250517", "20200101")));
}

TEST_CASE("a standalone Python needs a place to come from") {
  KindFixture fixture(decode_python);
  for (const auto* keys :
       {"version: \"3.11\"", "release: \"20250517\"",
        "version: \"3.11\"\nrelease: \"20250517\"\nurl: https://a.example/p.tar.gz",
        "version: \"3.11\"\nrelease: \"20250517\"\nhome: /"}) {
    CAPTURE(keys);
    CHECK(!fixture.decode(std::string("kind: python\nprovider: standalone\n") + keys + "\n"));
  }
}

TEST_CASE("the right file of a release is chosen") {
  const std::string tail = "+20250517-x86_64-unknown-linux-gnu-install_only";
  const std::string hash(63, 'a');
  const std::string sums =
      hash + "1  cpython-3.11.9" + tail + ".tar.gz\n" +            //
      hash + "2  cpython-3.11.12" + tail + ".tar.gz\n" +           //
      hash + "3 *cpython-3.11.12" + tail + "_stripped.tar.gz\n" +  //
      hash + "4  cpython-3.12.1" + tail + "_stripped.tar.gz\n" +   //
      hash + "5  cpython-3.11.13+20250517-aarch64-unknown-linux-gnu-install_only.tar.gz\n" + hash +
      "6  cpython-3.11.13+20250517-x86_64-unknown-linux-musl-install_only.tar.gz\n" + hash +
      "7  cpython-3.11.13+20250517-x86_64-unknown-linux-gnu-debug-full.tar.zst\n";
  const auto chosen = REQUIRE_OK(choose_standalone(sums, "3.11", "amd64"));
  CHECK(chosen.name == kName);
  CHECK(chosen.version == "3.11.12");
  CHECK(chosen.sha256 == hash + "3");
  CHECK(REQUIRE_OK(choose_standalone(sums, "3.11.9", "amd64")).sha256 == hash + "1");
  CHECK(REQUIRE_OK(choose_standalone(sums, "3.11", "arm64")).sha256 == hash + "5");
  const auto none = choose_standalone(sums, "3.13", "amd64");
  REQUIRE(!none);
  CHECK(none.error().code() == Errc::not_found);
  CHECK(none.error().hint() == "there are 3.11.9, 3.11.12, 3.12.1");
  CHECK(!choose_standalone("", "3.11", "amd64"));
}

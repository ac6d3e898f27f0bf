#include <algorithm>

#include "base/text.h"
#include "sources/markers.h"
#include "sources/pep440.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;

namespace {

PythonVersion version(const std::string& text) {
  const auto parsed = PythonVersion::parse(text);
  REQUIRE(parsed);
  return *parsed;
}

const std::vector<std::string> kAscending = {"1.dev0",
                                             "1.0.dev456",
                                             "1.0a1",
                                             "1.0a2.dev456",
                                             "1.0a12.dev456",
                                             "1.0a12",
                                             "1.0b1.dev456",
                                             "1.0b2",
                                             "1.0b2.post345.dev456",
                                             "1.0b2.post345",
                                             "1.0rc1.dev456",
                                             "1.0rc1",
                                             "1.0",
                                             "1.0+abc.5",
                                             "1.0+abc.7",
                                             "1.0+5",
                                             "1.0.post456.dev34",
                                             "1.0.post456",
                                             "1.0.15",
                                             "1.1.dev1",
                                             "1.10",
                                             "2!0.1"};

}  // namespace

TEST_CASE("versions are ordered as PEP 440 says") {
  for (std::size_t i = 0; i < kAscending.size(); ++i) {
    for (std::size_t j = 0; j < kAscending.size(); ++j) {
      CAPTURE(kAscending[i], kAscending[j]);
      CHECK((version(kAscending[i]) < version(kAscending[j])) == (i < j));
      CHECK((version(kAscending[i]) == version(kAscending[j])) == (i == j));
    }
  }
  CHECK(version("1.0") == version("1"));
  CHECK(version("v1.0-RC.1") == version("1.0rc1"));
  CHECK(version("1.0-1") == version("1.0.post1"));
  CHECK(version("1.0_alpha_2") == version("1.0a2"));
  CHECK(version("1.0+ubuntu-1") == version("1.0+ubuntu.1"));
  for (const char* bad : {"", "x", "1.0x", "1..0", "1.0+", "1.0+a..b", "1.0 2", "1.0-rcx"}) {
    CAPTURE(bad);
    CHECK_FALSE(PythonVersion::parse(bad));
  }
}

TEST_CASE("versions and specifiers agree with packaging") {
  std::vector<std::string> versions = kAscending;
  versions.insert(versions.end(), {"2.6.0", "2.6.0+cu118", "3.11.2", "3.8", "3.10.4", "1.0-1"});
  const std::vector<std::string> specifiers = {
      ">=1.0",    ">1.0",           "<1.0",         "<=1.0",        "==1.0",   "!=1.0",
      "==1.0.*",  "!=1.0.*",        "~=1.0",        "~=1.0.1",      "==2.6.0", "==2.6.0+cu118",
      ">=3.8,<4", "!=3.10.*,>=3.8", ">1.0.post456", "<1.0rc1",      ">=1.0b2", "<2",
      ">2.6",     "==1.*",          "~=3.8",        "==2.6.0+cu121"};
  std::vector<std::string> argv = {
      "python3", "-c",
      "import sys\nfrom packaging.specifiers import SpecifierSet as S\nn=int(sys.argv[1])\n"
      "V=sys.argv[2:2+n]\nfor s in sys.argv[2+n:]:\n"
      "  print(''.join('01'[S(s).contains(v, prereleases=True)] for v in V))",
      std::to_string(versions.size())};
  argv.insert(argv.end(), versions.begin(), versions.end());
  argv.insert(argv.end(), specifiers.begin(), specifiers.end());
  const auto oracle = base::run_command({.argv = argv});
  if (!oracle || oracle->status != 0) SKIP_TEST("python3 has no 'packaging' to compare with");
  const auto rows = base::lines(oracle->out);
  REQUIRE(rows.size() == specifiers.size());
  for (std::size_t s = 0; s < specifiers.size(); ++s) {
    for (std::size_t v = 0; v < versions.size(); ++v) {
      CAPTURE(specifiers[s], versions[v]);
      CHECK(satisfies(version(versions[v]), specifiers[s]) == (rows[s][v] == '1'));
    }
  }
}

TEST_CASE("text that is no specifier is not met") {
  for (const char* bad : {"3", ">=x", "=>3", "~=3", ">=3.*", "><3"}) {
    CAPTURE(bad);
    CHECK_FALSE(satisfies(version("3.11"), bad));
  }
  CHECK(satisfies(version("3.11"), ""));
  CHECK(satisfies(version("3.11"), " >= 3.8 , < 4 ,"));
}

TEST_CASE("markers are evaluated for the target") {
  const auto environment = marker_environment({"3.11", "2.36", "amd64"});
  struct Row {
    const char* marker;
    bool expected;
  };
  for (const Row& row : {
           Row{"python_full_version >= '3.9'", true},
           Row{"python_version < \"3.11\"", false},
           Row{"python_version<='3.11'", true},
           Row{"'3.9' <= python_version", true},
           Row{"'3.9' > python_version", false},
           Row{"python_version == '3.*'", true},
           Row{"python_full_version == '3.11.*'", true},
           Row{"python_full_version < '3.11.1'", true},
           Row{"python_version ~= '3.8'", true},
           Row{"platform_machine == 'x86_64' and sys_platform == 'linux'", true},
           Row{"platform_machine == 'aarch64' or sys_platform == 'linux'", true},
           Row{"platform_system == 'Windows' or sys_platform == 'darwin' and os_name == 'posix'",
               false},
           Row{"(platform_system == 'Windows' or sys_platform == 'linux') and os_name == 'nt'",
               false},
           Row{"platform_machine in 'x86_64 amd64'", true},
           Row{"platform_machine not in 'x86_64 amd64'", false},
           Row{"implementation_name != 'pypy'", true},
           Row{"platform_python_implementation == 'CPython'", true},
           Row{"extra == 'test'", false},
           Row{"'dev' in extras", false},
           Row{"'dev' not in dependency_groups", true},
       }) {
    CAPTURE(row.marker);
    CHECK(REQUIRE_OK(evaluate_marker(row.marker, environment)) == row.expected);
  }
  for (const char* bad :
       {"", "python_version", "python_version >=", "== '3'", "python_version >= '3' and",
        "(os_name == 'posix'", "os_name == 'posix')", "os_name = 'posix'", "moon == 'full'",
        "os_name == 'posix", "os_name not 'posix'", "os_name ?? 'posix'"}) {
    CAPTURE(bad);
    const auto value = evaluate_marker(bad, environment);
    REQUIRE_FALSE(value);
    CHECK(value.error().code() == Errc::invalid);
  }
  CHECK(evaluate_marker("platform_release >= '6'", environment).error().code() ==
        Errc::unsupported);
  CHECK_FALSE(evaluate_marker(std::string(5000, '(') + "os_name == 'x'", environment));
}

TEST_CASE("markers agree with packaging") {
  const auto environment = marker_environment({"3.10.4", "2.31", "arm64"});
  const std::vector<std::string> markers = {
      "python_version < '3.11'",
      "python_full_version == '3.10.4'",
      "python_version in '3.9 3.10'",
      "platform_machine == 'aarch64' and (python_version >= '3.10' or os_name == 'nt')",
      "sys_platform != 'win32' and platform_system != 'Darwin'",
      "implementation_version >= '3.10'",
      "python_full_version > '3.10'",
      "python_version != '3.10.*'",
      "'linux' in sys_platform"};
  std::string json = "{";
  for (const auto& [key, value] : environment) {
    json += (json.size() > 1 ? "," : "") + ("\"" + key + "\":\"" + value + "\"");
  }
  std::vector<std::string> argv = {
      "python3", "-c",
      "import sys,json\nfrom packaging.markers import Marker\ne=json.loads(sys.argv[1])\n"
      "print(''.join('01'[Marker(m).evaluate(e)] for m in sys.argv[2:]))",
      json + "}"};
  argv.insert(argv.end(), markers.begin(), markers.end());
  const auto oracle = base::run_command({.argv = argv});
  if (!oracle || oracle->status != 0) SKIP_TEST("python3 has no 'packaging' to compare with");
  for (std::size_t i = 0; i < markers.size(); ++i) {
    CAPTURE(markers[i]);
    CHECK(REQUIRE_OK(evaluate_marker(markers[i], environment)) == (oracle->out.at(i) == '1'));
  }
}

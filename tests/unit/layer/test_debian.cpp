// Real Debian systems: locked from the archive that this machine uses, built twice as root and as
// an ordinary user, and compared. Needs the network once; the packages stay in a vendored folder
// for the runs that follow.
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "executed_fixture.h"
#include "layer/apt.h"
#include "layer/bootstrap.h"
#include "layer/deb_lock.h"
#include "layer/finalize.h"
#include "layer/run.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

constexpr const char* kSystem = R"(
kind: bootstrap
id: os
suite: bookworm
sources: [{archive: debian, components: [main]}]
packages: [ca-certificates, python3, libgomp1]
)";
constexpr const char* kMore = R"(
kind: apt
id: more
sources: [{archive: debian, suites: [bookworm], components: [main]}]
packages: [git, fontconfig, adduser, openssh-client, dbus]
)";
constexpr const char* kStep = R"step(
kind: run
script: |
  python3 -c 'import ssl, ctypes; ctypes.CDLL("libgomp.so.1"); print(ssl.OPENSSL_VERSION)' > /version
  git init -q /srv/repository
  useradd --system --create-home worker
  dpkg --audit; test -z "$(dpkg --audit)"
)step";

sources::AddressSettings machine_settings() {
  sources::AddressSettings settings;
  for (const char* name :
       {"http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "HOME"}) {
    if (const char* value = std::getenv(name); value != nullptr) settings.environment[name] = value;
  }
  if (const char* folder = std::getenv("IMGFORGE_TEST_VENDOR"); folder != nullptr) {
    settings.vendor_folders = {folder};
  }
  return settings;
}

// Times are said, never judged.
class Said {
 public:
  explicit Said(std::string what) : what_(std::move(what)) {}
  ~Said() {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start_;
    fmt::print(stderr, "{} (uid {}): {:.1f} s\n", what_, ::getuid(), took.count());
  }

 private:
  std::string what_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// A lock part from $IMGFORGE_TEST_VENDOR/NAME.part, so that all users build the same, else from the
// archive.
std::string locked(ExecutedFixture& kind, const std::string& name, const std::string& yaml) {
  const char* vendor = std::getenv("IMGFORGE_TEST_VENDOR");
  REQUIRE(vendor != nullptr);
  const std::string file = std::string(vendor) + "/" + name + ".part";
  if (base::exists(file)) return REQUIRE_OK(base::read_file(file));
  std::string part;
  {
    const Said said("lock " + name);
    part = REQUIRE_OK(kind.lock(yaml));
  }
  REQUIRE_OK(base::write_file_atomic(file, part));
  return part;
}

store::BuiltLayer build_twice(ExecutedFixture& kind, const std::string& name,
                              const Recipe& recipe) {
  sources::Sources sources(REQUIRE_OK(sources::Addresses::load(machine_settings())), kind.store(),
                           base::silent_progress());
  const auto inputs = recipe.inputs();
  REQUIRE_OK(sources.fetch(inputs, 4, {}));
  if (const char* vendor = std::getenv("IMGFORGE_TEST_VENDOR"); ::access(vendor, W_OK) == 0) {
    REQUIRE_OK(sources::vendor(kind.store(), inputs, vendor, base::silent_progress(), {}));
  }
  std::optional<store::BuiltLayer> first;
  for (const mode_t mask : {0022, 0077}) {
    const Said said(name + ", " + recipe.title());
    const mode_t before = ::umask(mask);
    auto built = kind.execute(recipe);
    ::umask(before);
    if (!first) {
      first = REQUIRE_OK(std::move(built));
    } else {
      CHECK(REQUIRE_OK(std::move(built)).diff_id == first->diff_id);
    }
  }
  return *first;
}

}  // namespace

TEST_CASE("a Debian system is the same twice", "[system]") {
  if (const std::string reason = sandbox::testing::why_not(); !reason.empty()) SKIP_TEST(reason);
  if (!base::find_program("mmdebstrap")) SKIP_TEST("needs mmdebstrap");
  if (std::getenv("IMGFORGE_TEST_VENDOR") == nullptr) {
    SKIP_TEST("runs from \"a Debian system is the same for root and for a user\"");
  }
  std::string digests;
  const auto add = [&](ExecutedFixture& kind, const std::string& name, const Recipe& recipe) {
    const auto layer = build_twice(kind, name, recipe);
    digests += name + " " + layer.diff_id.hex() + " " + std::to_string(layer.tar_size) + "\n";
    fmt::print(stderr, "{}: sha256:{}, {} bytes\n", name, layer.diff_id.hex(), layer.tar_size);
    kind.parents.push_back(layer);
    return layer;
  };

  ExecutedFixture system(decode_bootstrap, machine_settings());
  const std::string system_part = locked(system, "system", kSystem);
  const auto layer =
      add(system, "bootstrap", *REQUIRE_OK(system.recipes(kSystem, system_part)).at(0));
  const std::string list = system.list(layer);
  for (const char* there : {" etc/passwd\n", " etc/ld.so.cache\n", " usr/bin/python3.11\n",
                            " etc/ssl/certs/ca-certificates.crt\n", " bin -> usr/bin\n"}) {
    CAPTURE(there);
    CHECK(list.find(there) != std::string::npos);
  }
  for (const char* gone :
       {" etc/resolv.conf\n", " etc/hostname\n", " dev/null\n", " etc/apt/sources.list\n",
        "99mmdebstrap\n", " var/log/dpkg.log\n", "-old\n", "aux-cache"}) {
    CAPTURE(gone);
    CHECK(list.find(gone) == std::string::npos);
  }
  REQUIRE_OK(REQUIRE_OK(system.decode(kSystem))->contribute(system_part, system.below));
  CHECK(system.below.os_id == "debian");
  CHECK(system.below.os_version == "12");
  CHECK(system.below.glibc == "2.36");
  CHECK(system.below.python->version == "3.11.2");

  // The other kinds on top; the fixture decodes one kind each, the layers and facts are shared.
  const auto above = [&](KindFixture::Decode decode, const std::string& name,
                         const std::string& yaml) {
    const auto definition = REQUIRE_OK(decode(REQUIRE_OK(document::parse_yaml(yaml, name))));
    const char* vendor = std::getenv("IMGFORGE_TEST_VENDOR");
    const std::string file = std::string(vendor) + "/" + name + ".part";
    if (!base::exists(file)) {
      const Said said("lock " + name);
      REQUIRE_OK(
          base::write_file_atomic(file, REQUIRE_OK(definition->resolve(system.resolve_context()))));
    }
    const std::string part = REQUIRE_OK(base::read_file(file));
    const auto recipes = REQUIRE_OK(definition->recipes(
        part, {.below = system.below, .project_directory = "/", .epoch = system.epoch}));
    const auto made = add(system, name, *recipes.at(0));
    REQUIRE_OK(definition->contribute(part, system.below));
    return made;
  };
  const auto more = above(decode_apt, "apt", kMore);
  const std::string installed = system.list(more);
  CHECK(installed.find(" usr/bin/git\n") != std::string::npos);
  CHECK(installed.find("policy-rc.d") == std::string::npos);
  CHECK(installed.find(".wh..wh..opq") == std::string::npos);
  CHECK(installed.find(" run/") == std::string::npos);
  const auto step = above(decode_run, "run", kStep);
  CHECK(system.content(step, "version").starts_with("OpenSSL 3"));
  const auto cache = build_twice(system, "finalize", *make_finalize_recipe());
  digests += "finalize " + cache.diff_id.hex() + "\n";
  if (const char* file = std::getenv("IMGFORGE_TEST_DIGEST"); file != nullptr) {
    REQUIRE_OK(base::write_file_atomic(file, digests));
  }
}

TEST_CASE("a Debian system is the same for root and for a user", "[users]") {
  if (std::getenv("IMGFORGE_TEST_VENDOR") != nullptr) return;  // the inner runs
  if (const std::string reason = sandbox::testing::why_not(); !reason.empty()) SKIP_TEST(reason);
  const auto addresses = REQUIRE_OK(sources::Addresses::load(machine_settings()));
  if (!addresses.archive("debian")) SKIP_TEST("this machine's apt knows no archive 'debian'");
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-debian-test"));
  const std::string vendor = folder / "vendor";
  REQUIRE_OK(base::make_directories(vendor));
  REQUIRE(::chmod(folder.path().c_str(), 0755) == 0);
  std::string program(4096, '\0');
  program.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::readlink("/proc/self/exe", program.data(), program.size()))));
  const std::string self = folder / "test_debian", child = folder / "child";
  (void)REQUIRE_OK(base::run_checked({.argv = {"cp", program, self}}));
  (void)REQUIRE_OK(base::run_checked({.argv = {"cp", sandbox::testing::child_program(), child}}));
  const auto say = [](std::string_view line) {
    if (line.ends_with(" s") || line.ends_with(" bytes")) fmt::print(stderr, "{}\n", line);
  };
  const auto first = REQUIRE_OK(base::run_command(
      {.argv = {"env", "IMGFORGE_TEST_VENDOR=" + vendor, "IMGFORGE_TEST_CHILD=" + child,
                "IMGFORGE_TEST_DIGEST=" + (folder / "first"), self, "[system]"},
       .on_stderr_line = say}));
  INFO(first.out << first.err);
  if (first.err.find("unavailable") != std::string::npos) SKIP_TEST("no archive can be reached");
  REQUIRE(first.status == 0);
  if (::geteuid() != 0 || !base::find_program("useradd") || !base::find_program("runuser")) {
    SKIP_TEST("root and an ordinary user cannot be compared here");
  }
  const std::string user = "imgforge-test-" + std::to_string(::getpid());
  if (!base::run_checked({.argv = {"useradd", "--create-home", user}})) {
    SKIP_TEST("a user cannot be added here");
  }
  const passwd* entry = ::getpwnam(user.c_str());
  REQUIRE(entry != nullptr);
  const std::string results = folder / "results";
  REQUIRE_OK(base::make_directories(results));
  REQUIRE(::chown(results.c_str(), entry->pw_uid, entry->pw_gid) == 0);
  const auto second =
      base::run_command({.argv = {"runuser", "-u", user, "--", "env", "TZ=Asia/Tokyo", "LC_ALL=C",
                                  "IMGFORGE_TEST_VENDOR=" + vendor, "IMGFORGE_TEST_CHILD=" + child,
                                  "IMGFORGE_TEST_DIGEST=" + results + "/second", self, "[system]"},
                         .on_stderr_line = say});
  (void)base::run_command({.argv = {"userdel", "--remove", user}});
  REQUIRE_OK(second);
  INFO(second->out << second->err);
  REQUIRE(second->status == 0);
  CHECK(REQUIRE_OK(base::read_file(folder / "first")) ==
        REQUIRE_OK(base::read_file(results + "/second")));
}

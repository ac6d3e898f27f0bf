#include "sources/pip_config.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;
using test::contains;

TEST_CASE("archives come from the configuration, then from the machine's apt sources") {
  const auto folder = test::temporary();
  REQUIRE_OK(base::make_directories(folder / "sources.list.d"));
  REQUIRE_OK(base::write_file_atomic(
      folder / "sources.list.d/a.sources",
      "Types: deb\nURIs: http://archive.example/debian\nSuites: bookworm\nSigned-By: /k.gpg\n"));
  REQUIRE_OK(base::write_file_atomic(folder / "sources.list",
                                     "deb http://first.example/debian bookworm main\n"));
  AddressSettings settings = test::bare_settings();
  settings.apt_directory = folder.path();
  settings.archives["ubuntu"] = {.urls = {"https://archive.example/ubuntu/"}, .keyring = "/u.gpg"};
  settings.archives["debian-security"] = {.urls = {}, .snapshot = "https://s.example/x/"};
  const Addresses addresses = REQUIRE_OK(Addresses::load(settings));
  const ArchiveAddress debian = REQUIRE_OK(addresses.archive("debian"));
  CHECK(debian.urls ==
        std::vector<std::string>{"http://first.example/debian", "http://archive.example/debian"});
  CHECK(debian.keyring == "/k.gpg");
  CHECK(REQUIRE_OK(addresses.archive("ubuntu")).urls[0] == "https://archive.example/ubuntu");
  CHECK(REQUIRE_OK(addresses.archive("debian-security")).snapshot == "https://s.example/x");

  settings.archives["debian"] = {.urls = {"https://own.example/debian"}};
  const ArchiveAddress own = REQUIRE_OK(REQUIRE_OK(Addresses::load(settings)).archive("debian"));
  CHECK(own.urls == std::vector<std::string>{"https://own.example/debian"});
  CHECK(own.keyring == "/k.gpg");
}

TEST_CASE("an unknown role says what to write where") {
  const Addresses addresses = REQUIRE_OK(Addresses::load(test::bare_settings()));
  for (const auto& [error, section] :
       {std::pair(addresses.archive("ubuntu").error(), "archives:"),
        std::pair(addresses.index("pytorch/cu118").error(), "indexes:"),
        std::pair(addresses.redist("cudnn").error(), "redist:")}) {
    CHECK(error.code() == Errc::not_found);
    CHECK(contains(error.hint(), section));
    CHECK(contains(error.hint(), "config.yaml"));
  }
}

TEST_CASE("indexes and redistributables are found by the longest role") {
  AddressSettings settings = test::bare_settings();
  settings.indexes = {{"pytorch", "https://index.example/whl/"},
                      {"pytorch/cu124", "https://other.example/cu124"},
                      {"default", "https://index.example/simple/"}};
  settings.redist = {{"cuda", "https://redist.example/cuda/redist/"}};
  const Addresses addresses = REQUIRE_OK(Addresses::load(settings));
  CHECK(REQUIRE_OK(addresses.index("pytorch/cu118")) == "https://index.example/whl/cu118");
  CHECK(REQUIRE_OK(addresses.index("pytorch/nightly/cu118")) ==
        "https://index.example/whl/nightly/cu118");
  CHECK(REQUIRE_OK(addresses.index("pytorch/cu124")) == "https://other.example/cu124");
  CHECK(REQUIRE_OK(addresses.index("pytorch")) == "https://index.example/whl");
  CHECK(REQUIRE_OK(addresses.index("default")) == "https://index.example/simple");
  CHECK(REQUIRE_OK(addresses.redist("cuda")) == "https://redist.example/cuda/redist");
}

TEST_CASE("pip's configuration files") {
  CHECK(index_url_of_pip_config("[global]\nindex-url = https://a.example/simple\n") ==
        "https://a.example/simple");
  CHECK(index_url_of_pip_config("# c\n; d\n[install]\nindex_url: https://b.example\n[list]\n"
                                "index-url = https://no.example\n") == "https://b.example");
  CHECK(index_url_of_pip_config("[install]\nindex-url=x\n[global]\nINDEX-URL=y\n") == "y");
  CHECK_FALSE(
      index_url_of_pip_config("[global]\ncert = /x\nextra-index-url = https://e.example\n"));
  CHECK_FALSE(index_url_of_pip_config("index-url = https://no.section.example\n"));
}

TEST_CASE("the default index: environment, then files, the strongest first") {
  const auto home = test::temporary();
  const auto write = [&](const std::string& name, const std::string& url) {
    REQUIRE_OK(base::make_directories(base::parent_path(home / name)));
    REQUIRE_OK(base::write_file_atomic(home / name, "[global]\nindex-url = " + url + "\n"));
  };
  std::map<std::string, std::string> environment = {{"HOME", home.path()}};
  const auto found = [&] { return configured_default_index(environment, home / "etc/pip.conf"); };
  CHECK_FALSE(found());
  write("etc/pip.conf", "https://etc.example");
  CHECK(found() == "https://etc.example");
  write(".pip/pip.conf", "https://legacy.example");
  CHECK(found() == "https://legacy.example");
  write(".config/pip/pip.conf", "https://user.example");
  CHECK(found() == "https://user.example");
  write("named.conf", "https://named.example");
  environment["PIP_CONFIG_FILE"] = home / "named.conf";
  CHECK(found() == "https://named.example");
  environment["PIP_CONFIG_FILE"] = "/dev/null";
  CHECK_FALSE(found());
  environment["PIP_INDEX_URL"] = "https://env.example";
  CHECK(found() == "https://env.example");
}

TEST_CASE("without configuration pip or uv says which index is usual") {
  const auto asked = built_in_default_index("");
  if (!asked) SKIP_TEST("no pip here: " + asked.error().summary());
  CHECK(asked->starts_with("https://"));
  const Addresses addresses = REQUIRE_OK(Addresses::load(test::bare_settings()));
  const std::string url = REQUIRE_OK(addresses.index("default"));
  CHECK(url.starts_with("https://"));
  CHECK_FALSE(url.ends_with("/"));
}

TEST_CASE("inputs survive their codec, and name themselves") {
  const oci::Digest digest = oci::Digest::of("x");
  for (const Origin& origin :
       {Origin{.kind = Origin::Kind::archive, .role = "debian", .path = "pool/x.deb"},
        Origin{.kind = Origin::Kind::archive, .role = "debian", .path = "p", .snapshot = "2025"},
        Origin{.kind = Origin::Kind::index, .role = "default", .project = "torch", .path = "t.whl"},
        Origin{.kind = Origin::Kind::redist, .role = "cuda", .path = "a/b.tar.xz"},
        Origin{.kind = Origin::Kind::url, .path = "https://x.example/y"},
        Origin{.kind = Origin::Kind::project, .path = "rootfs.tar"},
        Origin{.kind = Origin::Kind::registry, .role = "r.example/base", .path = "sha256:00"},
        Origin{.kind = Origin::Kind::builtin, .path = "probe"}}) {
    const base::Json json = to_json(Input{"name", digest, 7, origin});
    const Input back = REQUIRE_OK(input_from_json(base::JsonReader(json, "input")));
    CHECK(back.origin == origin);
    CHECK(back.digest == digest);
    CHECK(back.size == 7);
    CHECK(back.name == "name");
    CHECK(contains(describe(origin), origin.path.substr(0, 4)));
  }
  const base::Json good = to_json(Input{"name", digest, 7, {}});
  const auto refused = [&](auto change) {
    base::Json bad = good;
    change(bad);
    const auto read = input_from_json(base::JsonReader(bad, "input"));
    REQUIRE_FALSE(read);
    return read.error().message();
  };
  CHECK(contains(refused([](base::Json& j) { j["sha256"] = "abc"; }), "sha256"));
  CHECK(contains(refused([](base::Json& j) { j["origin"]["kind"] = "moon"; }), "moon"));
  CHECK(contains(refused([](base::Json& j) { j["origin"].erase("path"); }), "path"));
  CHECK(contains(refused([](base::Json& j) { j["extra"] = 1; }), "extra"));
  CHECK(contains(refused([](base::Json& j) { j.erase("size"); }), "size"));
}

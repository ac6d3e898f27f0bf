#include "cli/settings.h"

#include "base/file.h"
#include "catch.h"

using namespace imgforge;
using namespace imgforge::cli;

TEST_CASE("the environment wins over the file, the file over defaults") {
  const auto dir = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-test"));
  REQUIRE_OK(base::make_directories(dir / ".config/imgforge"));
  REQUIRE_OK(base::write_file_atomic(
      dir / ".config/imgforge/config.yaml",
      "store: /from/file\n"
      "archives: {ubuntu: {url: \"http://mirror.example/ubuntu\", keyring: /k.gpg}}\n"
      "indexes: {default: \"https://pip.example/simple\"}\n"
      "vendor: [/vendor]\n"));
  const std::map<std::string, std::string> environment = {{"HOME", dir.path()}};
  Settings settings = REQUIRE_OK(load_settings(environment, "", "/opt/x/bin/imgforge"));
  CHECK(settings.store_directory == "/from/file");
  CHECK(settings.addresses.archives.at("ubuntu").keyring == "/k.gpg");
  CHECK(settings.addresses.indexes.at("default") == "https://pip.example/simple");
  CHECK(settings.addresses.vendor_folders == std::vector<std::string>{"/vendor"});

  auto more = environment;
  more["IMGFORGE_STORE"] = "/from/environment";
  CHECK(REQUIRE_OK(load_settings(more, "", "/opt/x/bin/imgforge")).store_directory ==
        "/from/environment");

  const std::map<std::string, std::string> bare = {{"HOME", "/home/nobody-here"}};
  CHECK(REQUIRE_OK(load_settings(bare, "", "/opt/x/bin/imgforge")).store_directory ==
        "/home/nobody-here/.local/share/imgforge/store");
}

TEST_CASE("a wrong configuration names its place") {
  const auto dir = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-test"));
  REQUIRE_OK(base::write_file_atomic(dir / "c.yaml", "stroe: /x\n"));
  const auto settings =
      load_settings({{"HOME", dir.path()}}, dir / "c.yaml", "/opt/x/bin/imgforge");
  REQUIRE_FALSE(settings);
  CHECK(settings.error().where().line == 1);
  CHECK(settings.error().hint().find("store") != std::string::npos);
  CHECK(load_settings({}, dir / "missing.yaml", "/opt/x/bin/imgforge").error().code() ==
        Errc::not_found);
}

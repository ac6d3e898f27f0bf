#include <fmt/format.h>

#include <algorithm>

#include "../layer/wheel_fixture.h"
#include "base/sha1.h"
#include "base/sha256.h"
#include "base/text.h"
#include "error_text.h"
#include "evidence/wheel_documents.h"
#include "fixture.h"
#include "layer/wheel_name.h"

using namespace imgforge;
using namespace imgforge::evidence;

namespace {

/// A line per package: id, version, layers, how we know of it, licence; its dependencies below.
std::string listing(const Inventory& inventory, const Image& image) {
  std::string text;
  for (const Package& package : inventory.packages) {
    std::vector<std::string> layers;
    for (const std::size_t layer : package.layers) layers.push_back(image.layers[layer].id);
    std::string license = package.license.expression;
    for (const auto& [id, reference] : package.license.references) {
      license = base::replace_all(license, id, "'" + reference.name + "'");
    }
    text += fmt::format("{} {} in {}{}{}\n", package.id, package.version, base::join(layers, ","),
                        package.locked ? "" : " (found)", license.empty() ? "" : ": " + license);
    for (const std::string& other : package.depends) text += "  needs " + other + "\n";
  }
  return text;
}

const char* kWhole =
    "deb-base-files-amd64 12.4 in os\n"
    "  needs deb-mawk-amd64\n"
    "deb-gcc-12-base-amd64 12.2.0-14 in os: GPL-3.0-or-later WITH Bison-exception-2.2\n"
    "deb-libc6-amd64 2.36-9 in os\n"
    "  needs deb-libgcc-s1-amd64\n"
    "deb-libgcc-s1-amd64 12.2.0-14 in os: GPL-3.0-or-later WITH Bison-exception-2.2\n"
    "  needs deb-gcc-12-base-amd64\n"
    "deb-local-amd64 1 in hand (found)\n"
    "  needs deb-mawk-amd64\n"
    "deb-mawk-amd64 1.3.5 in hand (found): GPL-2.0-only AND 'odd'\n"
    "  needs deb-libc6-amd64\n"
    "python-numpy 2.0 in wheels.2: 'BSD'\n"
    "python-own 1.0 in hand (found)\n"
    "python-setuptools 80.0 in wheels.2: MIT\n"
    "python-torch 2.6.0 in wheels.1: BSD-3-Clause\n"
    "  needs python-numpy\n"
    "python-zipp 3.0 in wheels.2 (found)\n"
    "redist-cuda-cudart 12.4.1 in cuda.1: 'CUDA Toolkit'\n"
    "redist-libcublas 12.4.1 in cuda.2: 'CUDA Toolkit'\n";

}  // namespace

TEST_CASE("an image's packages, from lock and layers") {
  const ImageFixture fixture = whole_image();
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  CHECK(listing(inventory, fixture.image) == kWhole);
  REQUIRE(inventory.os);
  CHECK(inventory.os->version == "12.11");
  CHECK(inventory.unlisted == std::vector<std::size_t>{5});  // the command's

  const Package* torch = inventory.find("python-torch");
  REQUIRE(torch != nullptr);
  CHECK(torch->sha256 == base::sha256_hex("torch-2.6.0-py3-none-any.whl"));
  CHECK(torch->place == "opt/venv/lib/python3.11/site-packages/torch-2.6.0.dist-info");
}

TEST_CASE("files of the project, with their digests") {
  const ImageFixture fixture = whole_image();
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  REQUIRE(inventory.files.size() == 1);
  const FileLayer& app = inventory.files[0];
  CHECK(app.layer == 6);
  CHECK(app.commit == "c0ffee");
  REQUIRE(app.files.size() == 2);
  CHECK(app.files[1].path == "app/main.py");
  CHECK(app.files[1].size == 15);
  CHECK(app.files[1].sha256 == base::sha256_hex("print('hello')\n"));
  CHECK(app.files[1].sha1 == base::sha1_hex("print('hello')\n"));
  CHECK(base::sha1_hex("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d");  // FIPS 180-2, A.1
}

TEST_CASE("what an upper layer removes is not there any more") {
  ImageFixture fixture = whole_image();
  const std::string site = "opt/venv/lib/python3.11/site-packages/";
  SECTION("one package's folder") {
    fixture.add_layer("more", "run", {{site + "setuptools/_vendor/.wh.zipp-3.0.dist-info", ""}});
    const Inventory inventory = REQUIRE_OK(fixture.inventory());
    CHECK(inventory.find("python-zipp") == nullptr);
    CHECK(inventory.find("python-setuptools") != nullptr);
  }
  SECTION("a locked package") {
    fixture.add_layer("more", "run", {{site + ".wh.setuptools-80.0.dist-info", ""}});
    CHECK(REQUIRE_OK(fixture.inventory()).find("python-setuptools") == nullptr);
  }
  SECTION("a locked package, in favour of another version") {
    fixture.add_layer(
        "more", "run",
        {{site + ".wh.setuptools-80.0.dist-info", ""},
         {site + "setuptools-81.0.dist-info/METADATA", metadata("setuptools", "81.0")}});
    const Inventory inventory = REQUIRE_OK(fixture.inventory());
    const Package* setuptools = inventory.find("python-setuptools");
    REQUIRE(setuptools != nullptr);
    CHECK(setuptools->version == "81.0");
    CHECK_FALSE(setuptools->locked);
    CHECK(inventory.find("python-setuptools-2") == nullptr);
  }
  SECTION("everything in a folder") {
    fixture.add_layer("more", "run", {{"opt/hand/.wh..wh..opq", ""}});
    const Inventory inventory = REQUIRE_OK(fixture.inventory());
    CHECK(inventory.find("python-own") == nullptr);
    CHECK(inventory.find("python-zipp") != nullptr);
  }
  SECTION("a name that only begins the same") {
    fixture.add_layer("more", "run", {{"opt/.wh.han", ""}});
    CHECK(REQUIRE_OK(fixture.inventory()).find("python-own") != nullptr);
  }
}

TEST_CASE("inputs that are known and not in the store change nothing") {
  ImageFixture fixture = whole_image();
  const std::string before = listing(REQUIRE_OK(fixture.inventory()), fixture.image);
  // Inputs are known and not in the store: the layers are read as before.
  for (ImageLayer& layer : fixture.image.layers) {
    if (layer.id != "wheels.1") continue;
    layer.inputs = {
        {"torch.whl",
         REQUIRE_OK(oci::Digest::from_sha256_hex(base::sha256_hex("torch-2.6.0-py3-none-any.whl"))),
         100,
         {}}};
  }
  CHECK(listing(REQUIRE_OK(fixture.inventory()), fixture.image) == before);
}

TEST_CASE("unpacked packages lie in the layer that has dpkg's record of them") {
  ImageFixture fixture;
  const auto deb = [](const char* name) {
    return fmt::format(R"({{"name":"{0}","version":"1","architecture":"amd64",
        "stanza":"Package: {0}\nVersion: 1\nArchitecture: amd64\n","input":{1}}})",
                       name, input_json(name, R"({"kind":"archive","role":"debian","path":"x"})"));
  };
  fixture.lock_layer("debs", "deb",
                     fmt::format(R"({{"apt":"2","kind":"deb","releases":[],"debs":[{},{}]}})",
                                 deb("liba"), deb("libb")));
  fixture.add_layer(
      "debs.1", "deb",
      {{"var/lib/dpkg/status.d/liba", "Package: liba\nVersion: 1\nArchitecture: amd64\n"},
       {"var/lib/dpkg/status.d/liba.md5sums", "x"}});
  fixture.add_layer(
      "debs.2", "deb",
      {{"var/lib/dpkg/status.d/libb", "Package: libb\nVersion: 1\nArchitecture: amd64\n"}});
  CHECK(listing(REQUIRE_OK(fixture.inventory()), fixture.image) ==
        "deb-liba-amd64 1 in debs.1\ndeb-libb-amd64 1 in debs.2\n");
}

TEST_CASE("a base image is named, and what dpkg and Python know of it is found") {
  ImageFixture fixture;
  fixture.lock_layer("base", "image",
                     fmt::format(R"({{"kind":"image","ref":"docker.io/library/debian:12",
        "manifest":{{"digest":"sha256:{}","media_type":"x","size":1}},"os":{{"id":"debian",
        "version":"12"}},"layers":[],"env":[],"glibc":"2.36","dpkg_status":"",
        "platform":"linux/amd64"}})",
                                 std::string(64, 'a')));
  fixture.add_layer(
      "base.1", "image",
      {{"var/lib/dpkg/status",
        "Package: bash\nStatus: install ok installed\nVersion: 5\nArchitecture: amd64\n"}});
  fixture.add_layer("base.2", "image",
                    {{"usr/lib/python3/x-1.dist-info/METADATA", metadata("x", "1")}});
  const Inventory inventory = REQUIRE_OK(fixture.inventory());
  CHECK(listing(inventory, fixture.image) ==
        "deb-bash-amd64 5 in base.1 (found)\n"
        "python-x 1 in base.2 (found)\n"
        "base-library-debian sha256:" +
            std::string(64, 'a') + " in base.1,base.2\n");
  CHECK(inventory.find("deb-bash-amd64")->purl ==
        "pkg:deb/debian/bash@5?arch=amd64&distro=debian-12");
  CHECK(inventory.find("base-library-debian")->purl ==
        "pkg:oci/debian@sha256:" + std::string(64, 'a') +
            "?repository_url=docker.io/library/debian&tag=12");
  CHECK(inventory.unlisted.size() == 2);
}

TEST_CASE("one name twice gets two identifiers") {
  ImageFixture fixture;
  fixture.add_layer("a", "run",
                    {{"a/x-1.dist-info/METADATA", metadata("x", "1")},
                     {"b/X-2.dist-info/METADATA", metadata("X", "2")}});
  CHECK(listing(REQUIRE_OK(fixture.inventory()), fixture.image) ==
        "python-x 1 in a (found)\npython-x-2 2 in a (found)\n");
}

TEST_CASE("a lock of another image, and a layer that is not there, are errors") {
  ImageFixture fixture = whole_image();
  SECTION("another lock") {
    fixture.image.layers.erase(fixture.image.layers.begin());
    const auto inventory = fixture.inventory();
    REQUIRE_FALSE(inventory);
    CHECK(inventory.error().code() == Errc::mismatch);
    CHECK(error_text(inventory.error()) ==
          "the lock's layer os is not in the image demo\n"
          "hint: take the lock that the image was built from\n");
  }
  SECTION("a missing blob") {
    fixture.image.layers[0].blob.digest = oci::Digest::of("elsewhere");
    const auto inventory = fixture.inventory();
    REQUIRE_FALSE(inventory);
    CHECK(inventory.error().code() == Errc::not_found);
  }
  SECTION("a damaged part") {
    fixture.lock.layers[0].part = "{}";
    CHECK(fixture.inventory().error().code() == Errc::invalid);
  }
  SECTION("a layer that is no tar") {
    auto blob = REQUIRE_OK(fixture.store.new_blob());
    REQUIRE_OK(blob.write(base::as_bytes(std::string(2000, 'x'))));
    fixture.image.layers[0].blob.digest = REQUIRE_OK(blob.commit());
    CHECK_FALSE(fixture.inventory());
  }
  SECTION("an interruption") {
    std::stop_source stop;
    stop.request_stop();
    CHECK(take_inventory(fixture.image, fixture.lock, fixture.store, {}, base::silent_progress(),
                         stop.get_token())
              .error()
              .code() == Errc::cancelled);
  }
}

TEST_CASE("a wheel's documents lie where the installer puts them") {
  if (layer::made_wheels().empty()) SKIP_TEST("python3 is not installed");
  std::size_t read = 0;
  for (const std::string& path : layer::wheels_in("good")) {
    INFO(path);
    const auto file = REQUIRE_OK(base::File::open_read(path));
    const auto documents = REQUIRE_OK(read_wheel_documents(file, base::base_name(path), "site"));
    const auto name = REQUIRE_OK(layer::parse_wheel_name(base::base_name(path)));
    const auto own = std::count_if(documents.begin(), documents.end(), [&](const auto& item) {
      const auto& [folder, metadata] = item;
      return folder.starts_with("site/") && folder.find('/', 5) == std::string::npos &&
             metadata.project == name.project &&
             layer::same_version(metadata.version, name.version);
    });
    CHECK(own == 1);
    ++read;
  }
  CHECK(read > 2);
}

TEST_CASE("two environments in one image keep their packages apart") {
  ImageFixture fixture;
  for (const char* name : {"one", "two"}) {
    const std::string wheel = fmt::format(
        R"({{"project":"x","version":"1","input":{}}})",
        input_json("x-1-py3-none-any.whl",
                   R"({"kind":"index","role":"default","project":"x","path":"x.whl"})"));
    fixture.lock_layer(name, "wheels",
                       fmt::format(R"({{"python":"3.11","glibc":"2.36","prefix":"/opt/{}",
        "resolver":"uv","components":[],"wheels":[{}]}})",
                                   name, wheel));
    fixture.add_layer(
        name, "wheels",
        {{fmt::format("opt/{}/lib/python3.11/site-packages/x-1.dist-info/METADATA", name),
          metadata("x", "1")}});
  }
  CHECK(listing(REQUIRE_OK(fixture.inventory()), fixture.image) ==
        "python-x 1 in one\npython-x-2 1 in two\n");
}

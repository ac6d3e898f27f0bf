#include "fixture.h"

#include <fmt/format.h>

#include <cstdlib>

#include "archive/layer_writer.h"
#include "base/json.h"
#include "base/sha256.h"

namespace imgforge::evidence {
namespace {

std::string deb(const std::string& name, const std::string& version, const std::string& more = "") {
  const std::string stanza = fmt::format(
      "Package: {0}\nVersion: {1}\nArchitecture: amd64\nMaintainer: Team <t@example.org>\n{2}",
      name, version, more);
  const auto input = base::Json::parse(input_json(
      fmt::format("{}_{}_amd64.deb", name, version),
      fmt::format(R"({{"kind":"archive","role":"debian","path":"pool/{}.deb"}})", name)));
  return base::canonical_json({{"name", name},
                               {"version", version},
                               {"architecture", "amd64"},
                               {"stanza", stanza},
                               {"input", input}});
}

std::string deb_part(const std::string& kind, const std::string& debs, const std::string& os = "") {
  return fmt::format(R"({{"apt":"2.6.1","kind":"{}","debs":[{}],"releases":[{{"archive":"debian",
      "date":"now","inrelease_sha256":"{}","keys":[],"suite":"bookworm"}}]{}}})",
                     kind, debs, base::sha256_hex("InRelease"), os);
}

std::string installed(const std::string& name, const std::string& version,
                      const std::string& more = "") {
  return fmt::format(
      "Package: {}\nStatus: install ok installed\nVersion: {}\nArchitecture: amd64\n{}\n", name,
      version, more);
}

std::string copyright(const std::string& license) {
  return "Format: https://policy.example/doc/packaging-manuals/copyright-format/1.0/\n\n"
         "Files: *\nCopyright: x\nLicense: " +
         license + "\n";
}

void add_debian(ImageFixture& fixture) {
  fixture.lock_layer(
      "os", "bootstrap",
      deb_part("bootstrap",
               deb("gcc-12-base", "12.2.0-14") + "," +
                   deb("libc6", "2.36-9", "Source: glibc\nDepends: libgcc-s1, missing\n") + "," +
                   deb("libgcc-s1", "12.2.0-14", "Depends: gcc-12-base (= 12.2.0-14)\n") + "," +
                   deb("mawk", "1.3.4", "Provides: awk\nDepends: libc6\n") + "," +
                   deb("base-files", "12.4", "Pre-Depends: awk\nDepends: gawk | mawk\n"),
               R"(,"os":{"id":"debian","version":"12.11","version_id":"12"})"));
  fixture.add_layer(
      "os", "bootstrap",
      {{"usr/share/doc/gcc-12-base/copyright", copyright("GPL-3+ with Bison exception")},
       {"usr/share/doc/libgcc-s1", "-> gcc-12-base"},
       {"usr/share/doc/libc6/copyright", "Prose, not a format.\n"},
       {"usr/share/doc/mawk/copyright", copyright("GPL-2\n\nFiles: x\nLicense: odd\n Odd.")},
       {"var/lib/dpkg/status",
        installed("base-files", "12.4") + installed("gcc-12-base", "12.2.0-14") +
            installed("libc6", "2.36-9") + installed("libgcc-s1", "12.2.0-14") +
            installed("mawk", "1.3.4")}},
      "Debian 12", true);
}

std::string wheel(const std::string& project, const std::string& version) {
  return fmt::format(
      R"({{"project":"{0}","version":"{1}","input":{2}}})", project, version,
      input_json(
          fmt::format("{}-{}-py3-none-any.whl", project, version),
          fmt::format(
              R"({{"kind":"index","role":"pytorch/cu124","project":"{0}","path":"{0}.whl"}})",
              project)));
}

void add_wheels(ImageFixture& fixture) {
  fixture.lock_layer(
      "wheels", "wheels",
      fmt::format(R"({{"python":"3.11","glibc":"2.36","prefix":"/opt/venv",
        "resolver":"uv 0.9.3","components":[],"wheels":[{},{},{}]}})",
                  wheel("numpy", "2.0"), wheel("setuptools", "80.0"), wheel("torch", "2.6.0")));
  const std::string site = "opt/venv/lib/python3.11/site-packages/";
  fixture.add_layer("wheels.1", "wheels",
                    {{site + "torch-2.6.0.dist-info/METADATA",
                      metadata("torch", "2.6.0",
                               "License: BSD-3-Clause\n"
                               "Requires-Dist: numpy\n"
                               "Requires-Dist: setuptools; python_version >= \"3.12\"\n"
                               "Requires-Dist: setuptools; extra == \"build\"\n")}},
                    "torch 2.6.0");
  fixture.add_layer(
      "wheels.2", "wheels",
      {{site + "numpy-2.0.0.dist-info/METADATA", metadata("NumPy", "2.0.0", "License: BSD\n")},
       {site + "setuptools-80.0.dist-info/METADATA",
        metadata("setuptools", "80.0", "License-Expression: MIT\n")},
       {site + "setuptools/_vendor/zipp-3.0.dist-info/METADATA", metadata("zipp", "3.0")}},
      "deps: 2 Python packages");
}

void add_redist(ImageFixture& fixture) {
  const auto component = [](const std::string& name) {
    return fmt::format(
        R"({{"name":"{0}","version":"12.4.1","license":"CUDA Toolkit","input":{1}}})", name,
        input_json(name + ".tar.xz",
                   fmt::format(R"({{"kind":"redist","role":"cuda","path":"{}/x"}})", name)));
  };
  fixture.lock_layer(
      "cuda", "redist",
      fmt::format(R"({{"kind":"redist","product":"cuda","manifest":"redistrib_12.json",
        "manifest_sha256":"{}","components":[{},{}]}})",
                  base::sha256_hex("manifest"), component("cuda_cudart"), component("libcublas")));
  fixture.add_layer("cuda.1", "redist", {{"usr/local/cuda/lib/libcudart.so", "x"}}, "CUDA 12.4");
  fixture.add_layer("cuda.2", "redist", {{"usr/local/cuda/lib/libcublas.so", "x"}},
                    "libcublas 12.4.1");
}

}  // namespace

ImageFixture::ImageFixture()
    : ImageFixture(REQUIRE_OK(base::TempDir::create("/tmp", "evidence"))) {}

ImageFixture::ImageFixture(base::TempDir folder)
    : store(REQUIRE_OK(store::Store::open(folder / "store"))),
      image{.name = "demo",
            .repository = "registry.example/team/demo",
            .tag = "debian12-v1",
            .manifest = {.media_type = oci::media_type::kManifest,
                         .digest = oci::Digest::of("the manifest"),
                         .size = 12},
            .created = {1747699200}},
      folder_(std::move(folder)) {
  lock.spec_digest = base::sha256_hex("the spec");
  lock.epoch = image.created;
  lock.tools = {{"encoder", "none:r1"}};
}

void ImageFixture::add_layer(const std::string& id, const std::string& kind, const Files& files,
                             const std::string& title, bool executed) {
  auto blob = REQUIRE_OK(store.new_blob());
  archive::LayerWriter writer(blob, {.encoder = {.compression = archive::Compression::none}});
  for (const auto& [path, content] : files) {
    constexpr std::string_view kLink = "-> ";
    archive::TarEntry entry{.path = path, .size = content.size()};
    if (content.starts_with(kLink)) {
      entry.type = archive::EntryType::symlink;
      entry.size = 0;
      entry.link_target = content.substr(kLink.size());
      REQUIRE_OK(writer.add(entry));
    } else {
      REQUIRE_OK(writer.add(entry, content));
    }
  }
  const auto digests = REQUIRE_OK(writer.finish());
  const auto digest = REQUIRE_OK(blob.commit());
  CHECK(digest.hex() == digests.digest);
  image.layers.push_back(
      {.blob = {.media_type = oci::media_type::kLayer, .digest = digest, .size = digests.size},
       .id = id,
       .kind = kind,
       .title = title,
       .executed = executed});
}

void ImageFixture::lock_layer(const std::string& id, const std::string& kind,
                              const std::string& part) {
  // As a lock that was read from a file has it.
  lock.layers.push_back({id, kind, base::canonical_json(REQUIRE_OK(base::parse_json(part, id)))});
}

ImageFixture whole_image() {
  ImageFixture fixture;
  add_debian(fixture);
  add_redist(fixture);
  add_wheels(fixture);
  fixture.lock_layer("hand", "run", R"({"kind":"run","script_sha256":"00"})");
  fixture.add_layer("hand", "run",
                    {{"opt/hand/own-1.0.egg-info", metadata("own", "1.0")},
                     {"var/lib/dpkg/status",
                      installed("base-files", "12.4") + installed("gcc-12-base", "12.2.0-14") +
                          installed("libc6", "2.36-9") + installed("libgcc-s1", "12.2.0-14") +
                          installed("mawk", "1.3.5", "Depends: libc6\n") +
                          installed("local", "1", "Depends: mawk\n")}},
                    "", true);
  fixture.lock_layer("app", "files", R"({"kind":"files","from":".","commit":"c0ffee","tree":"7ee",
                                        "revision":"HEAD"})");
  fixture.add_layer(
      "app", "files",
      {{"app/main.py", "print('hello')\n"}, {"app/link", "-> main.py"}, {"app/empty", ""}});
  return fixture;
}

std::string input_json(const std::string& name, const std::string& origin) {
  return fmt::format(R"({{"name":"{}","sha256":"{}","size":100,"origin":{}}})", name,
                     base::sha256_hex(name), origin);
}

std::string metadata(const std::string& name, const std::string& version, const std::string& more) {
  return fmt::format("Metadata-Version: 2.1\nName: {}\nVersion: {}\n{}\nA description.\n", name,
                     version, more);
}

void check_golden(const std::string& text, const std::string& name) {
  const std::string path = std::string(IMGFORGE_SOURCE_DIR) + "/tests/unit/evidence/golden/" + name;
  if (std::getenv("IMGFORGE_WRITE_GOLDENS") != nullptr) {
    REQUIRE_OK(base::write_file_atomic(path, text));
  }
  CHECK(text == REQUIRE_OK(base::read_file(path)));
}

}  // namespace imgforge::evidence

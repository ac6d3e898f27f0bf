#include "layer/redist.h"

#include <fmt/format.h>

#include "base/sha256.h"
#include "kind_fixture.h"
#include "layer/redist_manifest.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

/// A redist folder as NVIDIA's servers have it, with tiny archives.
class RedistFolder {
 public:
  RedistFolder() : folder_(REQUIRE_OK(base::TempDir::create("/tmp", "redist"))) {
    add("cuda_cudart", "cuda_cudart/linux-x86_64/cuda_cudart-linux-x86_64-11.8.89-archive.tar.xz",
        "11.8.89",
        "put('lib/libcudart.so.11.8.89', b'cudart', 0o755)\n"
        "link('lib/libcudart.so.11.0', 'libcudart.so.11.8.89')\n"
        "put('lib/libcudart_static.a', b'static')\n"
        "put('lib/stubs/libcuda.so', b'stub')\n"
        "put('include/cuda_runtime.h', b'header')\n"
        "put('LICENSE', b'cudart terms')\n");
    add("libcublas", "libcublas/linux-x86_64/libcublas-linux-x86_64-11.11.3.6-archive.tar.xz",
        "11.11.3.6",
        "put('lib/libcublas.so.11', b'cublas')\n"
        "put('LICENSE', b'cublas terms')\n");
    REQUIRE_OK(base::write_file_atomic(
        folder_ / "redistrib_11.8.0.json",
        fmt::format("{{\"release_date\": \"2022-10-03\", {}, \"cuda_compat\": {{\"name\": \"CUDA "
                    "compat L4T\", \"license\": \"x\", \"version\": \"1\", \"linux-aarch64\": "
                    "{{}}}}}}",
                    fmt::join(rows_, ", "))));
  }

  sources::AddressSettings settings() const {
    sources::AddressSettings settings;
    settings.redist["cuda"] = "file://" + folder_.path();
    return settings;
  }
  std::string path(const std::string& name) const { return folder_ / name; }

 private:
  void add(const std::string& name, const std::string& file, const std::string& version,
           const std::string& script) {
    REQUIRE_OK(base::make_directories(base::parent_path(folder_ / file)));
    const std::string top = base::base_name(file).substr(0, base::base_name(file).size() - 7);
    REQUIRE_OK(base::run_checked(
        {.argv = {"python3", "-c",
                  fmt::format("import io, tarfile\n"
                              "t = tarfile.open('{}', 'w:xz')\n"
                              "def put(name, data, mode=0o644):\n"
                              "    i = tarfile.TarInfo('{}/' + name); i.size = len(data); i.mode = "
                              "mode\n"
                              "    t.addfile(i, io.BytesIO(data))\n"
                              "def link(name, target):\n"
                              "    i = tarfile.TarInfo('{}/' + name); i.type = tarfile.SYMTYPE\n"
                              "    i.linkname = target; t.addfile(i)\n"
                              "{}t.close()\n",
                              folder_ / file, top, top, script)}}));
    const auto bytes = REQUIRE_OK(base::read_file(folder_ / file));
    rows_.push_back(fmt::format(
        "\"{}\": {{\"name\": \"{}\", \"license\": \"CUDA Toolkit\", \"version\": \"{}\", "
        "\"linux-x86_64\": {{\"relative_path\": \"{}\", \"sha256\": \"{}\", \"md5\": \"x\", "
        "\"size\": \"{}\"}}}}",
        name, name, version, file, base::sha256_hex(bytes), bytes.size()));
  }

  base::TempDir folder_;
  std::vector<std::string> rows_;
};

constexpr const char* kYaml =
    "{kind: redist, release: 11.8.0, components: [cuda_cudart, libcublas]}";

constexpr const char* kManifest = R"({
  "release_date": "2024-04-04", "release_label": "9.1.0", "release_product": "cudnn",
  "cudnn": {"name": "NVIDIA CUDA Deep Neural Network library", "license": "cudnn",
    "license_path": "cudnn/LICENSE.txt", "version": "9.1.0.70", "cuda_variant": ["11", "12"],
    "linux-x86_64": {
      "cuda11": {"relative_path": "cudnn/linux-x86_64/c-9.1.0.70_cuda11-archive.tar.xz",
        "sha256": "1111111111111111111111111111111111111111111111111111111111111111",
        "md5": "a", "size": "860293208"},
      "cuda12": {"relative_path": "cudnn/linux-x86_64/c-9.1.0.70_cuda12-archive.tar.xz",
        "sha256": "2222222222222222222222222222222222222222222222222222222222222222",
        "md5": "b", "size": "862715244"}}}})";

}  // namespace

TEST_CASE("a manifest with variants is read for the CUDA in use") {
  const auto manifest = REQUIRE_OK(RedistManifest::parse(kManifest, "redistrib_9.1.0.json"));
  CHECK(manifest.components() == std::vector<std::string>{"cudnn"});
  const auto found = REQUIRE_OK(manifest.find("cudnn", "linux-x86_64", "12"));
  CHECK(found.version == "9.1.0.70");
  CHECK(found.size == 862715244);
  CHECK(found.sha256[0] == '2');
  CHECK(complaint(manifest.find("cudnn", "linux-x86_64", "10")).find("cuda11, cuda12") !=
        std::string::npos);
  CHECK(complaint(manifest.find("cudnn", "linux-x86_64", "")).find("put the layer above") !=
        std::string::npos);
  CHECK(complaint(manifest.find("cudnn", "linux-sbsa", "12")).find("not for linux-sbsa") !=
        std::string::npos);
  CHECK(complaint(manifest.find("cudn", "linux-x86_64", "12")).find("did you mean \"cudnn\"?") !=
        std::string::npos);
}

TEST_CASE("what is no manifest is refused") {
  CHECK_FALSE(RedistManifest::parse("[]", "x.json"));
  CHECK_FALSE(RedistManifest::parse("{\"release_date\": \"x\"}", "x.json"));
  const auto bad = REQUIRE_OK(RedistManifest::parse(
      R"({"c": {"name": "c", "version": "1", "linux-x86_64": {"relative_path": "../c",
          "sha256": "00", "size": "x"}}})",
      "x.json"));
  CHECK(complaint(bad.find("c", "linux-x86_64", "")).find("size") != std::string::npos);
}

TEST_CASE("a release is locked and laid out under its prefix") {
  RedistFolder server;
  KindFixture kind(decode_redist, server.settings());
  const auto part = REQUIRE_OK(kind.lock(kYaml));
  CHECK(part.find("\"version\":\"11.8.89\"") != std::string::npos);
  CHECK(part.find("file://") == std::string::npos);  // roles, not addresses
  const auto recipes = REQUIRE_OK(kind.recipes(kYaml, part));
  REQUIRE(recipes.size() == 1);
  REQUIRE_OK(kind.fetch(recipes.front()->inputs()));
  const auto built = REQUIRE_OK(kind.produce(*recipes.front()));
  CHECK(kind.list(built) ==
        "d0755 0:0 0 etc\n"
        "d0755 0:0 0 etc/ld.so.conf.d\n"
        "-0644 0:0 27 etc/ld.so.conf.d/cuda-11-8.conf\n"
        "d0755 0:0 0 usr\n"
        "d0755 0:0 0 usr/local\n"
        "l0777 0:0 0 usr/local/cuda -> /usr/local/cuda-11.8\n"
        "d0755 0:0 0 usr/local/cuda-11.8\n"
        "d0755 0:0 0 usr/local/cuda-11.8/include\n"
        "-0644 0:0 6 usr/local/cuda-11.8/include/cuda_runtime.h\n"
        "d0755 0:0 0 usr/local/cuda-11.8/lib\n"
        "-0644 0:0 6 usr/local/cuda-11.8/lib/libcublas.so.11\n"
        "l0777 0:0 0 usr/local/cuda-11.8/lib/libcudart.so.11.0 -> libcudart.so.11.8.89\n"
        "-0755 0:0 6 usr/local/cuda-11.8/lib/libcudart.so.11.8.89\n"
        "l0777 0:0 0 usr/local/cuda-11.8/lib64 -> lib\n"
        "d0755 0:0 0 usr/local/cuda-11.8/licenses\n"
        "d0755 0:0 0 usr/local/cuda-11.8/licenses/cuda_cudart\n"
        "-0644 0:0 12 usr/local/cuda-11.8/licenses/cuda_cudart/LICENSE\n"
        "d0755 0:0 0 usr/local/cuda-11.8/licenses/libcublas\n"
        "-0644 0:0 12 usr/local/cuda-11.8/licenses/libcublas/LICENSE\n");
  CHECK(kind.content(built, "etc/ld.so.conf.d/cuda-11-8.conf") == "/usr/local/cuda-11.8/lib64\n");
  CHECK(kind.content(built, "usr/local/cuda-11.8/licenses/libcublas/LICENSE") == "cublas terms");

  Facts facts;
  REQUIRE_OK(REQUIRE_OK(kind.decode(kYaml))->contribute(part, facts));
  REQUIRE(facts.find("cuda") != nullptr);
  CHECK(facts.find("cuda")->version == "11.8.89");
  CHECK(complaint(kind.recipes("{kind: redist, release: 11.8.0, components: [libcublas]}", part))
            .find("other components") != std::string::npos);
}

TEST_CASE("an archive that is not the one of the manifest is refused") {
  RedistFolder server;
  KindFixture kind(decode_redist, server.settings());
  const auto recipes = REQUIRE_OK(kind.recipes(kYaml, REQUIRE_OK(kind.lock(kYaml))));
  const auto inputs = recipes.front()->inputs();
  const auto file = server.path(inputs.front().origin.path);
  auto bytes = REQUIRE_OK(base::read_file(file));
  bytes[bytes.size() / 2] ^= 1;
  REQUIRE_OK(base::write_file_atomic(file, bytes));
  const auto fetched = kind.fetch(inputs);
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().code() == Errc::mismatch);
}

TEST_CASE("mistakes in a redist entry") {
  RedistFolder server;
  KindFixture kind(decode_redist, server.settings());
  const auto says = [&](const std::string& rest) {
    return complaint(kind.lock("{kind: redist, " + rest + "}"));
  };
  CHECK(says("components: [x]").find("needs `release`") != std::string::npos);
  CHECK(says("release: 11.8.0, components: []").find("names no component") != std::string::npos);
  CHECK(says("release: 11.8.0, components: [libcublas, libcublas]").find("twice") !=
        std::string::npos);
  CHECK(says("release: 11.8.0, components: [libcubla]").find("did you mean \"libcublas\"?") !=
        std::string::npos);
  CHECK(says("product: cudnn, release: 9.1.0, components: [cudnn]").find("needs `prefix`") !=
        std::string::npos);
  CHECK(says("manifest: x.json, components: [a]").find("no manifest's name") != std::string::npos);
  CHECK(says("release: 11.9.0, components: [a]").find("not_found") == 0);
  CHECK(complaint(kind.lock("{kind: redist, manifest: redistrib_11.8.0.json, components: "
                            "[libcublas]}")) == "no error");
}

#include "store_fixture.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <random>
#include <set>

#include "base/sha256.h"

namespace imgforge::store {
namespace {

std::string tar_header(const std::string& name, std::size_t size, bool folder) {
  std::string block(512, '\0');
  const auto put_octal = [&](std::size_t at, std::size_t digits, std::uint64_t value) {
    for (std::size_t i = digits; i-- > 0; value >>= 3) {
      block[at + i] = static_cast<char>('0' + (value & 7));
    }
  };
  block.replace(0, name.size(), name);
  put_octal(100, 7, folder ? 0755 : 0644);
  put_octal(108, 7, 0);
  put_octal(116, 7, 0);
  put_octal(124, 11, size);
  put_octal(136, 11, 1000000000);
  block.replace(148, 8, "        ");
  block[156] = folder ? '5' : '0';
  block.replace(257, 5, "ustar");
  block.replace(263, 2, "00");
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_octal(148, 6, sum);
  block[154] = '\0';
  return block;
}

std::string gzip(std::string_view data) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(::deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string zstd(std::string_view data) {
  std::string out(::ZSTD_compressBound(data.size()), '\0');
  const std::size_t n = ::ZSTD_compress(out.data(), out.size(), data.data(), data.size(), 1);
  REQUIRE(::ZSTD_isError(n) == 0);
  out.resize(n);
  return out;
}

const char* layer_type(Compression how) {
  if (how == Compression::plain) return oci::media_type::kLayer;
  if (how == Compression::zstd) return oci::media_type::kLayerZstd;
  return oci::media_type::kLayerGzip;
}

}  // namespace

std::string make_tar(const std::map<std::string, std::string>& files) {
  std::set<std::string> folders;
  for (const auto& [path, content] : files) {
    for (std::string parent = base::parent_path(path); !parent.empty() && parent != "/";
         parent = base::parent_path(parent)) {
      folders.insert(parent);
    }
  }
  std::map<std::string, const std::string*> entries;
  for (const std::string& folder : folders) entries[folder] = nullptr;
  for (const auto& [path, content] : files) entries[path] = &content;
  std::string tar;
  for (const auto& [path, content] : entries) {
    if (content == nullptr) {
      tar += tar_header(path + "/", 0, true);
      continue;
    }
    tar += tar_header(path, content->size(), false) + *content;
    tar.append((512 - content->size() % 512) % 512, '\0');
  }
  return tar.append(1024, '\0');
}

std::string compress(std::string_view data, Compression how) {
  switch (how) {
    case Compression::plain:
      return std::string(data);
    case Compression::gzip:
      return gzip(data);
    case Compression::zstd:
      return zstd(data);
    case Compression::many_members:
      break;
  }
  std::string out;
  for (std::size_t at = 0, n = 1; at < data.size(); at += n, n = n * 3 % 4099 + 1) {
    out += gzip(data.substr(at, n));
  }
  return out;
}

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

TestStore TestStore::make() {
  base::TempDir folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  Store store = REQUIRE_OK(Store::open(folder / "store"));
  return {std::move(folder), std::move(store)};
}

oci::Digest put_blob(Store& store, std::string_view content) {
  Ingest blob = REQUIRE_OK(store.new_blob(content.size()));
  REQUIRE_OK(blob.write(base::as_bytes(content)));
  return REQUIRE_OK(blob.commit());
}

BuiltLayer put_layer_blob(Store& store, const std::map<std::string, std::string>& files,
                          Compression how) {
  const std::string tar = make_tar(files);
  const std::string blob = compress(tar, how);
  return {
      .blob = {.media_type = layer_type(how), .digest = put_blob(store, blob), .size = blob.size()},
      .diff_id = oci::Digest::of(tar),
      .tar_size = tar.size(),
      .entries = files.size()};
}

oci::Descriptor put_image_of(Store& store, const std::vector<BuiltLayer>& layers,
                             const std::string& comment, const oci::Platform& platform) {
  oci::ImageConfig config;
  config.created = base::Seconds{1747699200};
  config.platform = platform;
  config.config.env = {"PATH=/usr/bin:/bin"};
  config.config.labels["comment"] = comment;
  oci::Manifest manifest;
  for (const BuiltLayer& layer : layers) {
    config.diff_ids.push_back(layer.diff_id);
    config.history.push_back({.created = config.created, .created_by = comment});
    manifest.layers.push_back(layer.blob);
  }
  manifest.config = REQUIRE_OK(store.put_document(oci::to_json(config), oci::media_type::kConfig));
  return REQUIRE_OK(store.put_document(oci::to_json(manifest), oci::media_type::kManifest));
}

oci::Descriptor small_image(Store& store, const std::string& content) {
  return put_image_of(
      store, {put_layer_blob(store, {{"etc/greeting", content}, {"usr/share/doc/x", "doc"}}),
              put_layer_blob(store, {{"app/main.py", "print(1)\n"}, {"app/noise", noise(30000)}},
                             Compression::many_members)});
}

std::string findings(const std::string& layout_or_archive) {
  const auto result = REQUIRE_OK(base::run_command(
      {.argv = {"python3", std::string(IMGFORGE_SOURCE_DIR) + "/tests/tools/validate_layout.py",
                "--strict", layout_or_archive}}));
  if (result.status == 0) return "";
  return result.out + result.err;
}

void require_valid(const std::string& layout_or_archive) {
  const std::string found = findings(layout_or_archive);
  INFO(found);
  REQUIRE(found.empty());
}

pid_t fork_child(const std::function<bool()>& work) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    bool good = false;
    try {
      good = work();
    } catch (...) {  // a failed REQUIRE must not run the rest of the tests a second time
    }
    ::_exit(good ? 0 : 1);  // no destructors of the parent's things
  }
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return status;
}

void damage(const std::string& path) {
  std::string content = REQUIRE_OK(base::read_file(path));
  REQUIRE_FALSE(content.empty());
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 0x10);
  REQUIRE_OK(base::write_file_atomic(path, content, 0444));
}

std::string status_of(const base::Command& command) {
  const auto result = base::run_command(command);
  if (!result) return result.error().summary();
  if (result->status == 0) return "";
  return "exit status " + std::to_string(result->status) + ": " + result->err + result->out;
}

}  // namespace imgforge::store

#include "base/sha256.h"
#include "sources/uv.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;
using test::contains;

namespace {

struct Indexes {
  base::TempDir folder = test::temporary();
  std::string failed;
  std::unique_ptr<test::FaultServer> server;

  Indexes() {
    failed = test::make(
        "make_index.py",
        {folder.path(),
         "main:torch:2.6.0::nvidia-x-cu12==1.0",
         "main:torch:2.7.0",
         "main:numpy:1.26.4",
         "main:numpy:2.1.0",
         "main:shared-dep:1.0",
         "main:nvidia-x-cu12:1.0",
         "main:many:1.0:py3-none-any",
         "main:many:1.0:cp311-cp311-manylinux_2_17_x86_64",
         "main:many:1.0:cp311-cp311-manylinux_2_39_x86_64",
         "main:many:1.0:cp312-cp312-linux_x86_64",
         "main:only-source:1.0:sdist",
         "main:conditional:1.0::shared-dep; python_version < '3.9'",
         "main:newer-python:1.0:cp313-cp313-linux_x86_64",
         "main:a-b:1.0::numpy<2",
         "main:c-d:1.0::numpy>=2",
         "cu/cu118:torch:2.6.0+cu118:cp311-cp311-linux_x86_64:nvidia-x-cu11==1.0|numpy|shared-dep",
         "cu/cu118:torch:2.5.1+cu118:cp311-cp311-linux_x86_64",
         "cu/cu118:nvidia-x-cu11:1.0",
         "cu/cu118:numpy:0.9",
         "cu/cu118:shared-dep:1.0",
         "cu/cu121:torch:2.5.1+cu121",
         "big-json:tiny:1.0"});
    if (failed.empty()) {
      const auto uv = find_uv(test::bare_settings().tools_directory);
      if (!uv) failed = uv.error().summary() + " (" + uv.error().hint() + ")";
    }
    if (failed.empty()) {
      server =
          std::make_unique<test::FaultServer>(std::vector<std::string>{"--root", folder.path()});
    }
  }
  static const Indexes& get() {
    static const Indexes indexes;
    return indexes;
  }
  AddressSettings settings() const {
    AddressSettings settings = test::bare_settings();
    settings.indexes = {{"default", server->url("main")},
                        {"pytorch", server->url("cu")},
                        {"json", server->url("big-json")}};
    return settings;
  }
};

#define REQUIRE_INDEXES(indexes)           \
  const Indexes& indexes = Indexes::get(); \
  if (!indexes.failed.empty()) SKIP_TEST("no local indexes: " + indexes.failed)

PythonRequest request(std::vector<std::string> requirements) {
  return {.requirements = std::move(requirements), .target = {"3.11", "2.36", "amd64"}};
}

std::string names(const PythonResolution& resolution) {
  std::string out;
  for (const LockedWheel& wheel : resolution.wheels) {
    out += (out.empty() ? "" : " ") + wheel.project + "=" + wheel.version + "@" +
           wheel.input.origin.role;
  }
  return out;
}

std::vector<Input> inputs(const PythonResolution& resolution) {
  std::vector<Input> out;
  for (const LockedWheel& wheel : resolution.wheels) out.push_back(wheel.input);
  return out;
}

}  // namespace

TEST_CASE("requirements become one wheel each, with hash, size and index") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  const PythonResolution resolution = REQUIRE_OK(
      place.sources.resolve_python(request({"torch==2.6.0", "many", "conditional"}), {}));
  CHECK(names(resolution) ==
        "conditional=1.0@default many=1.0@default nvidia-x-cu12=1.0@default torch=2.6.0@default");
  CHECK(resolution.resolver.starts_with("uv "));
  CHECK(resolution.wheels[0].requested);
  CHECK_FALSE(resolution.wheels[2].requested);
  const Input& many = resolution.wheels[1].input;
  CHECK(many.name == "many-1.0-cp311-cp311-manylinux_2_17_x86_64.whl");
  CHECK(many.origin.kind == Origin::Kind::index);
  CHECK(many.origin.project == "many");
  CHECK(many.origin.path == many.name);
  const std::string bytes = REQUIRE_OK(base::read_file(indexes.folder / "main/many/" + many.name));
  CHECK(many.digest == oci::Digest::of(bytes));
  CHECK(many.size == bytes.size());
  REQUIRE_OK(place.sources.fetch(inputs(resolution), 4, {}));
  for (const LockedWheel& wheel : resolution.wheels) {
    CHECK(place.store.has_input(wheel.input.digest));
  }
}

TEST_CASE("a CUDA build comes from its own index, and nothing else does") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  PythonRequest cuda = request({"torch==2.6.0+cu118", "numpy"});
  cuda.indexes = {{"default", {}}, {"pytorch/cu118", {"torch", "nvidia-*-cu11"}}};
  const PythonResolution resolution = REQUIRE_OK(place.sources.resolve_python(cuda, {}));
  CHECK(names(resolution) ==
        "numpy=2.1.0@default nvidia-x-cu11=1.0@pytorch/cu118 shared-dep=1.0@default "
        "torch=2.6.0+cu118@pytorch/cu118");
  REQUIRE_OK(place.sources.fetch(inputs(resolution), 4, {}));

  // A dependency that both have goes to the index that alone may serve it.
  cuda.indexes[1].only.push_back("shared-dep");
  CHECK(contains(names(REQUIRE_OK(place.sources.resolve_python(cuda, {}))),
                 "shared-dep=1.0@pytorch/cu118"));
  // What only an index without the right has is refused.
  cuda.indexes[1].only = {"torch"};
  const auto refused = place.sources.resolve_python(cuda, {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(contains(refused.error().message(), "nvidia-x-cu11"));
}

TEST_CASE("a CUDA variant that does not exist is uv's error, with what there is") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  PythonRequest absent = request({"torch==2.6.0+cu121"});
  absent.indexes = {{"default", {}}, {"pytorch/cu121", {"torch"}}};
  const auto resolution = place.sources.resolve_python(absent, {});
  REQUIRE_FALSE(resolution);
  CHECK(resolution.error().code() == Errc::not_found);
  CHECK(contains(resolution.error().message(), "no version of torch==2.6.0+cu121"));
  CHECK(contains(resolution.error().hint(), "'pytorch/cu121' has torch 2.5.1+cu121"));
}

TEST_CASE("what cannot be resolved") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  const auto error = [&](std::vector<std::string> requirements) {
    const auto resolution = place.sources.resolve_python(request(std::move(requirements)), {});
    REQUIRE_FALSE(resolution);
    INFO(resolution.error().message());
    return resolution.error();
  };
  const Error source_only = error({"only-source"});
  CHECK(source_only.code() == Errc::unsupported);
  CHECK(contains(source_only.message() + source_only.hint(), "source"));
  CHECK(error({"no-such-project"}).code() == Errc::not_found);
  CHECK(error({"newer-python"}).code() == Errc::not_found);
  CHECK(error({"a-b", "c-d"}).code() == Errc::invalid);
  CHECK(error({"torch @ https://x.example/torch.whl"}).code() == Errc::unsupported);
  CHECK(error({"-r /etc/passwd"}).code() == Errc::invalid);
}

TEST_CASE("an index that does not answer") {
  REQUIRE_INDEXES(indexes);
  AddressSettings settings = indexes.settings();
  settings.indexes["default"] = "http://nobody.invalid/simple";
  test::Workplace place(settings);
  const auto resolution = place.sources.resolve_python(request({"numpy"}), {});
  REQUIRE_FALSE(resolution);
  CHECK(resolution.error().code() == Errc::unavailable);
}

TEST_CASE("an older lock's versions are preferred, not demanded") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  PythonRequest kept = request({"numpy"});
  kept.constraints = {"numpy==1.26.4", "torch==1.0"};
  CHECK(names(REQUIRE_OK(place.sources.resolve_python(kept, {}))) == "numpy=1.26.4@default");
  kept.requirements = {"numpy>=2"};
  CHECK(names(REQUIRE_OK(place.sources.resolve_python(kept, {}))) == "numpy=2.1.0@default");
}

TEST_CASE("hashed requirements") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  const std::string sha256 = base::sha256_hex(
      REQUIRE_OK(base::read_file(indexes.folder / "main/numpy/numpy-1.26.4-py3-none-any.whl")));
  PythonRequest hashed = request({});
  hashed.requirements_text = "numpy==1.26.4 \\\n    --hash=sha256:" + sha256 + "\n";
  CHECK(names(REQUIRE_OK(place.sources.resolve_python(hashed, {}))) == "numpy=1.26.4@default");
  hashed.requirements_text = "numpy==1.26.4 --hash=sha256:" + std::string(64, '0') + "\n";
  const auto wrong = place.sources.resolve_python(hashed, {});
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code() == Errc::mismatch);
}

TEST_CASE("a pylock is taken as it is, and sizes are asked for") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  const auto lock = [&](const std::string& index, const std::string& project) {
    const std::string name = project + "-1.0-py3-none-any.whl";
    const std::string bytes =
        REQUIRE_OK(base::read_file(indexes.folder / index + "/" + project + "/" + name));
    PythonRequest locked = request({});
    locked.pylock_text = "lock-version = \"1.0\"\n[[packages]]\nname = \"" + project +
                         "\"\nversion = \"1.0\"\nwheels = [{url = \"" +
                         indexes.server->url(index + "/" + project + "/" + name) +
                         "\", hashes = {sha256 = \"" + base::sha256_hex(bytes) + "\"}}]\n";
    return std::pair(locked, bytes.size());
  };
  auto [plain, size] = lock("main", "many");
  const PythonResolution resolution = REQUIRE_OK(place.sources.resolve_python(plain, {}));
  CHECK(names(resolution) == "many=1.0@default");
  CHECK(resolution.wheels[0].input.size == size);
  REQUIRE_OK(place.sources.fetch(inputs(resolution), 1, {}));
  auto [json, json_size] = lock("big-json", "tiny");
  json.indexes = {{"json", {}}};
  CHECK(REQUIRE_OK(place.sources.resolve_python(json, {})).wheels[0].input.size == json_size);
  json.requirements = {"numpy"};
  CHECK(place.sources.resolve_python(json, {}).error().code() == Errc::invalid);
}

TEST_CASE("wheels that an index has lost or replaced") {
  REQUIRE_INDEXES(indexes);
  test::Workplace place(indexes.settings());
  const std::string name = "numpy-1.26.4-py3-none-any.whl";
  const Origin origin{
      .kind = Origin::Kind::index, .role = "default", .project = "numpy", .path = name};
  const auto replaced =
      place.sources.fetch(std::vector{test::input_of("other", origin, name)}, 1, {});
  REQUIRE_FALSE(replaced);
  CHECK(replaced.error().code() == Errc::mismatch);
  CHECK(contains(replaced.error().message(), "other content"));
  Origin gone = origin;
  gone.path = "numpy-0.1-py3-none-any.whl";
  CHECK(place.sources.fetch(std::vector{test::input_of("x", gone)}, 1, {}).error().code() ==
        Errc::not_found);
  gone.project = "no-such-project";
  CHECK(place.sources.fetch(std::vector{test::input_of("x", gone)}, 1, {}).error().code() ==
        Errc::not_found);
}

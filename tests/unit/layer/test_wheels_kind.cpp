#include <fmt/format.h>

#include <set>

#include "archive/tar_reader.h"
#include "base/sha256.h"
#include "document/node.h"
#include "layer/definition.h"
#include "layer/wheels_part.h"
#include "layer/wheels_split.h"
#include "wheel_fixture.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

std::unique_ptr<Definition> wheels(const std::string& keys) {
  const auto node = REQUIRE_OK(document::parse_yaml("kind: wheels\n" + keys, "spec.yaml"));
  return REQUIRE_OK(decode(node));
}

Error refused(const std::string& keys) {
  const auto node = REQUIRE_OK(document::parse_yaml("kind: wheels\n" + keys, "spec.yaml"));
  const auto definition = decode(node);
  REQUIRE(!definition);
  return definition.error();
}

sources::LockedWheel locked(const std::string& project, std::uint64_t size) {
  const std::string file = project + "-1.0-py3-none-any.whl";
  return {.project = project,
          .version = "1.0",
          .input = {.name = file,
                    .digest = oci::Digest::of(project),
                    .size = size,
                    .origin = {.kind = sources::Origin::Kind::index,
                               .role = "default",
                               .project = project,
                               .path = file}}};
}

WheelsPart some_part() {
  return {.python = "3.11",
          .glibc = "2.36",
          .prefix = "/opt/venv",
          .resolver = "uv 0.9.3",
          .wheels = {locked("filelock", 20'000), locked("nvidia-x", 400'000'000),
                     locked("torch", 766'000'000)},
          .components = {{.name = "torch", .version = "1.0", .detail = {{"cuda", "12.4"}}}}};
}

Facts with_python(const std::string& version = "3.11.2") {
  Facts facts;
  facts.glibc = "2.36";
  facts.python =
      PythonFacts{.version = version, .executable = "/usr/bin/python3.11", .prefix = "/opt/venv"};
  return facts;
}

std::vector<std::unique_ptr<Recipe>> recipes(const Definition& definition, const WheelsPart& part) {
  const Facts below = with_python();
  return REQUIRE_OK(definition.recipes(
      format_wheels_part(part), {.below = below, .project_directory = "/nowhere", .epoch = {0}}));
}

}  // namespace

TEST_CASE("impossible wheels entries are refused with their place") {
  CHECK(refused("bytecode: none\n").message().find("nothing to install") != std::string::npos);
  auto error = refused("requirements: [six]\npylock: pylock.toml\n");
  CHECK(error.where().line == 3);
  error = refused("requirements: [six]\nprefix: opt/venv\n");
  CHECK(error.where().line == 3);
  error = refused("requirements: [six]\nprefix: /opt/../etc\n");
  CHECK(error.where().line == 3);
  error = refused("requirements: [six]\nbytecode: checked\n");
  CHECK(error.where().line == 3);
  error = refused("requirements: [six]\nsplit:\n  - name: x\n");
  CHECK(error.where().line == 4);
  error = refused("requirements: [six]\nindexes:\n  - index: default\n    onyl: [six]\n");
  CHECK(error.where().line == 5);
}

TEST_CASE("the locked part is read as it was written") {
  auto part = some_part();
  part.wheels[2].requested = true;
  part.requirements_file = {.path = "requirements.txt", .sha256 = std::string(64, 'a')};
  const auto text = format_wheels_part(part);
  const auto again = REQUIRE_OK(parse_wheels_part(text));
  CHECK(format_wheels_part(again) == text);
  CHECK(again.wheels.size() == 3);
  CHECK(again.wheels[2].requested);
  CHECK_FALSE(again.wheels[0].requested);
  CHECK(again.wheels[1].input.size == 400'000'000);
  CHECK(again.wheels[1].input.origin == part.wheels[1].input.origin);
  CHECK(again.components == part.components);
  CHECK(again.requirements_file == part.requirements_file);

  CHECK(!parse_wheels_part("{}"));
  CHECK(!parse_wheels_part("nonsense"));
  CHECK(!parse_wheels_part(R"({"glibc":"2.36","prefix":"/x","python":"3.11","resolver":"uv",
                               "wheels":[{"project":"a","version":"1"}]})"));
}

TEST_CASE("contributing needs the Python that the wheels were chosen for") {
  const auto definition = wheels("requirements: [torch]\nid: torch-layer\n");
  Facts facts = with_python();
  REQUIRE_OK(definition->contribute(format_wheels_part(some_part()), facts));
  REQUIRE(facts.find("torch") != nullptr);
  CHECK(facts.find("torch")->detail.at("cuda") == "12.4");
  CHECK(facts.find("torch")->source == "torch-layer");

  Facts other = with_python("3.12.1");
  auto failed = definition->contribute(format_wheels_part(some_part()), other);
  REQUIRE(!failed);
  CHECK(failed.error().code() == Errc::mismatch);
  CHECK(failed.error().message().find("3.12.1") != std::string::npos);
  Facts none;
  failed = definition->contribute(format_wheels_part(some_part()), none);
  REQUIRE(!failed);
  CHECK(failed.error().hint().find("kind python") != std::string::npos);
}

TEST_CASE("layers and their keys depend on the wheels alone") {
  const auto definition = wheels("requirements: [torch]\n");
  const auto made = recipes(*definition, some_part());
  REQUIRE(made.size() == 3);
  CHECK(made[0]->title() == "nvidia-x 1.0");
  CHECK(made[1]->title() == "torch 1.0");
  CHECK(made[2]->title() == "filelock 1.0");
  CHECK(made[1]->inputs().size() == 1);
  CHECK(made[1]->estimated_bytes() > 766'000'000);
  CHECK_FALSE(made[1]->executed());

  // Another resolver, place of download, glibc, further wheels: the same torch layer.
  auto part = some_part();
  part.resolver = "pip 25";
  part.glibc = "2.31";
  part.wheels[2].input.origin.role = "pytorch/cu124";
  part.wheels.push_back(locked("zipp", 100));
  const auto elsewhere = recipes(*definition, part);
  CHECK(elsewhere[1]->key_material() == made[1]->key_material());
  CHECK(elsewhere[2]->key_material() != made[2]->key_material());

  // Whatever changes bytes changes the key.
  std::set<std::string> keys = {made[1]->key_material()};
  part = some_part();
  part.wheels[2].requested = true;
  CHECK(keys.insert(recipes(*definition, part)[1]->key_material()).second);
  part = some_part();
  part.python = "3.12";
  CHECK(keys.insert(recipes(*definition, part)[1]->key_material()).second);
  part = some_part();
  part.prefix = "/env";
  CHECK(keys.insert(recipes(*definition, part)[1]->key_material()).second);
  part = some_part();
  part.wheels[2].input.digest = oci::Digest::of("other");
  CHECK(keys.insert(recipes(*definition, part)[1]->key_material()).second);
  const auto trusting = wheels("requirements: [torch]\nallow_bad_record: [Torch]\n");
  CHECK(keys.insert(recipes(*trusting, some_part())[1]->key_material()).second);
}

TEST_CASE("split and bytecode make the layers that they say") {
  const auto definition = wheels(
      "requirements: [torch]\nsplit:\n  - {name: all, match: [\"NVIDIA_*\", torch]}\n"
      "bytecode: unchecked-hash\n");
  const auto made = recipes(*definition, some_part());
  REQUIRE(made.size() == 3);
  CHECK(made[0]->title() == "all: 2 Python packages");
  CHECK(made[1]->title() == "filelock 1.0");
  CHECK(made[2]->executed());
}

TEST_CASE("a requirements file that changed makes the lock stale") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-requirements"));
  REQUIRE_OK(base::write_file_atomic(folder / "requirements.txt", "six==1.17.0\n"));
  const auto definition = wheels("requirements_file: requirements.txt\n");
  auto part = some_part();
  part.requirements_file = {.path = "requirements.txt",
                            .sha256 = base::sha256_hex(std::string_view("six==1.17.0\n"))};
  const Facts below = with_python();
  const PlanContext context{.below = below, .project_directory = folder.path(), .epoch = {0}};
  CHECK(definition->recipes(format_wheels_part(part), context));
  REQUIRE_OK(base::write_file_atomic(folder / "requirements.txt", "six==1.17.0\r\n"));
  CHECK(definition->recipes(format_wheels_part(part), context));  // line ends do not count
  REQUIRE_OK(base::write_file_atomic(folder / "requirements.txt", "six==1.16.0\n"));
  const auto stale = definition->recipes(format_wheels_part(part), context);
  REQUIRE(!stale);
  CHECK(stale.error().code() == Errc::refused);
  CHECK(stale.error().hint().find("imgforge lock") != std::string::npos);
}

TEST_CASE("a layer of wheels is produced from the store") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-layer"));
  auto store = REQUIRE_OK(store::Store::open(folder / "store"));
  auto part = some_part();
  part.wheels.clear();
  for (const auto& path : wheels_in("good")) {
    const auto name = REQUIRE_OK(parse_wheel_name(base::base_name(path)));
    const auto content = REQUIRE_OK(base::read_file(path));
    auto wheel = locked(name.project, content.size());
    wheel.version = name.version;
    wheel.requested = true;
    wheel.input.name = name.file;
    wheel.input.digest = oci::Digest::of(content);
    REQUIRE_OK(store.adopt_input(path, wheel.input.digest, content.size()));
    part.wheels.push_back(wheel);
  }
  const auto definition = wheels("requirements: [everything]\n");
  const auto made = recipes(*definition, part);
  REQUIRE(made.size() == 1);
  CHECK(made[0]->title() == "deps: 6 Python packages");
  auto task = base::silent_progress().start("build", "deps", std::nullopt);
  base::Allowance held(1 << 20);
  BuildContext context{.store = store,
                       .epoch = {1'700'000'000},
                       .encoder = {},
                       .held = held,
                       .scratch = folder.path(),
                       .task = *task};
  const auto built = REQUIRE_OK(made[0]->produce(context));
  CHECK(store.has_blob(built.blob.digest));
  CHECK(REQUIRE_OK(store.blob_size(built.blob.digest)) == built.blob.size);
  const auto alone = REQUIRE_OK(install(wheels_in("good"), {.requested = true}));
  CHECK(built.blob.digest.hex() == alone.digests.digest);
  CHECK(built.diff_id.hex() == alone.digests.diff_id);

  std::stop_source stop;
  stop.request_stop();
  BuildContext stopped{.store = store,
                       .epoch = {1'700'000'000},
                       .encoder = {},
                       .held = held,
                       .scratch = folder.path(),
                       .task = *task,
                       .stop = stop.get_token()};
  const auto cancelled = made[0]->produce(stopped);
  REQUIRE(!cancelled);
  CHECK(cancelled.error().code() == Errc::cancelled);
}

// Kind `wheels` when it locks: a pylock.toml over wheels that lie in the store, so that neither a
// resolver nor a network is needed.
#include <fmt/format.h>

#include "base/text.h"
#include "kind_fixture.h"
#include "layer/wheels.h"
#include "layer/wheels_part.h"
#include "wheel_fixture.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

class Locked : public KindFixture {
 public:
  Locked() : KindFixture(decode_wheels, settings()) {
    below.glibc = "2.36";
    below.python = PythonFacts{
        .version = "3.11.2", .executable = "/usr/bin/python3.11", .prefix = "/opt/venv"};
  }

  /// Puts wheels into the store and writes pylock.toml.
  void offer(const std::vector<std::string>& paths) {
    std::string pylock = "lock-version = \"1.0\"\ncreated-by = \"test\"\n";
    for (const auto& path : paths) {
      const auto name = REQUIRE_OK(parse_wheel_name(base::base_name(path)));
      const auto content = REQUIRE_OK(base::read_file(path));
      const auto digest = oci::Digest::of(content);
      REQUIRE_OK(store().adopt_input(path, digest, content.size()));
      pylock += fmt::format(
          "[[packages]]\nname = \"{}\"\nversion = \"{}\"\n[[packages.wheels]]\nname = \"{}\"\n"
          "url = \"https://files.example/{}\"\nsize = {}\nhashes = {{sha256 = \"{}\"}}\n",
          name.project, name.version, name.file, name.file, content.size(), digest.hex());
    }
    write("pylock.toml", pylock);
  }

  Result<WheelsPart> lock_wheels(const std::string& more = "") {
    return parse_wheels_part(TRY(lock("kind: wheels\npylock: pylock.toml\n" + more)));
  }

 private:
  static sources::AddressSettings settings() {
    sources::AddressSettings settings;
    settings.indexes["default"] = "https://index.example/simple";
    return settings;
  }
};

}  // namespace

TEST_CASE("locking reads the components from the wheels") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  Locked kind;
  kind.offer(wheels_in("torch/cuda"));
  const auto part = REQUIRE_OK(kind.lock_wheels("cuda: \"12.4\"\n"));
  CHECK(part.python == "3.11");
  CHECK(part.glibc == "2.36");
  CHECK(part.prefix == "/opt/venv");
  REQUIRE(part.wheels.size() == 4);
  CHECK(part.wheels[3].project == "torch");
  CHECK(part.wheels[3].input.origin.role == "default");
  REQUIRE(part.requirements_file);
  CHECK(part.requirements_file->path == "pylock.toml");

  Facts facts = kind.below;
  const auto definition = REQUIRE_OK(kind.decode("{kind: wheels, pylock: pylock.toml}"));
  REQUIRE_OK(definition->contribute(format_wheels_part(part), facts));
  CHECK(facts.find("torch")->version == "2.6.0");
  CHECK(facts.find("torch")->detail.at("cuda") == "12.4");
  CHECK(facts.find("cuda")->version == "12.4.127");
  CHECK(facts.find("cudnn")->version == "9.1.0.70");
  CHECK(facts.find("nccl")->version == "2.21.5");
}

TEST_CASE("another CUDA than the spec says fails") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  const auto contribute = [](Locked& kind, const std::string& cuda) -> Result<> {
    const std::string yaml = "kind: wheels\npylock: pylock.toml\ncuda: \"" + cuda + "\"\n";
    Facts facts = kind.below;
    return TRY(kind.decode(yaml))->contribute(TRY(kind.lock(yaml)), facts);
  };
  Locked cuda;
  cuda.offer(wheels_in("torch/cuda"));
  CHECK(contribute(cuda, "12.4"));
  CHECK(complaint(contribute(cuda, "11.8")).find("resolved torch 2.6.0 is built for 12.4") !=
        std::string::npos);
  Locked cpu;
  cpu.offer(wheels_in("torch/cpu"));
  CHECK(complaint(contribute(cpu, "12.4")).find("is a CPU build") != std::string::npos);
}

TEST_CASE("wheels that cannot be installed are refused when they are locked") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  const auto lock = [](const std::string& folder, const std::string& more = "") {
    Locked kind;
    kind.offer(wheels_in("bad/" + folder));
    return kind.lock_wheels(more);
  };
  const auto conflict = complaint(lock("conflict"));
  CHECK(conflict.find("victim-1.0-py3-none-any.whl") != std::string::npos);
  CHECK(conflict.find("rival-1.0-py3-none-any.whl") != std::string::npos);
  CHECK(complaint(lock("unlisted")).find("not in its RECORD") != std::string::npos);
  CHECK(complaint(lock("wheel_version_2")).starts_with("unsupported"));
  CHECK(complaint(lock("symlink")).find("symbolic link") != std::string::npos);
  // What the author vouches for is not held against its RECORD, here and when it is built.
  CHECK(complaint(lock("unlisted", "allow_bad_record: [Victim]\n")) == "no error");
}

TEST_CASE("wheels need a Python and a C library below") {
  if (made_wheels().empty()) SKIP_TEST("python3 is needed to make the wheels");
  Locked kind;
  kind.offer(wheels_in("torch/cpu"));
  kind.below.glibc.clear();
  CHECK(complaint(kind.lock_wheels()).find("C library") != std::string::npos);
  kind.below.python.reset();
  CHECK(complaint(kind.lock_wheels()).find("no Python") != std::string::npos);
}

#include "gpu/compatibility.h"

#include <algorithm>
#include <set>

#include "base/file.h"
#include "catch.h"

using namespace imgforge;
using namespace imgforge::gpu;

namespace {
const Compatibility& data() { return Compatibility::builtin(); }
}  // namespace

TEST_CASE("the compatibility data in the tree loads and is consistent") {
  const auto text =
      REQUIRE_OK(base::read_file(IMGFORGE_SOURCE_DIR "/src/gpu/compatibility.json", 1 << 20));
  const auto loaded = REQUIRE_OK(Compatibility::load(text, "compatibility.json"));
  CHECK(loaded.date() == data().date());
  for (const CudaToolkit& toolkit : loaded.cuda()) {
    INFO(toolkit.version);
    // 11.0 GA came with an older driver than the one that later became the floor.
    if (toolkit.version != "11.0") {
      CHECK(Version(toolkit.native_driver) >= Version(toolkit.minor_driver));
    }
    CHECK(loaded.driver_branch_for_ptx(toolkit.ptx).has_value());
    for (const auto& [update, driver] : toolkit.updates) {
      CHECK(Version(update).begins_with(Version(toolkit.version)));
      CHECK(Version(driver) >= Version(toolkit.native_driver));
    }
  }
  for (const TorchRelease& release : loaded.torch()) {
    INFO(release.version);
    CHECK_FALSE(release.variants.empty());
    CHECK(std::is_sorted(release.python.begin(), release.python.end(),
                         [](const auto& a, const auto& b) { return Version(a) < Version(b); }));
    std::set<std::string> seen;
    int defaults = 0;
    for (const TorchVariant& variant : release.variants) {
      CHECK(seen.insert(variant.cuda).second);
      CHECK_FALSE(variant.glibc.empty());
      defaults += variant.is_default ? 1 : 0;
    }
    CHECK(defaults <= 1);
    for (const std::string& python : release.python) {
      CHECK(loaded.python_end_of_life(python).has_value());
    }
  }
}

TEST_CASE("versions compare by number and ignore what follows") {
  CHECK(Version("525") == Version("525.0.0"));
  CHECK(Version("2.10") > Version("2.9"));
  CHECK(Version("450.80.02") > Version("450.36.06"));
  CHECK(Version("11.8.89~11.8.0-5~deb12u1").minor_text() == "11.8");
  CHECK(Version("2.6.0+cu118") == Version("2.6"));
  CHECK(Version("9.1.0.70").begins_with(Version("9.1")));
  CHECK_FALSE(Version("9.10.2").begins_with(Version("9.1")));
  CHECK(Version("").empty());
  CHECK(Version("v2").empty());
  CHECK(cuda_of_variant("cu118") == "11.8");
  CHECK(cuda_of_variant("cu92") == "9.2");
  CHECK(cuda_of_variant("cu130") == "13.0");
  CHECK(cuda_of_variant("cpu").empty());
  CHECK(variant_of_cuda("12.4.127") == "cu124");
}

TEST_CASE("torch 2.6 is found with its variants") {
  const TorchRelease* torch = data().find_torch("2.6.0+cu124");
  REQUIRE(torch != nullptr);
  CHECK(torch->version == "2.6");
  const TorchVariant* variant = torch->find("12.4.127");
  REQUIRE(variant != nullptr);
  CHECK(variant->cudnn == "9.1.0.70");
  CHECK(variant->nccl == "2.21.5");
  CHECK(variant->is_default);
  CHECK(torch->find("12.1") == nullptr);
  CHECK(data().find_torch("2.60") == nullptr);
  CHECK(data().newest_torch_with("12.1")->version == "2.5");
}

TEST_CASE("a driver is judged against both floors of a toolkit") {
  CHECK(data().driver_support("520.61.05", "11.8") == DriverSupport::full);
  CHECK(data().driver_support("515.105.01", "11.8") == DriverSupport::minor);
  CHECK(data().driver_support("450.80.02", "11.8.89") == DriverSupport::minor);
  CHECK(data().driver_support("450.36.06", "11.8") == DriverSupport::too_old);
  CHECK(data().driver_support("550.54.14", "12.4") == DriverSupport::full);
  CHECK(data().driver_support("550.54.14", "12.4.1") == DriverSupport::minor);
  CHECK(data().driver_support("470.256.02", "12.4") == DriverSupport::too_old);
  CHECK(data().driver_support("999.0", "10.2") == DriverSupport::unknown);
  CHECK(data().driver_branch_for_ptx("8.4") == 550);
  CHECK(data().driver_branch_for_ptx("99.0") == std::nullopt);
}

TEST_CASE("SASS runs upward inside one major, PTX on everything newer") {
  const std::vector<std::string> torch26 = {"50", "60", "70", "75", "80", "86", "90"};
  CHECK(can_run("89", torch26, {}));  // L4 runs sm_86
  CHECK(can_run("61", torch26, {}));  // GTX 1080 runs sm_60
  CHECK(can_run("90", torch26, {}));
  CHECK_FALSE(can_run("100", torch26, {}));
  CHECK_FALSE(can_run("120", torch26, {}));
  CHECK_FALSE(can_run("37", torch26, {}));
  CHECK(can_run("120", torch26, {"90"}));
  CHECK_FALSE(can_run("80", {"86"}, {"86"}));
  CHECK(can_run("90", {"90a"}, {}));
  CHECK_FALSE(can_run("103", {"100a"}, {}));
}

TEST_CASE("data of a newer format or with a wrong field is refused") {
  const auto newer = Compatibility::load(R"({"compatibility":2})", "table.json");
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code() == Errc::unsupported);
  const auto wrong = Compatibility::load(
      R"({"compatibility":1,"date":"x","sources":{},"cuda":[{"version":"1.0"}],"ptx":[],"torch":[],"os":[],"python":[]})",
      "table.json");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().message() == "table.json.cuda[0].native_driver is missing");
}

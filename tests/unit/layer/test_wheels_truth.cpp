#include "catch.h"
#include "layer/wheels_truth.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

constexpr const char* kCuda =
    "from typing import Optional\n\n__all__ = ['__version__', 'debug', 'cuda', 'git_version', "
    "'hip']\n__version__ = '2.6.0+cu124'\ndebug = False\ncuda: Optional[str] = '12.4'\n"
    "git_version = '2236df1770800ffea5697b11b0bb0d910b2e59e1'\nhip: Optional[str] = None\n";

sources::LockedWheel wheel(std::string project, std::string version, bool requested = false) {
  return {.project = project,
          .version = version,
          .requested = requested,
          .input = {.name = project + ".whl", .digest = oci::Digest::of(project)}};
}

std::string show(const std::vector<Component>& components) {
  std::string text;
  for (const auto& one : components) {
    text += one.name + " " + one.version;
    for (const auto& [key, value] : one.detail) text += " " + key + "=" + value;
    text += "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("torch says what it was built for") {
  const auto cuda = REQUIRE_OK(parse_torch_version(kCuda));
  CHECK(cuda.version == "2.6.0+cu124");
  CHECK(cuda.cuda == "12.4");
  CHECK(!cuda.hip);

  const auto older = REQUIRE_OK(parse_torch_version(
      "__version__ = '1.7.1+cu110'\ndebug = False\ncuda = '11.0'\nhip = None\n"));
  CHECK(older.cuda == "11.0");

  const auto cpu = REQUIRE_OK(parse_torch_version(
      "__version__ = \"2.6.0+cpu\"\ncuda: Optional[str] = None\nhip: Optional[str] = None\n"));
  CHECK(!cpu.cuda);

  const auto rocm =
      REQUIRE_OK(parse_torch_version("__version__ = '2.6.0+rocm6.2.4'\ncuda: Optional[str] = "
                                     "None\nhip: Optional[str] = '6.2.41'\n"));
  CHECK(rocm.hip == "6.2.41");

  CHECK(!parse_torch_version("__version__ = '2.6.0'\n"));
  CHECK(!parse_torch_version("__version__ = compute()\ncuda = None\n"));
  CHECK(!parse_torch_version(""));
}

TEST_CASE("components come from the wheels") {
  const std::vector<sources::LockedWheel> wheels = {
      wheel("numpy", "2.2.6", true),
      wheel("nvidia-cuda-nvrtc-cu12", "12.4.128"),
      wheel("nvidia-cuda-runtime-cu12", "12.4.127"),
      wheel("nvidia-cudnn-cu12", "9.1.0.70"),
      wheel("nvidia-cudnn-frontend", "1.5.0"),
      wheel("nvidia-nccl-cu12", "2.21.5"),
      wheel("sympy", "1.13.1"),
      wheel("torch", "2.6.0", true),
  };
  CHECK(show(wheel_components(wheels, REQUIRE_OK(parse_torch_version(kCuda)))) ==
        "cuda 12.4.127\ncudnn 9.1.0.70\nnccl 2.21.5\nnumpy 2.2.6\n"
        "torch 2.6.0 build=2.6.0+cu124 cuda=12.4\n");
  // Without the runtime's wheel (older torch brings it itself), torch's own word counts.
  const std::vector<sources::LockedWheel> bundled = {wheel("torch", "2.0.0+cu118")};
  CHECK(show(wheel_components(bundled, TorchVersion{"2.0.0+cu118", "11.8", {}})) ==
        "cuda 11.8\ntorch 2.0.0 build=2.0.0+cu118 cuda=11.8\n");
  CHECK(wheel_components({}, std::nullopt).empty());
}

TEST_CASE("a wish for another CUDA fails with the remedy") {
  const auto torch = [](std::map<std::string, std::string> detail) {
    return std::vector<Component>{{.name = "torch", .version = "2.6.0", .detail = detail}};
  };
  CHECK(check_expected_cuda("12.4", torch({{"cuda", "12.4"}})));
  CHECK(check_expected_cuda("12.4.1", torch({{"cuda", "12.4"}})));

  auto wrong = check_expected_cuda("11.8", torch({{"cuda", "12.4"}}));
  REQUIRE(!wrong);
  CHECK(wrong.error().code() == Errc::mismatch);
  CHECK(wrong.error().message() == "asked for CUDA 11.8, resolved torch 2.6.0 is built for 12.4");
  CHECK(wrong.error().hint().find("pytorch/cu118") != std::string::npos);

  wrong = check_expected_cuda("12.4", torch({}));
  REQUIRE(!wrong);
  CHECK(wrong.error().code() == Errc::mismatch);
  CHECK(wrong.error().message() ==
        "asked for CUDA 12.4, and the resolved torch 2.6.0 is a CPU build");

  wrong = check_expected_cuda("12.4", torch({{"rocm", "6.2"}}));
  REQUIRE(!wrong);
  CHECK(wrong.error().message().find("ROCm 6.2") != std::string::npos);

  const std::vector<Component> runtime = {{.name = "cuda", .version = "12.4.127"}};
  CHECK(check_expected_cuda("12.4", runtime));
  CHECK(!check_expected_cuda("12.1", runtime));
  CHECK(!check_expected_cuda("12.4", {}));
}

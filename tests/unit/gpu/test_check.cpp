#include "gpu/check.h"

#include <algorithm>

#include "catch.h"

using namespace imgforge::gpu;

namespace {

const Finding* find(const std::vector<Finding>& findings, std::string_view code) {
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [&](const Finding& one) { return one.code == code; });
  return found == findings.end() ? nullptr : &*found;
}

std::vector<std::string> codes(const Request& request) {
  std::vector<std::string> out;
  for (const Finding& one : check(request)) {
    out.push_back(std::string(to_string(one.severity)) + " " + one.code);
  }
  return out;
}

}  // namespace

using Codes = std::vector<std::string>;

TEST_CASE("the flagship is fine, apart from what is known about it") {
  const Request request{.torch = "2.6.0+cu118",
                        .python = "3.10.16",
                        .os_id = "ubuntu",
                        .os_version = "20.04",
                        .driver = ">=525",
                        .nccl = "2.19+",
                        .date = "2025-05-20"};
  CHECK(codes(request) == Codes{"info no-blackwell"});
  Request later = request;
  later.date = "2026-01-01";
  CHECK(codes(later) == Codes{"warning os-end-of-life", "info no-blackwell"});
}

TEST_CASE("torch 2.6 for CUDA 12.1 does not exist, and both ways out are named") {
  const auto findings = check({.torch = "2.6.0", .cuda = "12.1"});
  const Finding* finding = find(findings, "torch-cuda-missing");
  REQUIRE(finding != nullptr);
  CHECK(finding->severity == Severity::error);
  CHECK(finding->sentence ==
        "torch 2.6.0 does not exist for CUDA 12.1; it was made for 11.8, 12.4 and 12.6");
  CHECK(finding->remedy ==
        "take torch 2.6.0 for CUDA 12.4, which needs the same driver (>= 525.60.13) or take torch "
        "2.5.1+cu121, the newest made for CUDA 12.1");
  CHECK_FALSE(finding->source.empty());
}

TEST_CASE("the variant may come from torch's local version") {
  CHECK(find(check({.torch = "2.6.0+cu121"}), "torch-cuda-missing") != nullptr);
  CHECK(find(check({.torch = "2.6.0+cu124"}), "torch-cuda-missing") == nullptr);
  CHECK(codes({.torch = "2.6.0+cu126"}) ==
        Codes{"info torch-cuda-experimental", "info no-blackwell"});
}

TEST_CASE("a torch that the table does not know is no error") {
  CHECK(codes({.torch = "9.9.0", .cuda = "12.4", .python = "3.8"}) == Codes{"info torch-unknown"});
  CHECK(codes({}).empty());
}

TEST_CASE("the distribution's Python can be too old for torch") {
  const auto findings = check({.torch = "2.6.0+cu118",
                               .python = "3.8.10",
                               .python_from_distribution = true,
                               .os_id = "ubuntu",
                               .os_version = "20.04"});
  const Finding* finding = find(findings, "torch-python");
  REQUIRE(finding != nullptr);
  CHECK(finding->severity == Severity::error);
  CHECK(finding->sentence ==
        "Python 3.8 is too old for torch 2.6.0, which has wheels for Python 3.9 to 3.13; 3.8 is "
        "what Ubuntu 20.04 has");
  CHECK(finding->remedy == "use the layer python/standalone with a version from 3.9 to 3.13");
  const auto too_new = check({.torch = "2.6.0", .python = "3.14.0"});
  REQUIRE(find(too_new, "torch-python") != nullptr);
  CHECK(find(too_new, "torch-python")->sentence.find("too new") != std::string::npos);
  CHECK(codes({.torch = "2.5.1", .python = "3.13.1"}) ==
        Codes{"warning torch-python-experimental"});
}

TEST_CASE("glibc below the wheel's floor is an error") {
  CHECK(find(check({.torch = "2.6.0+cu126", .glibc = "2.27"}), "torch-glibc") != nullptr);
  CHECK(find(check({.torch = "2.6.0+cu118", .glibc = "2.27"}), "torch-glibc") == nullptr);
  CHECK(find(check({.torch = "2.7.0+cu118", .os_id = "ubuntu", .os_version = "20.04"}),
             "torch-glibc") == nullptr);
}

TEST_CASE("a promised cuDNN or NCCL that the wheel does not bring is a warning") {
  const auto findings = check({.torch = "2.6.0+cu118", .cudnn = "8.9.x", .nccl = "2.19+"});
  const Finding* finding = find(findings, "cudnn-differs");
  REQUIRE(finding != nullptr);
  CHECK(finding->sentence ==
        "torch 2.6.0 for CUDA 11.8 brings cuDNN 9.1.0.70 and loads that one: cuDNN 8.9.x cannot be "
        "promised");
  CHECK(find(findings, "nccl-differs") == nullptr);
  CHECK(find(check({.torch = "2.6.0+cu118", .cudnn = "9.1"}), "cudnn-differs") == nullptr);
  CHECK(find(check({.torch = "2.6.0+cu118", .nccl = "2.22+"}), "nccl-differs") != nullptr);
}

TEST_CASE("the demanded driver is compared with both floors") {
  CHECK(find(check({.torch = "2.6.0+cu118", .driver = ">=525"}), "driver-minor-compatibility") ==
        nullptr);
  const auto minor = check({.torch = "2.6.0+cu124", .driver = ">=525"});
  REQUIRE(find(minor, "driver-minor-compatibility") != nullptr);
  CHECK(find(minor, "driver-minor-compatibility")->sentence ==
        "drivers from 525 to 550.54.14 run the compiled code of CUDA 12.4, but cannot compile its "
        "PTX 8.4 (driver branch 550 can)");
  const auto old = check({.torch = "2.6.0+cu124", .driver = "470.82.01"});
  REQUIRE(find(old, "driver-too-old") != nullptr);
  CHECK(find(old, "driver-too-old")->severity == Severity::error);
  CHECK(find(check({.driver = ">=450", .system_cuda = "12.4.127"}), "driver-too-old") != nullptr);
}

TEST_CASE("GPUs without code in the wheel are named with the torch that has it") {
  const auto findings = check({.torch = "2.6.0+cu124", .gpus = {"80", "89", "120"}});
  REQUIRE(std::count_if(findings.begin(), findings.end(),
                        [](const Finding& one) { return one.code == "gpu-no-code"; }) == 1);
  const Finding* finding = find(findings, "gpu-no-code");
  CHECK(finding->sentence.find("compute capability 12.0") != std::string::npos);
  CHECK(finding->remedy == "take torch 2.7 or newer, for CUDA 12.8 or newer");
  CHECK(find(check({.torch = "2.7.0", .cuda = "12.8"}), "no-blackwell") == nullptr);
}

TEST_CASE("a system CUDA under torch's wheels is dead weight") {
  CHECK(codes({.torch = "2.6.0+cu118", .system_cuda = "11.8.89", .system_cudnn = true}) ==
        Codes{"warning system-cuda-unused", "warning system-cudnn-unused", "info no-blackwell"});
  CHECK(codes({.system_cuda = "11.8.89"}).empty());
  CHECK(codes({.forward_compatibility = true}) == Codes{"warning forward-compatibility"});
}

TEST_CASE("ends of life are judged by the date given") {
  CHECK(codes({.python = "3.9.2", .date = "2025-10-31"}).empty());
  CHECK(codes({.python = "3.9.2", .date = "2025-11-01"}) == Codes{"warning python-end-of-life"});
  CHECK(codes({.python = "3.9.2"}).empty());
}

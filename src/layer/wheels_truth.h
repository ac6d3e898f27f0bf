// What a set of wheels brings, read from the wheels and never from the spec's words: torch and its
// CUDA from torch/version.py, cuDNN, NCCL and the CUDA runtime from their nvidia-* wheels.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "archive/zip.h"
#include "layer/facts.h"
#include "sources/sources.h"

namespace imgforge::layer {

/// torch/version.py as torch's build writes it.
struct TorchVersion {
  std::string version;              // "2.6.0+cu124"
  std::optional<std::string> cuda;  // "12.4"; nullopt: no CUDA in it
  std::optional<std::string> hip;   // ROCm builds
};

Result<TorchVersion> parse_torch_version(std::string_view text);
/// From a torch wheel.
Result<TorchVersion> read_torch_version(const archive::ZipArchive& wheel);

/// Components of the wheels: torch (detail cuda or rocm, and build), cuda, cudnn, nccl, and every
/// requested project. `torch` is given when a torch wheel is among them.
std::vector<Component> wheel_components(std::span<const sources::LockedWheel> wheels,
                                        const std::optional<TorchVersion>& torch);

/// The spec's `cuda: "11.8"` against what torch was built for; Errc::mismatch with the remedy.
/// Without torch, against the CUDA runtime among the components.
Result<> check_expected_cuda(std::string_view expected, std::span<const Component> components);

}  // namespace imgforge::layer

#include "layer/wheels_truth.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace imgforge::layer {

namespace {

constexpr std::size_t kVersionFileLimit = 1 << 20;

/// The string on the right of `name = '…'` or `name: Annotation = '…'`; empty for None.
std::optional<std::string> assigned(std::string_view text, std::string_view name) {
  for (const auto raw : base::lines(text)) {
    if (!raw.starts_with(name)) continue;
    std::string_view rest = raw.substr(name.size());
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos) continue;
    const auto between = base::trim(rest.substr(0, equals));
    if (!between.empty() && !between.starts_with(':')) continue;
    rest = base::trim(rest.substr(equals + 1));
    rest = base::trim(rest.substr(0, rest.find('#')));
    if (rest == "None") return std::string();
    if (rest.size() < 2 || (rest.front() != '\'' && rest.front() != '"') ||
        rest.back() != rest.front()) {
      continue;
    }
    return std::string(rest.substr(1, rest.size() - 2));
  }
  return std::nullopt;
}

/// "nvidia-cudnn-cu12" and "nvidia-cudnn" are library "cudnn".
bool is_nvidia(std::string_view project, std::string_view library) {
  if (!project.starts_with("nvidia-")) return false;
  project.remove_prefix(7);
  if (!project.starts_with(library)) return false;
  project.remove_prefix(library.size());
  return project.empty() ||
         (project.starts_with("-cu") && base::parse_uint(project.substr(3)).has_value());
}

std::string public_version(std::string_view version) {
  return std::string(version.substr(0, version.find('+')));
}

std::string major_minor(std::string_view version) {
  const auto first = version.find('.');
  if (first == std::string_view::npos) return std::string(version);
  return std::string(version.substr(0, version.find('.', first + 1)));
}

Component torch_component(const sources::LockedWheel& wheel, const TorchVersion& torch) {
  Component component{.name = "torch", .version = public_version(wheel.version)};
  component.detail["build"] = torch.version;
  if (torch.cuda) component.detail["cuda"] = *torch.cuda;
  if (torch.hip) component.detail["rocm"] = *torch.hip;
  return component;
}

}  // namespace

Result<TorchVersion> parse_torch_version(std::string_view text) {
  const auto version = assigned(text, "__version__");
  const auto cuda = assigned(text, "cuda");
  const auto hip = assigned(text, "hip");
  if (!version || version->empty() || !cuda) {
    return fail(Errc::invalid, "torch/version.py does not say what torch was built for");
  }
  TorchVersion torch{.version = *version};
  if (!cuda->empty()) torch.cuda = *cuda;
  if (hip && !hip->empty()) torch.hip = *hip;
  return torch;
}

Result<TorchVersion> read_torch_version(const archive::ZipArchive& wheel) {
  const auto* member = wheel.find("torch/version.py");
  if (member == nullptr) {
    return fail(Errc::invalid, fmt::format("{} has no torch/version.py", wheel.name()));
  }
  return with_context(parse_torch_version(TRY(wheel.read(*member, kVersionFileLimit))),
                      fmt::format("wheel {}", wheel.name()));
}

std::vector<Component> wheel_components(std::span<const sources::LockedWheel> wheels,
                                        const std::optional<TorchVersion>& torch) {
  Facts facts;  // for its "one of each name"
  for (const auto& wheel : wheels) {
    if (wheel.requested) {
      facts.set({.name = wheel.project, .version = public_version(wheel.version)});
    }
  }
  if (torch && torch->cuda) facts.set({.name = "cuda", .version = *torch->cuda});
  for (const auto& wheel : wheels) {
    if (wheel.project == "torch" && torch) facts.set(torch_component(wheel, *torch));
    for (const auto& [library, name] : {std::pair("cudnn", "cudnn"), std::pair("nccl", "nccl"),
                                        std::pair("cuda-runtime", "cuda")}) {
      if (is_nvidia(wheel.project, library)) {
        facts.set({.name = name, .version = public_version(wheel.version)});
      }
    }
  }
  std::sort(facts.components.begin(), facts.components.end(),
            [](const Component& a, const Component& b) { return a.name < b.name; });
  return std::move(facts.components);
}

Result<> check_expected_cuda(std::string_view expected, std::span<const Component> components) {
  const auto find = [&](std::string_view name) {
    return std::find_if(components.begin(), components.end(),
                        [&](const Component& one) { return one.name == name; });
  };
  const std::string variant = "cu" + base::replace_all(major_minor(expected), ".", "");
  const std::string remedy = fmt::format(
      "take torch from the index role of that variant (`index: pytorch/{}`), or correct "
      "`cuda`; not every torch exists for every CUDA",
      variant);
  const auto torch = find("torch");
  if (torch == components.end()) {
    const auto cuda = find("cuda");
    if (cuda != components.end() && major_minor(cuda->version) == major_minor(expected)) return {};
    return fail(Errc::mismatch,
                cuda == components.end()
                    ? fmt::format("asked for CUDA {}, and no wheel brings CUDA", expected)
                    : fmt::format("asked for CUDA {}, and the wheels bring CUDA {}", expected,
                                  cuda->version));
  }
  const auto built_for = torch->detail.find("cuda");
  if (built_for == torch->detail.end()) {
    const auto rocm = torch->detail.find("rocm");
    return fail(
        Error(Errc::mismatch,
              rocm == torch->detail.end()
                  ? fmt::format("asked for CUDA {}, and the resolved torch {} is a CPU build",
                                expected, torch->version)
                  : fmt::format("asked for CUDA {}, and the resolved torch {} is built for "
                                "ROCm {}",
                                expected, torch->version, rocm->second))
            .hint(remedy));
  }
  if (major_minor(built_for->second) != major_minor(expected)) {
    return fail(
        Error(Errc::mismatch, fmt::format("asked for CUDA {}, resolved torch {} is built for "
                                          "{}",
                                          expected, torch->version, built_for->second))
            .hint(remedy));
  }
  return {};
}

}  // namespace imgforge::layer

#include "gpu/check.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace imgforge::gpu {

namespace {

std::string enumerate(const std::vector<std::string>& items, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += i + 1 == items.size() ? fmt::format(" {} ", last) : ", ";
    text += items[i];
  }
  return text;
}

std::string os_name(const OperatingSystem& os) {
  return fmt::format("{} {}",
                     os.id == "ubuntu"   ? "Ubuntu"
                     : os.id == "debian" ? "Debian"
                                         : os.id,
                     os.version);
}

class Checker {
 public:
  Checker(const Request& request, const Compatibility& data)
      : request_(request), data_(data), os_(data.find_os(request.os_id, request.os_version)) {
    release_ = data_.find_torch(request_.torch);
    cuda_ = request_.cuda;
    const std::size_t plus = request_.torch.find('+');
    if (cuda_.empty() && plus != std::string::npos) {
      cuda_ = cuda_of_variant(std::string_view(request_.torch).substr(plus + 1));
    }
    if (release_ != nullptr && !cuda_.empty()) variant_ = release_->find(cuda_);
  }

  std::vector<Finding> run() {
    torch_and_cuda();
    torch_and_python();
    wheel_and_glibc();
    promised_libraries();
    driver();
    gpus();
    system_libraries();
    ends_of_life();
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity < b.severity; });
    return std::move(found_);
  }

 private:
  void add(Severity severity, std::string code, const std::string& source, std::string sentence,
           std::string remedy = {}) {
    found_.push_back(
        {severity, std::move(code), std::move(sentence), std::move(remedy), data_.source(source)});
  }

  std::string torch_name() const { return "torch " + release_->shown(); }

  void torch_and_cuda() {
    if (request_.torch.empty()) return;
    if (release_ == nullptr) {
      return add(Severity::info, "torch-unknown", "torch",
                 fmt::format("the compatibility data of {} does not know torch {}", data_.date(),
                             request_.torch));
    }
    if (cuda_.empty()) return;
    if (variant_ == nullptr) return missing_variant();
    if (variant_->experimental) {
      add(Severity::info, "torch-cuda-experimental", "torch",
          fmt::format("{} for CUDA {} was published as experimental", torch_name(),
                      variant_->cuda));
    }
  }

  // The nearest CUDA of the same major that this torch has, and the last torch that had this CUDA.
  void missing_variant() {
    const CudaToolkit* asked = data_.find_cuda(cuda_);
    std::vector<std::string> exist;
    const TorchVariant* nearest = nullptr;
    for (const TorchVariant& one : release_->variants) {
      exist.push_back(one.cuda);
      if (Version(one.cuda).major_number() != Version(cuda_).major_number() || one.experimental)
        continue;
      if (nearest == nullptr || Version(one.cuda) < Version(cuda_)) nearest = &one;
    }
    std::vector<std::string> ways;
    if (nearest != nullptr) {
      const CudaToolkit* toolkit = data_.find_cuda(nearest->cuda);
      const bool same_floor =
          asked != nullptr && toolkit != nullptr && asked->minor_driver == toolkit->minor_driver;
      ways.push_back(fmt::format(
          "take {} for CUDA {}{}", torch_name(), nearest->cuda,
          same_floor ? fmt::format(", which needs the same driver (>= {})", toolkit->minor_driver)
                     : ""));
    }
    if (const TorchRelease* older = data_.newest_torch_with(cuda_)) {
      ways.push_back(fmt::format("take torch {}+{}, the newest made for CUDA {}", older->shown(),
                                 variant_of_cuda(cuda_), Version(cuda_).minor_text()));
    }
    add(Severity::error, "torch-cuda-missing", "torch",
        fmt::format("{} does not exist for CUDA {}; it was made for {}", torch_name(),
                    Version(cuda_).minor_text(), enumerate(exist, "and")),
        ways.empty() ? "take one of these" : enumerate(ways, "or"));
  }

  void torch_and_python() {
    if (release_ == nullptr || request_.python.empty()) return;
    const std::string minor = Version(request_.python).minor_text();
    const auto has = [&](const std::vector<std::string>& list) {
      return std::find(list.begin(), list.end(), minor) != list.end();
    };
    if (has(release_->python)) return;
    if (has(release_->python_experimental)) {
      return add(Severity::warning, "torch-python-experimental", "torch",
                 fmt::format("{} supports Python {} only experimentally", torch_name(), minor));
    }
    const bool too_old = Version(minor) < Version(release_->python.front());
    const std::string range =
        fmt::format("{} to {}", release_->python.front(), release_->python.back());
    std::string sentence = fmt::format("Python {} is too {} for {}, which has wheels for Python {}",
                                       minor, too_old ? "old" : "new", torch_name(), range);
    std::string remedy = fmt::format("choose a Python from {}", range);
    if (request_.python_from_distribution && os_ != nullptr) {
      sentence += fmt::format("; {} is what {} has", minor, os_name(*os_));
      remedy = fmt::format("use the layer python/standalone with a version from {}", range);
    }
    add(Severity::error, "torch-python", "torch", std::move(sentence), std::move(remedy));
  }

  void wheel_and_glibc() {
    if (variant_ == nullptr) return;
    const std::string glibc = !request_.glibc.empty() ? request_.glibc
                              : os_ != nullptr        ? os_->glibc
                                                      : "";
    if (glibc.empty() || Version(glibc) >= Version(variant_->glibc)) return;
    add(Severity::error, "torch-glibc", "torch",
        fmt::format("{} for CUDA {} needs glibc {}, and the image has {}", torch_name(),
                    variant_->cuda, variant_->glibc, glibc),
        "take a newer base system, or a variant for an older glibc");
  }

  void promised_libraries() {
    if (variant_ == nullptr) return;
    const auto differs = [](std::string promised, const std::string& real) {
      if (promised.empty() || real.empty()) return false;
      if (promised.ends_with('+')) return Version(real) < Version(promised);
      if (promised.ends_with(".x")) promised.resize(promised.size() - 2);
      return !Version(real).begins_with(Version(promised));
    };
    if (differs(request_.cudnn, variant_->cudnn)) {
      add(Severity::warning, "cudnn-differs", "wheel-libraries",
          fmt::format("{} for CUDA {} brings cuDNN {} and loads that one: cuDNN {} cannot be "
                      "promised",
                      torch_name(), variant_->cuda, variant_->cudnn, request_.cudnn),
          fmt::format("promise cuDNN {}", variant_->cudnn));
    }
    if (differs(request_.nccl, variant_->nccl)) {
      add(Severity::warning, "nccl-differs", "wheel-libraries",
          fmt::format("{} for CUDA {} brings NCCL {}: NCCL {} cannot be promised", torch_name(),
                      variant_->cuda, variant_->nccl, request_.nccl),
          fmt::format("promise NCCL {}", variant_->nccl));
    }
  }

  void driver() {
    const std::string cuda = variant_ != nullptr ? variant_->cuda
                             : !cuda_.empty()    ? cuda_
                                                 : request_.system_cuda;
    const CudaToolkit* toolkit = data_.find_cuda(cuda);
    if (toolkit == nullptr || request_.driver.empty()) return;
    std::string_view wanted = base::trim(request_.driver);
    if (wanted.starts_with(">=")) wanted = base::trim(wanted.substr(2));
    const Version floor(wanted);
    if (floor.empty()) return;
    switch (data_.driver_support(wanted, cuda)) {
      case DriverSupport::too_old:
        // "525" names the branch; its first release is the floor.
        if (floor.major_number() == Version(toolkit->minor_driver).major_number() &&
            floor == Version(std::to_string(floor.major_number()))) {
          return both_floors(*toolkit, floor);
        }
        return add(
            Severity::error, "driver-too-old", "cuda-drivers",
            fmt::format("CUDA {} does not run on driver {}: it needs {} or newer", toolkit->version,
                        wanted, toolkit->minor_driver),
            fmt::format("write driver: \">={}\"", Version(toolkit->minor_driver).major_number()));
      case DriverSupport::minor:
        return both_floors(*toolkit, floor);
      case DriverSupport::full:
      case DriverSupport::unknown:
        return;
    }
  }

  void both_floors(const CudaToolkit& toolkit, const Version& floor) {
    const auto branch = data_.driver_branch_for_ptx(toolkit.ptx);
    add(Severity::info, "driver-minor-compatibility", "cuda-drivers",
        fmt::format(
            "drivers from {} to {} run the compiled code of CUDA {}, but cannot compile its "
            "PTX {}{}",
            floor.major_number(), toolkit.native_driver, toolkit.version, toolkit.ptx,
            branch ? fmt::format(" (driver branch {} can)", *branch) : ""));
  }

  void gpus() {
    if (variant_ == nullptr || variant_->sm.empty()) return;
    for (const std::string& gpu : request_.gpus) {
      if (can_run(gpu, variant_->sm, variant_->ptx)) continue;
      add(Severity::error, "gpu-no-code", "torch",
          fmt::format("{} for CUDA {} has no code for GPUs of compute capability {} (it has {})",
                      torch_name(), variant_->cuda, shown_capability(gpu),
                      enumerate(shown(variant_->sm), "and")),
          torch_for(gpu));
    }
    if (!request_.gpus.empty()) return;
    if (!can_run("100", variant_->sm, variant_->ptx) &&
        !can_run("120", variant_->sm, variant_->ptx)) {
      add(Severity::info, "no-blackwell", "torch",
          fmt::format("{} for CUDA {} has no code for Blackwell GPUs (B200, RTX 50): \"no kernel "
                      "image is available\" there",
                      torch_name(), variant_->cuda),
          torch_for("100"));
    }
  }

  static std::string shown_capability(std::string_view sm) {
    if (sm.size() < 2) return std::string(sm);
    return fmt::format("{}.{}", sm.substr(0, sm.size() - 1), sm.substr(sm.size() - 1));
  }
  static std::vector<std::string> shown(const std::vector<std::string>& list) {
    std::vector<std::string> out;
    for (const std::string& one : list) out.push_back(shown_capability(one));
    return out;
  }

  /// The oldest torch that runs on it.
  std::string torch_for(std::string_view gpu) const {
    for (const TorchRelease& one : data_.torch()) {
      if (Version(one.version) < Version(release_->version)) continue;
      for (const TorchVariant& variant : one.variants) {
        if (variant.sm.empty() || !can_run(gpu, variant.sm, variant.ptx)) continue;
        return fmt::format("take torch {} or newer, for CUDA {} or newer", one.shown(),
                           variant.cuda);
      }
    }
    return {};
  }

  void system_libraries() {
    const bool wheels = variant_ != nullptr || (release_ != nullptr && !cuda_.empty());
    if (wheels && !request_.system_cuda.empty()) {
      add(Severity::warning, "system-cuda-unused", "wheel-libraries",
          fmt::format(
              "the torch wheel brings its own CUDA {} libraries and never uses the system's "
              "CUDA {}: some 1.7 GB of dead weight, and a hazard once LD_LIBRARY_PATH names "
              "them",
              cuda_, request_.system_cuda),
          "leave the CUDA layer (or the CUDA base image) out");
    }
    if (wheels && request_.system_cudnn) {
      add(Severity::warning, "system-cudnn-unused", "wheel-libraries",
          "the torch wheel brings its own cuDNN and never uses the system's",
          "leave the cuDNN packages out");
    }
    if (request_.forward_compatibility) {
      add(Severity::warning, "forward-compatibility", "forward-compatibility",
          "the cuda-compat package works on data-centre GPUs only (error 804 elsewhere), and hides "
          "a newer driver's libcuda (error 803)",
          "leave cuda-compat out and demand a driver instead");
    }
  }

  void ends_of_life() {
    if (request_.date.empty()) return;
    if (os_ != nullptr && os_->end_of_life < request_.date) {
      add(Severity::warning, "os-end-of-life", os_->source,
          fmt::format("{} got its last free security updates on {}", os_name(*os_),
                      os_->end_of_life),
          "take a newer base system");
    }
    const auto python = data_.python_end_of_life(request_.python);
    if (python && *python < request_.date) {
      add(Severity::warning, "python-end-of-life", "python",
          fmt::format("Python {} got its last security fixes on {}",
                      Version(request_.python).minor_text(), *python),
          "take a newer Python");
    }
  }

  const Request& request_;
  const Compatibility& data_;
  const OperatingSystem* os_;
  const TorchRelease* release_ = nullptr;
  const TorchVariant* variant_ = nullptr;
  std::string cuda_;
  std::vector<Finding> found_;
};

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::info:
      return "info";
  }
  return {};
}

std::vector<Finding> check(const Request& request, const Compatibility& data) {
  return Checker(request, data).run();
}

}  // namespace imgforge::gpu

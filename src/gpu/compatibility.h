// What is known about which torch exists for which CUDA and Python, which driver each CUDA needs,
// which GPUs each wheel carries code for, and how long systems are maintained: data with sources
// (compatibility.json), and the questions one asks of it. Pure; the data can be replaced by a newer
// file of the same format.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "gpu/version.h"

namespace imgforge::gpu {

// Format of compatibility.json: 1 first version.
inline constexpr int kCompatibilityFormat = 1;

/// A CUDA toolkit. All versions are texts as their makers write them.
struct CudaToolkit {
  std::string version;        // "11.8"
  std::string native_driver;  // shipped with it: everything works, its PTX included
  std::string minor_driver;   // oldest on which SASS of this major runs
  std::string ptx;            // newest PTX ISA that it writes
  std::map<std::string, std::string> updates;  // "12.2.2" -> its own native driver
  std::vector<std::string> sm;                 // what nvcc can target; empty when not recorded
};

/// The wheels of one torch for one CUDA (Linux, x86-64).
struct TorchVariant {
  std::string cuda;              // "12.4"
  std::string cudnn, nccl;       // pinned by the wheel; empty when not recorded
  std::vector<std::string> sm;   // SASS inside; empty when not recorded
  std::vector<std::string> ptx;  // PTX inside
  std::string glibc;             // oldest on which it installs
  bool is_default = false;       // what the default Python index serves
  bool experimental = false;
};

struct TorchRelease {
  std::string version;     // "2.6"
  std::string last_patch;  // "2.6.0"; empty when not recorded
  std::vector<std::string> python, python_experimental;
  std::vector<TorchVariant> variants;

  const TorchVariant* find(std::string_view cuda) const;  // "12.4" or longer
  const std::string& shown() const { return last_patch.empty() ? version : last_patch; }
};

struct OperatingSystem {
  std::string id, version;  // as /etc/os-release
  std::string glibc;
  std::string python;       // of its python3 package
  std::string end_of_life;  // of free maintenance, YYYY-MM-DD
  std::string source;
};

enum class DriverSupport {
  full,   // at least the toolkit's own driver
  minor,  // runs compiled code; cannot compile PTX that this toolkit wrote
  too_old,
  unknown,  // toolkit not in the table
};

class Compatibility {
 public:
  /// The data compiled into this program.
  static const Compatibility& builtin();
  /// `name` is the file's, for errors.
  static Result<Compatibility> load(std::string_view json, const std::string& name);

  const std::string& date() const { return date_; }
  const std::vector<CudaToolkit>& cuda() const { return cuda_; }
  const std::vector<TorchRelease>& torch() const { return torch_; }

  const CudaToolkit* find_cuda(std::string_view version) const;    // "11.8", "11.8.89"
  const TorchRelease* find_torch(std::string_view version) const;  // "2.6", "2.6.0+cu118"
  const OperatingSystem* find_os(std::string_view id, std::string_view version) const;
  /// YYYY-MM-DD for "3.9" or "3.9.2".
  std::optional<std::string> python_end_of_life(std::string_view version) const;
  /// The newest torch with wheels for that CUDA.
  const TorchRelease* newest_torch_with(std::string_view cuda) const;
  /// What a driver can do with programs built by a toolkit ("12.4" or "12.4.1").
  DriverSupport driver_support(std::string_view driver, std::string_view cuda) const;
  /// The driver branch that can compile a PTX version: 550 for "8.4".
  std::optional<int> driver_branch_for_ptx(std::string_view isa) const;
  /// The description of a source by its key.
  std::string source(const std::string& key) const;

 private:
  std::string date_;
  std::map<std::string, std::string> sources_;
  std::vector<CudaToolkit> cuda_;
  std::vector<std::pair<std::string, int>> ptx_;  // ISA -> driver branch
  std::vector<TorchRelease> torch_;
  std::vector<OperatingSystem> os_;
  std::map<std::string, std::string> python_;
};

/// Whether a GPU of a compute capability ("89") runs code made for `sm` or `ptx`: SASS of the same
/// major and no newer minor, or any PTX that is not newer. A suffix ("90a") runs on that one only.
bool can_run(std::string_view gpu, const std::vector<std::string>& sm,
             const std::vector<std::string>& ptx);

}  // namespace imgforge::gpu

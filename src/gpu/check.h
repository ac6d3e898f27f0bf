// Looks at what an image is going to contain and says what cannot work, what will surprise, and
// what to do about it. Pure: facts and a table in, findings out; the caller decides whether a
// warning stops it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gpu/compatibility.h"

namespace imgforge::gpu {

/// What is known or wanted; empty texts are simply not checked.
struct Request {
  std::string torch;   // "2.6.0", "2.6.0+cu118"
  std::string cuda;    // of the torch wheel, "12.1"; from the local version when empty
  std::string python;  // "3.8.10"
  bool python_from_distribution = false;
  std::string os_id, os_version;       // "ubuntu", "20.04"
  std::string glibc;                   // "2.31"; from the OS's row when empty
  std::string driver;                  // what the spec demands: ">=525", "525.60.13"
  std::string cudnn, nccl;             // what the spec promises, "8.9", "2.19+"
  std::string system_cuda;             // version of CUDA libraries outside the wheels, "11.8.89"
  bool system_cudnn = false;           // a cuDNN outside the wheels
  bool forward_compatibility = false;  // the cuda-compat package
  std::vector<std::string> gpus;       // compute capabilities it must run on: "80", "100"
  std::string date;                    // YYYY-MM-DD, for ends of life; empty: none are judged
};

enum class Severity { error, warning, info };

struct Finding {
  Severity severity = Severity::info;
  std::string code;      // stable, for machines: "torch-cuda-missing"
  std::string sentence;  // what is so
  std::string remedy;    // what to do; may be empty
  std::string source;    // where this is known from
};

std::string_view to_string(Severity severity);

/// Errors first, then warnings, then remarks; within one severity in the order of the checks.
std::vector<Finding> check(const Request& request,
                           const Compatibility& data = Compatibility::builtin());

}  // namespace imgforge::gpu

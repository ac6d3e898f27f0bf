// A report of the probe as evidence: that this image worked on that GPU with that driver, and when.
// The predicate wraps the report as it was printed, and says in front of it what a promotion gate
// asks. Format: docs/schema/probe-report.v1.schema.json; the report itself: docs/probe.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

namespace imgforge::evidence {

inline constexpr const char* kProbeReportPredicate = "https://imgforge.io/probe-report/v1";

struct ProbedDevice {
  std::string name;                // "NVIDIA H100 80GB HBM3"; may be empty
  std::string uuid;                // "GPU-…"; may be empty
  std::string compute_capability;  // "9.0"
  std::uint64_t memory_bytes = 0;
  bool computed = false;  // code was loaded, memory checked, a matrix multiplied: all right
  bool operator==(const ProbedDevice&) const = default;
};

struct ProbeReport {
  base::Seconds probed_at;
  std::string program;  // "imgforge-probe 0.1.0"
  std::string status;   // "ok", "no-gpu", "failed"
  int exit_code = 0;
  std::string cause;     // "ok", "driver-too-old", …
  std::string sentence;  // the verdict for people
  std::string driver;    // of the kernel, by NVML: "550.54.15"; empty when NVML was not there
  std::string cuda;      // that the driver speaks: "12.4"
  std::vector<ProbedDevice> devices;
  std::string image, tag;  // as the promise in the image says; may be empty
  std::string report;      // the whole report, canonical JSON
  bool operator==(const ProbeReport&) const = default;

  /// The verdict is ok, there was a GPU, and every GPU computed.
  bool passed() const;
};

/// What `imgforge probe --json` printed. Errc::invalid for anything else, Errc::unsupported for a
/// format that is newer than ours. `probed_at` is the caller's: the probe does not know the time.
Result<ProbeReport> read_probe_report(std::string_view json, base::Seconds probed_at);

/// The predicate as JSON (sorted keys, two spaces).
std::string format_probe_predicate(const ProbeReport& report);
/// Errc::mismatch when the words in front do not agree with the report behind them.
Result<ProbeReport> parse_probe_predicate(std::string_view json);

}  // namespace imgforge::evidence

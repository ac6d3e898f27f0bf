// A report of the probe on its way to a signed attestation: read, shown, attached to an image.
#pragma once

#include <string>
#include <vector>

#include "cli/commands/registry_image.h"
#include "cli/signing.h"
#include "evidence/probe_report.h"

namespace imgforge::cli {

/// A statement's content from a file, or from standard input for "-".
Result<std::string> read_predicate(const std::string& file);

/// What `imgforge probe --json` printed, or the predicate that was made from it already, which says
/// itself when the probe ran. Else it is --probed-at (Errc::usage for a wrong time), or now.
Result<evidence::ProbeReport> read_probed(const App& app, const std::string& text);

/// The verdict and the GPUs, for people who do not see the report.
std::string verdict_text(const evidence::ProbeReport& report);

/// Errc::mismatch where the promise that the probe read is of another image than this one: by name
/// and build tag, which both the promise and the manifest's annotations hold.
Result<> check_probed_image(const evidence::ProbeReport& report, const RegistryImage& image);

/// Signs the report and attaches it to the image, in the formats that are configured.
Result<std::vector<Written>> attest_probed(App& app, const RegistryImage& image,
                                           const evidence::ProbeReport& report);

}  // namespace imgforge::cli

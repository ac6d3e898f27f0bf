#include "cli/probe_evidence.h"

#include <fmt/format.h>

#include <ctime>
#include <iostream>
#include <iterator>

#include "base/file.h"
#include "cli/signer.h"
#include "oci/graph.h"
#include "oci/image.h"

namespace imgforge::cli {

namespace {
constexpr std::size_t kMaximumPredicate = 24 << 20;  // in base64 within the 32 MiB of a fetch
}  // namespace

Result<std::string> read_predicate(const std::string& file) {
  if (file != "-") {
    return base::with_context(base::read_file(file, kMaximumPredicate), "reading the predicate");
  }
  std::string text((std::istreambuf_iterator<char>(std::cin)), std::istreambuf_iterator<char>());
  if (text.size() > kMaximumPredicate) {
    return fail(Errc::invalid, "the predicate on standard input is larger than 24 MiB");
  }
  return text;
}

Result<evidence::ProbeReport> read_probed(const App& app, const std::string& text) {
  if (auto ready = evidence::parse_probe_predicate(text)) {
    if (app.args().flag("probed-at")) {
      return fail(Errc::usage,
                  "the predicate says itself when the probe ran; leave --probed-at out");
    }
    return ready;
  } else if (ready.error().code() == Errc::mismatch) {
    return fail(ready.error());
  }
  base::Seconds when{static_cast<std::int64_t>(std::time(nullptr))};
  if (const auto given = app.args().value("probed-at")) {
    const auto parsed = base::parse_time(*given);
    if (!parsed) {
      return fail(
          Errc::usage,
          fmt::format("--probed-at takes a time like 2025-05-20T00:00:00Z, not '{}'", *given));
    }
    when = *parsed;
  }
  return evidence::read_probe_report(text, when);
}

std::string verdict_text(const evidence::ProbeReport& report) {
  std::string text = fmt::format("{}: {}\n", report.status, report.sentence);
  for (const evidence::ProbedDevice& gpu : report.devices) {
    text += fmt::format("  {} ({}), {}\n", gpu.name, gpu.compute_capability,
                        gpu.computed ? "computed" : "not computed on");
  }
  return text;
}

Result<> check_probed_image(const evidence::ProbeReport& report, const RegistryImage& image) {
  if (oci::is_index(image.descriptor().media_type)) return {};
  const auto manifest = TRY(oci::parse_manifest(image.manifest.bytes));
  const auto check = [&](const char* key, const char* what, const std::string& probed) -> Result<> {
    const auto found = manifest.annotations.find(key);
    if (probed.empty() || found == manifest.annotations.end() || found->second == probed) {
      return {};
    }
    return fail(Error(Errc::mismatch,
                      fmt::format("the report is of another image: the promise in it has the {} "
                                  "{}, and {} has {}",
                                  what, probed, image.name, found->second))
                    .hint("give the image that the probe ran in, best by its digest"));
  };
  TRY(check("org.opencontainers.image.title", "name", report.image));
  return check("org.opencontainers.image.version", "build tag", report.tag);
}

Result<std::vector<Written>> attest_probed(App& app, const RegistryImage& image,
                                           const evidence::ProbeReport& report) {
  const auto formats = TRY(Signer::formats(app));
  return attest_in_formats(app, *image.repository, image.descriptor(),
                           evidence::kProbeReportPredicate,
                           evidence::format_probe_predicate(report), formats);
}

}  // namespace imgforge::cli

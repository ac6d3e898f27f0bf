#include "build/compatibility.h"

#include "gpu/check.h"

namespace imgforge::build {
namespace {

gpu::Request request_for(const layer::Facts& facts, const std::string& system_cuda,
                         const spec::ImageSpec& spec) {
  gpu::Request request;
  if (const layer::Component* torch = facts.find("torch")) {
    request.torch = torch->version;
    const auto cuda = torch->detail.find("cuda");
    if (cuda != torch->detail.end()) request.cuda = cuda->second;
  }
  if (facts.python) {
    request.python = facts.python->version;
    request.python_from_distribution = facts.python->executable.starts_with("/usr/bin/");
  }
  request.os_id = facts.os_id;
  request.os_version = facts.os_version;
  request.glibc = facts.glibc;
  request.driver = spec.driver;
  request.system_cuda = system_cuda;
  request.date = base::format_time(spec.epoch).substr(0, 10);
  return request;
}

}  // namespace

Result<> check_compatibility(const layer::Facts& facts, const std::string& system_cuda,
                             const spec::ImageSpec& spec, base::Progress& progress) {
  for (const gpu::Finding& finding : gpu::check(request_for(facts, system_cuda, spec))) {
    switch (finding.severity) {
      case gpu::Severity::error:
        return fail(Error(Errc::mismatch, finding.sentence)
                        .hint(finding.remedy)
                        .with("check", finding.code)
                        .with("source", finding.source));
      case gpu::Severity::warning:
        progress.warn(finding.sentence + (finding.remedy.empty() ? "" : ": " + finding.remedy));
        break;
      case gpu::Severity::info:
        progress.note(finding.sentence);
        break;
    }
  }
  return {};
}

}  // namespace imgforge::build

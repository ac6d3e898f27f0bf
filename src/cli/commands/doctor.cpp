#include <fmt/format.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "sandbox/sandbox.h"

namespace imgforge::cli {
namespace {

struct Finding {
  enum class Mark { ok, missing, note };
  Mark mark;
  std::string what;
  std::string remedy;
};

struct Tool {
  const char* program;
  const char* purpose;
  const char* package;
  bool required;
};

constexpr Tool kTools[] = {
    {"apt-get", "resolves Debian and Ubuntu packages (lock)", "apt", true},
    {"gpgv", "checks the signatures of archives (lock)", "gpgv", true},
    {"mmdebstrap", "makes operating system layers (kind bootstrap)", "mmdebstrap", true},
    {"bwrap", "runs steps without network (kinds apt, run, finalize)", "bubblewrap", true},
    {"git", "reads app files from commits (kind files)", "git", false},
    {"podman", "runs images", "podman", false},
    {"skopeo", "shows images and registries as another program sees them", "skopeo", false},
};

void check_tools(const App& app, std::vector<Finding>& findings) {
  using Mark = Finding::Mark;
  for (const Tool& tool : kTools) {
    if (const auto path = base::find_program(tool.program)) {
      findings.push_back({Mark::ok, fmt::format("{} ({})", tool.program, *path), ""});
    } else {
      findings.push_back({tool.required ? Mark::missing : Mark::note,
                          fmt::format("{} is missing: it {}", tool.program, tool.purpose),
                          fmt::format("apt-get install {}", tool.package)});
    }
  }
  const std::string uv = app.settings().addresses.tools_directory + "/uv";
  if (base::exists(uv) || base::find_program("uv")) {
    findings.push_back({Mark::ok, "uv", ""});
  } else {
    findings.push_back({Mark::missing,
                        "uv is missing: it resolves Python packages (lock, kind wheels)",
                        fmt::format("python3 -m venv {0} && {0}/bin/pip install uv",
                                    base::parent_path(app.settings().addresses.tools_directory))});
  }
}

void check_sandbox(std::vector<Finding>& findings) {
  const auto lacks = sandbox::Sandbox::lacks();
  for (const auto& lack : lacks)
    findings.push_back({Finding::Mark::missing, lack.what, lack.remedy});
  if (lacks.empty()) {
    findings.push_back(
        {Finding::Mark::ok, "sandbox: namespaces, overlay and subordinate ids work", ""});
  }
}

void check_store(const App& app, std::vector<Finding>& findings) {
  using Mark = Finding::Mark;
  std::string folder = app.settings().store_directory;
  while (!folder.empty() && !base::exists(folder)) folder = base::parent_path(folder);
  struct statvfs status {};
  if (::statvfs(folder.c_str(), &status) != 0) return;
  const std::uint64_t free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
  constexpr std::uint64_t kComfortable = std::uint64_t{20} << 30;
  findings.push_back(
      {free < kComfortable ? Mark::note : Mark::ok,
       fmt::format("store {}: {} free", app.settings().store_directory, base::human_bytes(free)),
       free < kComfortable
           ? "a torch image needs about 7 GB; 'imgforge cache prune', or another --store"
           : ""});
}

void check_sources(const App& app, std::vector<Finding>& findings) {
  using Mark = Finding::Mark;
  const auto addresses = sources::Addresses::load(app.settings().addresses);
  if (!addresses) {
    findings.push_back({Mark::missing, addresses.error().summary(), addresses.error().hint()});
    return;
  }
  if (addresses->archive("debian")) {
    findings.push_back({Mark::ok, "the Debian archive has an address", ""});
  } else {
    findings.push_back({Mark::note, "no address for the Debian archive",
                        addresses->archive("debian").error().hint()});
  }
  if (addresses->index("default")) {
    findings.push_back({Mark::ok, "the default Python index has an address", ""});
  } else {
    findings.push_back({Mark::note, "no address for the default Python index",
                        addresses->index("default").error().hint()});
  }
  if (app.settings().probe_file.empty()) {
    findings.push_back({Mark::missing, "the compiled probe is not beside this program",
                        "build the target imgforge_probe, or set IMGFORGE_PROBE"});
  }
}

Result<int> run(App& app) {
  std::vector<Finding> findings;
  check_tools(app, findings);
  check_sandbox(findings);
  check_sources(app, findings);
  check_store(app, findings);
  app.close_progress();
  bool whole = true;
  for (const Finding& finding : findings) whole = whole && finding.mark != Finding::Mark::missing;
  if (app.json()) {
    base::Json rows = base::Json::array();
    for (const Finding& finding : findings) {
      const char* mark = finding.mark == Finding::Mark::ok        ? "ok"
                         : finding.mark == Finding::Mark::missing ? "missing"
                                                                  : "note";
      rows.push_back({{"mark", mark}, {"what", finding.what}, {"remedy", finding.remedy}});
    }
    TRY(print(base::pretty_json({{"ok", whole}, {"findings", rows}})));
    return whole ? 0 : 1;
  }
  std::string text;
  for (const Finding& finding : findings) {
    const char* mark = finding.mark == Finding::Mark::ok        ? "ok      "
                       : finding.mark == Finding::Mark::missing ? "MISSING "
                                                                : "note    ";
    text += fmt::format("{} {}\n", mark, finding.what);
    if (!finding.remedy.empty()) text += fmt::format("         mend: {}\n", finding.remedy);
  }
  text += whole ? "\nthis machine can lock and build\n" : "\nthis machine lacks something\n";
  TRY(print(text));
  return whole ? 0 : 1;
}

}  // namespace

Command doctor_command() {
  return {.name = "doctor",
          .summary = "what this machine lacks, each with the command that mends it",
          .synopsis = "",
          .details = "Example:\n  imgforge doctor",
          .options = {},
          .run = run};
}

}  // namespace imgforge::cli

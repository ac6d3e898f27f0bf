// probe: runs an image's own probe in a container with GPUs.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/engine.h"
#include "cli/image_view.h"
#include "cli/output.h"
#include "cli/probe_evidence.h"
#include "cli/trust.h"
#include "evidence/probe_report.h"

namespace imgforge::cli {
namespace {

constexpr const char* kProbe = "/opt/imgforge/bin/imgforge";

constexpr Option kOptions[] = {
    {"engine", 'e', "NAME", "podman, docker or nerdctl (default: the first that is installed)"},
    {"gpus", 'g', "LIST", "all (default), none, or GPUs by index or UUID: 0,1"},
    {"engine-option", 0, "WORD",
     "one more option for the engine's run, as --engine-option=--shm-size=8g", true},
    {"attest", 'a', "",
     "run the image by its digest, sign what the probe says, attach it to the image"},
    {"report", 'r', "FILE",
     "run nothing: sign this result of `imgforge probe --json` (- is standard input), attach it to "
     "the image"},
    {"probed-at", 0, "TIME", "with --report: when the probe ran, RFC 3339 (default: now)"},
    IMGFORGE_SIGNING_OPTIONS,
    {"format", 0, "FORMAT",
     "with --attest or --report: legacy or bundle (default: `signing_formats` of the "
     "configuration, else both)",
     true},
    {"dry-run", 'n', "",
     "print the engine's command, and run nothing; with --report: check, and sign nothing"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// Images of the store by the name they have there, which podman reads itself; others as they
/// stand.
struct Named {
  std::string image;
  std::string store;  // set: the image is `image` of the layout there
};
Result<Named> name_for(App& app, Engine engine, const std::string& text) {
  const bool named_place =
      text.find(':') != std::string::npos && text.find('/') != std::string::npos;
  const auto reference = oci::Reference::parse(text);
  if (named_place || (reference && reference->registry())) return Named{text, ""};
  const auto view = open_image(app, text);
  if (!view) {
    if (view.error().code() == Errc::not_found) return Named{text, ""};
    return fail(view.error());
  }
  if (engine != Engine::podman) {
    if (TRY(has_image(engine, text, app.stop()))) return Named{text, ""};
    return fail(
        Error(Errc::usage, fmt::format("{} cannot read imgforge's store", to_string(engine)))
            .hint(fmt::format("imgforge build SPEC -o docker-archive:image.tar && {} load -i "
                              "image.tar, or --engine podman",
                              to_string(engine))));
  }
  return Named{view->name, view->directory};
}

/// podman makes a name of its own from a layout's path, and refuses paths that make none (capitals,
/// "-_"): it gets a short one, relative to a folder of ours.
Result<base::TempDir> short_path_to(const std::string& store) {
  base::TempDir folder = TRY(base::TempDir::create("/tmp", "imgforge-probe"));
  if (::symlink(store.c_str(), (folder / "store").c_str()) != 0) {
    return fail(base::io_error("cannot make a link in " + folder.path()));
  }
  return folder;
}

std::string sentences(const std::vector<Written>& written) {
  std::string text;
  for (const Written& one : written) text += sentence(one) + "\n";
  return text;
}

/// --report: nothing is run. Without an image the report is read and its verdict told.
Result<int> use_report(App& app, const std::string& file) {
  for (const char* const other : {"attest", "engine", "gpus", "engine-option"}) {
    if (app.args().flag(other)) {
      return fail(
          Errc::usage,
          fmt::format("--report takes a result that is there, and --{} is about running the probe",
                      other));
    }
  }
  const auto& positional = app.args().positional();
  if (positional.size() > 1) return fail(Errc::usage, "--report takes one image");
  const auto report = TRY(base::with_context(read_probed(app, TRY(read_predicate(file))),
                                             "reading the probe's report " + file));
  std::string name = "no image";
  std::vector<Written> written;
  const bool dry = app.args().flag("dry-run");
  if (!positional.empty()) {
    TRY(app.signer());
    const RegistryImage image = TRY(open_registry_image(app, positional[0]));
    TRY(check_probed_image(report, image));
    name = image.repository->name() + "@" + image.descriptor().digest.to_string();
    if (!dry) written = TRY(attest_probed(app, image, report));
  }
  app.close_progress();
  if (app.json()) {
    TRY(print(evidence::format_probe_predicate(report)));
    return 0;
  }
  std::string text = verdict_text(report) + sentences(written);
  if (!positional.empty()) text = name + "\n" + text;
  if (dry && !positional.empty()) text += "would be attested\n";
  TRY(print(text));
  return 0;
}

/// How engines begin the line that says why they end.
bool is_reason(std::string_view line) {
  for (const char* const word : {"Error", "docker: ", "time=", "FATA["}) {
    if (line.starts_with(word)) return true;
  }
  return false;
}

Result<int> run(App& app) {
  if (const auto file = app.args().value("report")) return use_report(app, *file);
  if (app.args().flag("probed-at")) return fail(Errc::usage, "--probed-at goes with --report");
  const auto& positional = app.args().positional();
  if (positional.empty()) {
    return fail(
        Error(Errc::usage, "probe takes an image")
            .hint(
                "imgforge probe IMAGE [-- OPTIONS OF THE PROBE]; inside an image: imgforge probe"));
  }
  const Engine engine = TRY(find_engine(app.args().value("engine")));
  const bool attest = app.args().flag("attest");
  std::optional<RegistryImage> image;
  std::string store, short_name;
  ContainerRun run{.image = positional[0], .program = kProbe, .options = {}, .words = {"probe"}};
  if (attest) {
    TRY(app.signer());  // before anything is started
    // The tag may move while the probe runs: what is run is what is attested.
    image = TRY(open_registry_image(app, positional[0]));
    run.image = fmt::format("{}/{}@{}", image->reference.host, image->reference.repository,
                            image->descriptor().digest.to_string());
  } else {
    Named named = TRY(name_for(app, engine, positional[0]));
    store = std::move(named.store);
    run.image =
        store.empty() ? std::move(named.image) : fmt::format("oci:{}:{}", store, named.image);
    short_name = "oci:store:" + named.image;
  }
  const std::string gpus = app.args().value("gpus").value_or("all");
  run.options = TRY(gpu_options(engine, gpus));
  for (const std::string& word : app.args().values("engine-option")) run.options.push_back(word);
  if (gpus == "none") run.words.emplace_back("--allow-no-gpu");
  if (app.json() || attest) run.words.emplace_back("--json");
  run.words.insert(run.words.end(), positional.begin() + 1, positional.end());

  if (!attest) app.close_progress();  // registries end with it
  if (app.args().flag("dry-run")) {
    std::vector<std::string> quoted;
    for (const std::string& word : command_line(engine, run)) {
      quoted.push_back(base::shell_quote(word));
    }
    app.close_progress();
    TRY(print(base::join(quoted, " ") + "\n"));
    return 0;
  }
  std::optional<base::TempDir> folder;
  if (!store.empty()) {
    folder = TRY(short_path_to(store));
    run.image = short_name;
  }
  base::Command command{.argv = command_line(engine, run)};
  if (folder) command.directory = folder->path();
  if (!attest) {
    command.on_stdout = [](base::Bytes bytes) { return print(std::string(base::as_text(bytes))); };
  }
  // A pull takes its time, and is seen at work; the reasons of a refusal are shown once, explained.
  std::string reasons;
  command.on_stderr_line = [&reasons](std::string_view line) {
    const std::string text = std::string(line) + "\n";
    if (is_reason(line)) {
      reasons += text;
    } else {
      std::fwrite(text.data(), 1, text.size(), stderr);
    }
  };
  const base::Seconds began{static_cast<std::int64_t>(std::time(nullptr))};
  const auto done = TRY(base::run_command(command, app.stop()));
  if (auto refused = explain_refusal(engine, run, done.status, done.err))
    return fail(*std::move(refused));
  std::fwrite(reasons.data(), 1, reasons.size(), stderr);
  if (attest) {
    const auto report = TRY(base::with_context(evidence::read_probe_report(done.out, began),
                                               "reading what the probe in " + run.image + " said"));
    const std::string written = sentences(TRY(attest_probed(app, *image, report)));
    app.close_progress();
    TRY(print(app.json() ? done.out : run.image + "\n" + verdict_text(report) + written));
  }
  return done.status;
}

}  // namespace

Command probe_command() {
  return {
      .name = "probe",
      .summary = "run an image's own check of GPU, driver and libraries, in a container",
      .synopsis = "IMAGE [options] [-- OPTIONS OF THE PROBE] | --report FILE [IMAGE]",
      .details =
          "IMAGE is what the engine takes (HOST/REPOSITORY:TAG, and for podman oci:DIR:TAG), or an "
          "image of the store.\n"
          "Exit codes are the probe's: 0 ok, 1 a check failed, 2 usage or no such image, 3 no GPU "
          "visible, 4 the host's\n"
          "fault, 5 the image's, 6 hardware, 7 timeout. What an engine says before the container "
          "starts is explained.\n"
          "--report is for a result from elsewhere (a job on the cluster): it is attested to IMAGE "
          "whatever its verdict,\n"
          "if the promise in it is that image's; without IMAGE its verdict is told. The exit code "
          "is imgforge's then.\n\n"
          "Examples:\n"
          "  imgforge probe harbor.example/ml/app:v2.6-lts\n"
          "  imgforge probe pytorch-cuda --gpus 0 -- --skip libraries\n"
          "  imgforge probe harbor.example/ml/app:v1 -- --deep\n"
          "  imgforge probe harbor.example/ml/app:v1 --attest -k gpu-farm.key\n"
          "  imgforge probe --report result.json harbor.example/ml/app@sha256:4f1e... -k "
          "gpu-farm.key",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

#include "cli/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/process.h"
#include "base/text.h"

namespace imgforge::cli {
namespace {

constexpr std::array kEngines{Engine::podman, Engine::docker, Engine::nerdctl};

// The probe's exit codes (docs/probe.md).
constexpr const char* kUsage = "2";
constexpr const char* kHost = "4";
constexpr const char* kImage = "5";

// Statuses of `run` that are not the program's: podman-run(1), docker run, section "Exit status".
constexpr int kEngineFailed = 125, kCannotRun = 126, kNoProgram = 127;

struct Row {
  std::string_view says;  // lower case
  const char* exit_code;
  std::string_view sentence;
  std::string_view hint;
};

// The first that is found decides: what the driver or the toolkit says stands before what the
// engine makes of it.
constexpr Row kRows[] = {
    {"unsatisfied condition", kHost,
     "the host's driver is older than the image asks for (NVIDIA_REQUIRE_*)",
     "update the host's driver, or take an image of an older CUDA; 'imgforge inspect IMAGE' says "
     "which it has"},
    {"could not select device driver", kHost,
     "docker knows no GPUs: the NVIDIA Container Toolkit is not there, or not registered",
     "install nvidia-container-toolkit, then: nvidia-ctk runtime configure --runtime=docker && "
     "systemctl restart docker"},
    {"driver not loaded", kHost, "the host's NVIDIA driver is not loaded",
     "on the host: nvidia-smi; where that fails, modprobe nvidia, or install the driver"},
    {"driver/library version mismatch", kHost,
     "the host's driver was updated under a loaded kernel module",
     "reboot the host, or reload the nvidia modules; then start containers anew"},
    {"libnvidia-ml.so.1: cannot open", kHost,
     "the host has no NVIDIA driver that the toolkit could find",
     "on the host: nvidia-smi; install the driver, then generate CDI anew or restart the engine"},
    {"unknown device", kHost, "the host has no such GPU",
     "nvidia-smi -L lists them; --gpus takes index or UUID"},
    {"nvidia.com/gpu", kHost, "podman knows no such GPU: the host has no CDI description of it",
     "install nvidia-container-toolkit, then: nvidia-ctk cdi generate "
     "--output=/etc/cdi/nvidia.yaml; "
     "'nvidia-ctk cdi list' shows the names. Without a GPU: --gpus none"},
    {"unresolvable cdi devices", kHost, "the host has no CDI description of such a GPU",
     "nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml; 'nvidia-ctk cdi list' shows the "
     "names"},
    {"nvidia-container-cli", kHost, "the NVIDIA Container Toolkit could not prepare the container",
     "on the host: nvidia-smi and nvidia-container-cli info"},
    {"cannot connect to the docker daemon", kHost, "docker's daemon does not answer",
     "systemctl start docker, or --engine podman"},
    {"permission denied while trying to connect", kHost,
     "docker's daemon may not be used by this account",
     "join the group docker, use sudo, or --engine podman"},
    {"cannot access containerd socket", kHost, "containerd may not be used by this account",
     "use sudo, or --engine podman"},
    {"setting rlimit", kHost, "this account may not raise a container's limits as asked",
     "lower default_ulimits in containers.conf, or raise the limits of the account; "
     "--engine-option=--ulimit=host takes those that it has"},
    {"exec format error", kImage, "the image is made for another processor",
     "take the image for this host's architecture"},
    {"pull access denied", kUsage, "the registry does not give the image",
     "log in, and check the name"},
    {"unauthorized", kUsage, "the registry does not give the image", "log in, and check the name"},
    {"authentication required", kUsage, "the registry does not give the image",
     "log in, and check the name"},
    {"manifest unknown", kUsage, "there is no such image",
     "'imgforge tags HOST/REPOSITORY' lists what there is"},
    {"no such image", kUsage, "there is no such image",
     "'imgforge tags HOST/REPOSITORY' lists what there is"},
    {"dial tcp", kUsage, "the image is not on this machine, and its registry does not answer",
     "check the name; docker takes a file of 'imgforge build SPEC -o docker-archive:FILE' by "
     "'docker load -i FILE'"},
    {"initializing source", kUsage, "the image cannot be read",
     "check the name, and that the registry answers"},
    {"short-name", kUsage, "the image's name has no registry",
     "name it as HOST/REPOSITORY:TAG, or oci:DIR:TAG"},
};

// Engines end with their reason; podman has "Error: ", docker "docker: ", and both may be preceded
// by the progress of a pull.
std::string last_line(std::string_view text) {
  text = base::trim(text);
  const auto lines = base::split(text, '\n');
  for (auto line = lines.rbegin(); line != lines.rend(); ++line) {
    const std::string_view trimmed = base::trim(*line);
    if (!trimmed.empty() && !base::to_lower(trimmed).starts_with("see '") &&
        !base::to_lower(trimmed).starts_with("run '")) {
      return std::string(trimmed);
    }
  }
  return "it said nothing";
}

Error refusal(Engine engine, const char* exit_code, std::string_view sentence,
              std::string_view hint, std::string_view last_words) {
  Error error(Errc::unavailable, fmt::format("{} did not start the container: {}\n  it said: {}",
                                             to_string(engine), sentence, last_line(last_words)));
  (void)std::move(error).with("exit_code", exit_code);
  if (!hint.empty()) (void)std::move(error).hint(std::string(hint));
  return error;
}

bool is_gpu_name(std::string_view text) {
  return !text.empty() && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '-' || c == ':' || c == '.';
         });
}

}  // namespace

std::string_view to_string(Engine engine) {
  switch (engine) {
    case Engine::podman:
      return "podman";
    case Engine::docker:
      return "docker";
    case Engine::nerdctl:
      return "nerdctl";
  }
  return "";
}

Result<Engine> find_engine(const std::optional<std::string>& wanted) {
  for (const Engine engine : kEngines) {
    if (wanted && *wanted != to_string(engine)) continue;
    if (base::find_program(std::string(to_string(engine)))) return engine;
    if (wanted) {
      return fail(Error(Errc::not_found, *wanted + " is not installed here")
                      .with("exit_code", kHost)
                      .hint("install it, or name another: --engine podman, docker or nerdctl"));
    }
  }
  if (wanted) {
    return fail(Error(Errc::usage, "there is no engine '" + *wanted + "'")
                    .hint("podman, docker and nerdctl are known"));
  }
  return fail(
      Error(Errc::not_found, "no container engine is installed here")
          .with("exit_code", kHost)
          .hint("install podman, docker or nerdctl; inside an image, 'imgforge probe' needs none"));
}

Result<bool> has_image(Engine engine, const std::string& image, std::stop_token stop) {
  const base::Command command{
      .argv = {std::string(to_string(engine)), "image", "inspect", "--format", "there", image}};
  return TRY(base::run_command(command, stop)).status == 0;
}

Result<std::vector<std::string>> gpu_options(Engine engine, const std::string& gpus) {
  if (gpus == "none") return std::vector<std::string>{};
  const auto names = base::split(gpus, ',');
  for (const std::string_view name : names) {
    if (!is_gpu_name(name)) {
      return fail(
          Error(Errc::usage, "--gpus takes all, none, or names like 0,1, not '" + gpus + "'")
              .hint("nvidia-smi -L lists the GPUs"));
    }
  }
  if (engine != Engine::podman) {
    // The list stands in quotes: engines split the option's value at commas.
    return std::vector<std::string>{"--gpus", gpus == "all" ? gpus : "\"device=" + gpus + "\""};
  }
  std::vector<std::string> options;
  for (const std::string_view name : names) {
    options.emplace_back("--device");
    options.push_back(fmt::format("nvidia.com/gpu={}", name));
  }
  return options;
}

std::vector<std::string> command_line(Engine engine, const ContainerRun& run) {
  std::vector<std::string> argv{std::string(to_string(engine)), "run", "--rm", "--network", "none"};
  argv.insert(argv.end(), run.options.begin(), run.options.end());
  argv.insert(argv.end(), {"--entrypoint", run.program, run.image});
  argv.insert(argv.end(), run.words.begin(), run.words.end());
  return argv;
}

std::optional<Error> explain_refusal(Engine engine, const ContainerRun& run, int status,
                                     std::string_view last_words) {
  if (status < kEngineFailed && !(engine == Engine::nerdctl && status == 1)) return std::nullopt;
  const std::string text = base::to_lower(last_words);
  // nerdctl has 1 for everything, which is also the probe's "a check failed".
  if (status == 1 && text.find("level=fatal") == std::string::npos) return std::nullopt;
  if (status > kNoProgram) {
    return Error(Errc::unavailable,
                 fmt::format("the probe was ended by signal {} in the container", status - 128))
        .with("exit_code", "1")
        .hint("the host may be short of memory; dmesg says which process was ended and why");
  }
  for (const Row& row : kRows) {
    if (text.find(row.says) != std::string::npos) {
      return refusal(engine, row.exit_code, row.sentence, row.hint, last_words);
    }
  }
  if (status == kNoProgram || status == kCannotRun ||
      text.find(base::to_lower(run.program)) != std::string::npos) {
    return refusal(
        engine, kImage, "the image has no probe that could start (" + run.program + ")",
        "was it built by imgforge? 'imgforge inspect' shows a layer 'probe' where it was",
        last_words);
  }
  return refusal(engine, kHost, "see its own words", "", last_words);
}

}  // namespace imgforge::cli

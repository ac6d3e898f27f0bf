// Container engines of this host: the command that runs a program of an image with GPUs, and what
// an engine means when it refuses to start a container.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::cli {

enum class Engine { podman, docker, nerdctl };
std::string_view to_string(Engine engine);

/// The named one, else the first of podman, docker and nerdctl on PATH. Errc::usage for another
/// name; Errc::not_found when it is not installed.
Result<Engine> find_engine(const std::optional<std::string>& wanted);

/// Whether the engine has an image of that name on this host.
Result<bool> has_image(Engine engine, const std::string& image, std::stop_token stop);

/// "all", "none", or GPUs by index or UUID, separated by commas, as words of `run`: podman's are
/// CDI names, those of the others their --gpus. Errc::usage for what is none of these.
Result<std::vector<std::string>> gpu_options(Engine engine, const std::string& gpus);

struct ContainerRun {
  std::string image;                 // as the engine takes it
  std::string program;               // a path in the image
  std::vector<std::string> options;  // of the engine
  std::vector<std::string> words;    // of the program
};
/// One container, without network, removed at its end.
std::vector<std::string> command_line(Engine engine, const ContainerRun& run);

/// An Error whose fact "exit_code" is one of the probe's, where `status` and the last words are the
/// engine's: 4 the host's fault, 5 the image's, 2 no such image. nullopt: the program ran, and the
/// status is its own. The rows are those of container engines' own messages; what is not known is
/// quoted as the engine said it.
std::optional<Error> explain_refusal(Engine engine, const ContainerRun& run, int status,
                                     std::string_view last_words);

}  // namespace imgforge::cli

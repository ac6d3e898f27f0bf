// A container of a pinned environment, started for work on a checkout: the command line of the
// engine, and starting it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/app.h"
#include "cli/engine.h"
#include "env/contract.h"
#include "env/git.h"

namespace imgforge::cli {

/// On containers that `env run` starts: the image by digest, and the working tree.
inline constexpr const char* kImageLabel = "io.imgforge.env.image";
inline constexpr const char* kTreeLabel = "io.imgforge.env.tree";

/// What `run` of an engine is asked for.
struct EnvStart {
  std::string image;       // HOST/PATH@DIGEST
  std::string tree;        // mounted under its own name
  std::string repository;  // git's folder, mounted too where it lies elsewhere
  bool may_write_repository = true;
  std::string folder;                    // in `tree`: where the program starts
  std::string annotation, commit;        // told to the program: IMGFORGE_ENV, IMGFORGE_COMMIT
  std::vector<std::string> gpu_options;  // of gpu_options()
  std::vector<std::string> ports;        // of port_option()
  std::string environment_file;
  std::vector<std::string> engine_options;
  std::string user;  // "1000:1000"; empty: the image's
  bool has_terminal = false;
  bool plain_http = false;         // podman wants to be told
  std::vector<std::string> words;  // the program; never empty
};
std::vector<std::string> command_line(Engine engine, const EnvStart& start);

/// "8080:80" is published on this machine only, "0.0.0.0:8080:80" wherever it says. Errc::usage for
/// what is no port.
Result<std::string> port_option(const std::string& text);

/// Options of `env run` and `env setup`, as rows of their tables.
#define IMGFORGE_START_OPTIONS                                                                     \
  {"engine", 'e', "NAME", "podman, docker or nerdctl (default: the first that is installed)"},     \
      {"gpus", 'g', "LIST", "all (default), none, or GPUs by index or UUID: 0,1"},                 \
      {"publish", 'p', "PORT", "HOST:CONTAINER, for this machine only; or ADDRESS:HOST:CONTAINER", \
       true},                                                                                      \
      {"jupyter", 0, "", "start JupyterLab, on http://127.0.0.1:8888"},                            \
      {"jupyter-port", 0, "PORT", "another port of this machine for it"},                          \
      {"env-file", 0, "FILE", "NAME=VALUE lines for the program: secrets, which no image holds"},  \
  {                                                                                                \
    "engine-option", 0, "WORD",                                                                    \
        "one more option for the engine's run, as --engine-option=--shm-size=8g", true             \
  }

/// What the options of the command line ask for: engine, GPUs, ports, environment file, terminal
/// and program (the words behind "--", else JupyterLab, else a shell). Errc::refused for an
/// environment file that git has.
struct Wish {
  Engine engine;
  EnvStart start;
};
Result<Wish> read_wish(App& app, const env::Git& git, const env::Contract& contract,
                       const env::Pin& pin, const std::vector<std::string>& program);

/// Runs it in the foreground: its exit code.
Result<int> start(App& app, const Wish& wish);

/// Shell-quoted, for people.
std::string shown(const std::vector<std::string>& words);

}  // namespace imgforge::cli

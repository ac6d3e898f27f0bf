// The composition root: what a command may use, and the table of commands.
#pragma once

#include <future>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "cli/args.h"
#include "cli/registry_images.h"
#include "cli/settings.h"
#include "cli/signer.h"
#include "sources/sources.h"
#include "store/store.h"

namespace imgforge::cli {

/// What one invocation works with. Things are made when first asked for, so that `--help` touches
/// nothing.
class App {
 public:
  App(Settings settings, Args args, std::string self, std::stop_token stop);
  ~App();

  const Args& args() const { return args_; }
  const Settings& settings() const { return settings_; }
  const std::string& self() const { return self_; }
  std::stop_token stop() const { return stop_; }
  bool json() const { return args_.flag("json"); }
  std::size_t workers() const;
  std::size_t processors() const;

  /// Reads --progress.
  Result<> open_progress();
  base::Progress& progress() { return *progress_; }
  /// Draws nothing any more; before results are printed.
  void close_progress();

  Result<store::Store*> store();
  Result<sources::Sources*> sources();
  /// Images in registries. Reads nothing before it is asked for one.
  RegistryImages& images();
  /// The key to sign with.
  Result<const Signer*> signer();
  /// Begins to open it in a thread, for which signer() waits: cosign's key files are made to take
  /// 0.2 s. Where somebody has to be asked for the passphrase, it is opened here and now.
  Result<> prepare_signer();

 private:
  Settings settings_;
  Args args_;
  std::string self_;
  std::stop_token stop_;
  std::unique_ptr<base::Progress> progress_;
  std::optional<store::Store> store_;
  std::unique_ptr<sources::Sources> sources_;
  std::unique_ptr<RegistryImages> images_;
  std::unique_ptr<Signer> signer_;
  std::future<Result<std::unique_ptr<Signer>>> opening_;  // last: ends before what it reads
};

struct Command {
  std::string_view name;      // "pull", or of two words: "env pin"
  std::string_view summary;   // one line of the overview
  std::string_view synopsis;  // "SPEC [options]"
  std::string_view details;   // paragraphs and examples of --help
  std::span<const Option> options;
  Result<int> (*run)(App& app);
};

/// In the order of the overview, which has those of one word.
std::span<const Command> commands();
/// Whether it has a name of two words.
bool is_part(const Command& command);
/// Options that every command takes.
std::span<const Option> common_options();
std::string help_of(const Command& command);
std::string overview();

/// argv without the program's name. Returns the exit code.
int run_app(const std::vector<std::string>& words,
            const std::map<std::string, std::string>& environment, const std::string& self,
            std::stop_token stop);

}  // namespace imgforge::cli

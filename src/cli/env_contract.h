// The contract of the repository around the working directory, for the commands of `env`.
#pragma once

#include <optional>
#include <string>

#include "cli/app.h"
#include "env/contract.h"
#include "env/git.h"
#include "env/judge.h"
#include "env/running.h"

namespace imgforge::cli {

struct Contracted {
  env::Git git;
  env::Contract contract;
  std::string text;  // of the file
  std::string file;  // absolute
};
/// As it stands in the working tree. Errc::not_found says how to make one.
Result<Contracted> open_contract(App& app);

/// As it stands in a commit.
Result<env::Contract> contract_at(const env::Git& git, const std::string& commit);

/// Errc::refused, with what to do, without one.
Result<env::Pin> require_pin(const env::Contract& contract);

/// An Error of what was found: Errc::mismatch or Errc::refused.
Error to_error(const env::Finding& finding);

/// Where hooks of this repository go. Errc::refused where core.hooksPath is that of a whole
/// account.
Result<std::string> own_hooks_folder(const env::Git& git);

/// What this process runs in: the promise of the image around it, by --promise or at its place.
/// nullopt: there is none, this is no image of imgforge.
Result<std::optional<env::Running>> running_here(const App& app);

/// Containers that `env run` started for this working tree and that run now, as far as an engine
/// tells. No engine, or one that does not answer: none.
enum class Companion { none, pinned, other };
Companion find_companion(const env::Git& git, const env::Contract& contract, const env::Pin& pin,
                         std::stop_token stop);

/// Errc::mismatch unless this process, or a container started for this working tree, is the pinned
/// environment. The sentence names what differs.
Result<> require_environment(App& app, const env::Git& git, const env::Contract& contract);

}  // namespace imgforge::cli

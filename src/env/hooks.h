// The hooks that hold a repository to its contract: small scripts that call imgforge, and in an
// image without it do the offline part themselves. Installed where git looks for hooks; somebody
// else's hook is never overwritten.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::env {

inline constexpr std::array<std::string_view, 3> kHooks = {"pre-commit", "prepare-commit-msg",
                                                           "commit-msg"};

enum class HookState { absent, ours, outdated, foreign };
std::string_view to_string(HookState state);

struct Hook {
  std::string name, path;
  HookState state = HookState::absent;
  bool is_chained = false;  // one that was there before runs first
};

/// The script, which finds its name in $0. `imgforge`: this program's path, for where PATH does not
/// have it.
std::string hook_script(const std::string& imgforge);

Result<std::vector<Hook>> look_at_hooks(const std::string& folder, const std::string& imgforge);

/// Errc::refused, with the line to add, when a hook of somebody else is there and `chain` is false;
/// nothing is written then. With `chain` that hook is kept as NAME.before-imgforge and runs first.
/// `dry_run`: everything but the writing.
Result<> install_hooks(const std::string& folder, const std::string& imgforge, bool chain,
                       bool dry_run = false);
/// Takes ours away and puts back what was there before. The names that were removed.
Result<std::vector<std::string>> uninstall_hooks(const std::string& folder);

}  // namespace imgforge::env

#include "env/hooks.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "env/hook_script.h"

namespace imgforge::env {
namespace {

constexpr std::string_view kMark = "# imgforge-env-hook";
constexpr const char* kBefore = ".before-imgforge";
constexpr std::size_t kLargestHook = 4 << 20;

std::string path_in(const std::string& folder, std::string_view name) {
  return base::join_path(folder, name);
}

/// Ours have the mark in their second line.
bool is_ours(std::string_view text) {
  const auto lines = base::lines(text);
  return lines.size() > 1 && lines[1].starts_with(kMark);
}

}  // namespace

std::string_view to_string(HookState state) {
  switch (state) {
    case HookState::absent:
      return "absent";
    case HookState::ours:
      return "installed";
    case HookState::outdated:
      return "outdated";
    case HookState::foreign:
      return "foreign";
  }
  return "";
}

std::string hook_script(const std::string& imgforge) {
  return base::replace_all(std::string(kHookScript), "@IMGFORGE@", base::shell_quote(imgforge));
}

Result<std::vector<Hook>> look_at_hooks(const std::string& folder, const std::string& imgforge) {
  std::vector<Hook> hooks;
  for (const std::string_view name : kHooks) {
    Hook hook{.name = std::string(name), .path = path_in(folder, name)};
    if (base::exists(hook.path)) {
      const std::string text = TRY(base::read_file(hook.path, kLargestHook));
      hook.state = !is_ours(text)                  ? HookState::foreign
                   : text == hook_script(imgforge) ? HookState::ours
                                                   : HookState::outdated;
    }
    hook.is_chained = base::exists(hook.path + kBefore);
    hooks.push_back(std::move(hook));
  }
  return hooks;
}

Result<> install_hooks(const std::string& folder, const std::string& imgforge, bool chain,
                       bool dry_run) {
  const auto hooks = TRY(look_at_hooks(folder, imgforge));
  for (const Hook& hook : hooks) {
    if (hook.state != HookState::foreign) continue;
    if (!chain) {
      return fail(
          Error(Errc::refused, fmt::format("there is another hook already: {}", hook.path))
              .hint(fmt::format("--chain keeps it and runs it first; or call from it: imgforge env "
                                "hook run {} \"$@\" || exit",
                                hook.name)));
    }
    if (hook.is_chained) {
      return fail(Error(Errc::refused, fmt::format("{} and {}{} are both other hooks", hook.path,
                                                   hook.path, kBefore))
                      .hint("make one of the two"));
    }
  }
  if (dry_run) return {};
  TRY(base::make_directories(folder));
  const std::string text = hook_script(imgforge);
  for (const Hook& hook : hooks) {
    if (hook.state == HookState::foreign) TRY(base::rename(hook.path, hook.path + kBefore));
    TRY(base::write_file_atomic(hook.path, text, 0755));
  }
  return {};
}

Result<std::vector<std::string>> uninstall_hooks(const std::string& folder) {
  std::vector<std::string> removed;
  for (const Hook& hook : TRY(look_at_hooks(folder, ""))) {
    if (hook.state != HookState::ours && hook.state != HookState::outdated) continue;
    if (hook.is_chained) {
      TRY(base::rename(hook.path + kBefore, hook.path));
    } else {
      TRY(base::remove_all(hook.path));
    }
    removed.push_back(hook.name);
  }
  return removed;
}

}  // namespace imgforge::env

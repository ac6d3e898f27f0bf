// The table of commands: one line each; a command is one file in commands/.
#include "cli/commands/commands.h"
#include "cli/app.h"

namespace imgforge::cli {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      lock_command(),      fetch_command(),     plan_command(),       build_command(),
      push_command(),      pull_command(),      copy_command(),       tag_command(),
      tags_command(),      promote_command(),   rollback_command(),   history_command(),
      sign_command(),      verify_command(),    attest_command(),     sbom_command(),
      keygen_command(),    inspect_command(),   diff_command(),       reproduce_command(),
      probe_command(),     env_command(),       env_pin_command(),    env_status_command(),
      env_check_command(), env_hook_command(),  env_verify_command(), env_show_command(),
      env_run_command(),   env_setup_command(), matrix_command(),     catalog_command(),
      outdated_command(),  rebuild_command(),   login_command(),      logout_command(),
      harbor_command(),    cache_command(),     doctor_command(),     completion_command(),
  };
  return kCommands;
}

}  // namespace imgforge::cli

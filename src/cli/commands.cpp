// The table of commands: one line each; a command is one file in commands/.
#include "cli/commands/commands.h"
#include "cli/app.h"

namespace imgforge::cli {

std::span<const Command> commands() {
  static const Command kCommands[] = {
      lock_command(),   fetch_command(),   plan_command(),       build_command(),
      push_command(),   pull_command(),    copy_command(),       tag_command(),
      tags_command(),   promote_command(), rollback_command(),   history_command(),
      sign_command(),   verify_command(),  attest_command(),     sbom_command(),
      keygen_command(), inspect_command(), diff_command(),       reproduce_command(),
      probe_command(),  login_command(),   logout_command(),     harbor_command(),
      cache_command(),  doctor_command(),  completion_command(),
  };
  return kCommands;
}

}  // namespace imgforge::cli

// What each file of this folder provides.
#pragma once

#include "cli/app.h"

namespace imgforge::cli {

Command attest_command();
Command build_command();
Command cache_command();
Command catalog_command();
Command completion_command();
Command copy_command();
Command diff_command();
Command doctor_command();
Command env_check_command();
Command env_command();
Command env_hook_command();
Command env_pin_command();
Command env_run_command();
Command env_setup_command();
Command env_show_command();
Command env_status_command();
Command env_verify_command();
Command fetch_command();
Command harbor_command();
Command history_command();
Command inspect_command();
Command keygen_command();
Command lock_command();
Command login_command();
Command logout_command();
Command matrix_command();
Command outdated_command();
Command plan_command();
Command probe_command();
Command promote_command();
Command pull_command();
Command push_command();
Command rebuild_command();
Command reproduce_command();
Command rollback_command();
Command sbom_command();
Command sign_command();
Command tag_command();
Command tags_command();
Command verify_command();

}  // namespace imgforge::cli

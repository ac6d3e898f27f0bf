#include "sources/uv.h"

#include "base/file.h"
#include "base/process.h"

namespace imgforge::sources {

Result<std::vector<std::string>> find_uv(const std::string& tools_directory) {
  if (!tools_directory.empty()) {
    for (const char* name : {"uv", "bin/uv"}) {
      const std::string own = base::join_path(tools_directory, name);
      if (base::find_program(own) && !base::is_directory(own)) return std::vector{own};
    }
  }
  if (const auto found = base::find_program("uv")) return std::vector{*found};
  const auto module = base::run_command({.argv = {"python3", "-m", "uv", "--version"}});
  if (module && module->status == 0) return std::vector<std::string>{"python3", "-m", "uv"};
  const std::string folder = tools_directory.empty() ? "~/.local/share/imgforge/tools"
                                                     : base::parent_path(tools_directory);
  return fail(Error(Errc::not_found, "uv, which resolves Python requirements, is not installed")
                  .with("program", "uv")
                  .hint("install it, for example: python3 -m venv " + folder + " && " + folder +
                        "/bin/pip install uv"));
}

}  // namespace imgforge::sources

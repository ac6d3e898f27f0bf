// The re-executed side: enters the namespaces, does what the request says, reports an Error on its
// own descriptor. One thread, from beginning to end.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "base/file.h"
#include "sandbox/capture.h"
#include "sandbox/mount_points.h"
#include "sandbox/overlay.h"
#include "sandbox/request.h"
#include "sandbox/spawn.h"
#include "sandbox/unpack.h"
#include "sandbox/user_namespace.h"

namespace imgforge::sandbox {
namespace {

constexpr std::size_t kRequestLimit = 16 << 20;

// New files carry the present time and are clamped to the epoch; with a clock before the epoch they
// would not be, and the layer would depend on the day.
Result<> check_clock(base::Seconds epoch) {
  const base::Seconds now{::time(nullptr)};
  if (now >= epoch) return {};
  return fail(Error(Errc::refused, "this machine's clock says " + base::format_time(now) +
                                       ", which is before the image's epoch " +
                                       base::format_time(epoch))
                  .hint("set the clock, or an epoch in the past"));
}

Result<> check_status(int status, const std::string& program) {
  if (status == 0) return {};
  return fail(Error(Errc::io, status > 128
                                  ? program + " was ended by signal " + std::to_string(status - 128)
                                  : program + " failed with status " + std::to_string(status))
                  .with("status", std::to_string(status)));
}

// Equal layers (two steps that change nothing) have one tree, and overlay refuses to take it twice.
// What the topmost occurrence says hides the others.
std::vector<std::string> once_each(const std::vector<std::string>& trees) {
  std::vector<std::string> out;
  for (auto tree = trees.rbegin(); tree != trees.rend(); ++tree) {
    if (std::find(out.begin(), out.end(), *tree) == out.end()) out.push_back(*tree);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

Result<> run_step(const Request& request) {
  const Step& step = request.step;
  const std::vector<std::string> trees = once_each(request.trees);
  TRY(check_clock(step.epoch));
  const Overlay overlay{request.work, !in_initial_user_namespace()};
  const std::string skeleton = request.work + "/skeleton";
  TRY(base::make_directories(skeleton));
  TRY(mount_below(overlay, trees));
  const auto mounts = TRY(prepare_mount_points(step, overlay.below(), skeleton));
  TRY(mount_merged(overlay, trees, skeleton));
  const int status = TRY(spawn(bubblewrap_arguments(overlay.merged(), step, mounts),
                               fixed_environment(step.epoch, step.env)));
  TRY(check_status(status, "the step"));
  TRY(unmount_merged(overlay));
  base::File out(STDOUT_FILENO);
  TRY(capture({.folder = overlay.upper(),
               .below = overlay.below(),
               .opaque_attribute = overlay.opaque_attribute(),
               .epoch = step.epoch,
               .rules = step.rules},
              out));
  return out.close();
}

Result<> run_construction(const Construction& construction) {
  TRY(check_clock(construction.epoch));
  const int status = TRY(
      spawn_isolated(construction.argv, fixed_environment(construction.epoch, construction.env)));
  TRY(check_status(status, base::base_name(construction.argv.at(0))));
  base::File out(STDOUT_FILENO);
  TRY(capture(
      {.folder = construction.target, .epoch = construction.epoch, .rules = construction.rules},
      out));
  return out.close();
}

// Processes of an interrupted step may still be dying, and writing.
Result<> remove(const std::string& tree) {
  constexpr int kAttempts = 20;
  for (int attempt = 1;; ++attempt) {
    auto removed = base::remove_all(tree);
    if (removed || attempt == kAttempts) return removed;
    ::usleep(50'000);
  }
}

Result<> serve(const Request& request) {
  if (request.enter_user_namespace) {
    TRY(enter_user_namespace());
  } else {
    TRY(enter_mount_namespace());
  }
  switch (request.action) {
    case Request::Action::unpack:
      return unpack_layer(request.blob, request.tree);
    case Request::Action::run:
      return run_step(request);
    case Request::Action::construct:
      return run_construction(request.construction);
    case Request::Action::remove:
      return remove(request.tree);
  }
  return {};
}

}  // namespace

int child_main() {
  ::umask(022);
  base::File input(STDIN_FILENO);
  int report_fd = STDERR_FILENO;
  const auto done = [&]() -> Result<> {
    const Request request = TRY(parse_request(TRY(base::read_all(input, kRequestLimit))));
    report_fd = request.report_fd;
    ::fcntl(report_fd, F_SETFD, FD_CLOEXEC);
    return serve(request);
  }();
  if (done) return 0;
  base::File report(report_fd);
  (void)report.write(base::as_bytes(format_report(done.error())));
  return 1;
}

}  // namespace imgforge::sandbox

#include "sandbox/sandbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <deque>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "sandbox/inode.h"
#include "sandbox/marks.h"
#include "sandbox/request.h"

namespace imgforge::sandbox {
namespace {

using LineHandler = std::function<void(std::string_view)>;

constexpr std::size_t kQuotedLines = 12;

// Runs this program again with the request. `out`: where the child's standard output goes.
Result<> call(const std::string& self, Request request, base::Sink* out, const LineHandler& on_line,
              std::stop_token stop) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(base::io_error("cannot make a pipe"));
  base::File report_read(ends[0]), report_write(ends[1]);
  request.enter_user_namespace = ::geteuid() != 0;
  request.report_fd = report_write.fd();

  std::deque<std::string> last_lines;
  base::Command command;
  command.argv = {self, kChildCommand};
  command.input = format_request(request);
  command.inherited_fds = {report_write.fd()};
  command.on_stderr_line = [&](std::string_view line) {
    last_lines.emplace_back(line);
    if (last_lines.size() > kQuotedLines) last_lines.pop_front();
    if (on_line) on_line(line);
  };
  if (out != nullptr) command.on_stdout = [&](base::Bytes bytes) { return out->write(bytes); };
  const base::CommandResult result = TRY(base::run_command(command, stop));
  if (result.status == 0) return {};

  report_write = base::File();
  const std::string report = TRY(base::read_all(report_read, 1 << 20));
  if (report.empty()) {
    return fail(Errc::internal, "the sandbox ended with status " + std::to_string(result.status) +
                                    " and said nothing");
  }
  const Error cause = parse_report(report);
  std::string message = cause.message();
  for (const std::string& line : last_lines) message += "\n    " + line;
  Error error(cause.code(), std::move(message));
  if (cause.hint().empty()) return fail(std::move(error));
  return fail(std::move(error).hint(cause.hint()));
}

std::string boot_id() {
  const auto text = base::read_file("/proc/sys/kernel/random/boot_id");
  return text ? std::string(base::trim(*text)) : std::string();
}

enum class TreeState { missing, stale, good };

// Of another boot: it was never synced, and the machine may have crashed meanwhile.
Result<TreeState> look_at_tree(const std::string& tree) {
  const auto status = TRY(look_at(tree));
  if (!status) return TreeState::missing;
  if (status->st_uid != ::geteuid()) {
    return fail(Error(Errc::refused, "the unpacked layer " + tree +
                                         " belongs to another user, whose ids are not yours")
                    .hint("use a store of your own (--store DIR), or remove the folder"));
  }
  return has_xattr(tree, kBootAttribute, boot_id()) ? TreeState::good : TreeState::stale;
}

// Marks a finished tree as whole. Overlay needs user attributes on the same file system anyway.
Result<> mark_good(const std::string& tree) {
  const std::string id = boot_id();
  if (::setxattr(tree.c_str(), kBootAttribute, id.data(), id.size(), 0) == 0) return {};
  return fail(
      Error(Errc::unsupported, base::io_error("cannot set a user attribute on " + tree).message())
          .hint("the store must be on a local file system with user attributes (ext4, xfs, "
                "btrfs, or tmpfs since Linux 6.6); choose one with --store DIR"));
}

// Removes a folder at the end of a scope, also one with files of subordinate ids.
class Leftover {
 public:
  Leftover(Sandbox& sandbox, std::string path) : sandbox_(sandbox), path_(std::move(path)) {}
  Leftover(const Leftover&) = delete;
  Leftover& operator=(const Leftover&) = delete;
  ~Leftover() {
    if (base::exists(path_)) (void)sandbox_.remove_tree(path_);
  }

 private:
  Sandbox& sandbox_;
  std::string path_;
};

}  // namespace

Sandbox::Sandbox(std::string self, std::string scratch)
    : self_(std::move(self)), scratch_(std::move(scratch)) {}

Result<> Sandbox::unpack(const std::string& blob_path, const std::string& tree,
                         std::stop_token stop) {
  const TreeState state = TRY(look_at_tree(tree));
  if (state == TreeState::good) return {};
  const std::string parent = base::parent_path(tree);
  if (state == TreeState::stale) {
    base::TempDir aside = TRY(base::TempDir::create(parent, base::base_name(tree) + ".old"));
    const std::string old = aside.keep();
    const Leftover gone(*this, old);
    // Another process may have done the same a moment ago.
    if (::rename(tree.c_str(), (old + "/tree").c_str()) != 0 && errno != ENOENT) {
      return fail(base::io_error("cannot move the old " + tree + " aside"));
    }
  }
  base::TempDir fresh = TRY(base::TempDir::create(parent, base::base_name(tree) + ".new"));
  const std::string made = fresh.keep();
  const Leftover gone(*this, made);
  if (::chmod(made.c_str(), 0755) != 0) return fail(base::io_error("cannot prepare " + made));
  Request request;
  request.action = Request::Action::unpack;
  request.blob = blob_path;
  request.tree = made;
  TRY(base::with_context(call(self_, std::move(request), nullptr, {}, stop),
                         "unpacking a layer for the sandbox"));
  TRY(mark_good(made));
  if (::rename(made.c_str(), tree.c_str()) == 0) return {};
  if (errno == EEXIST || errno == ENOTEMPTY) return {};  // somebody else was quicker
  return fail(base::io_error("cannot rename " + made + " to " + tree));
}

Result<> Sandbox::run(const std::vector<std::string>& trees, const Step& step, base::Sink& changes,
                      const LineHandler& on_line, std::stop_token stop) {
  base::TempDir work = TRY(base::TempDir::create(TRY(base::absolute_path(scratch_)), "step"));
  Request request;
  request.action = Request::Action::run;
  request.work = work.keep();
  const Leftover gone(*this, request.work);
  request.trees = trees;
  request.step = step;
  return call(self_, std::move(request), &changes, on_line, stop);
}

Result<> Sandbox::construct(const Construction& construction, base::Sink& content,
                            const LineHandler& on_line, std::stop_token stop) {
  if (base::exists(construction.target)) {
    return fail(Errc::internal, "the folder to construct exists already: " + construction.target);
  }
  const Leftover gone(*this, construction.target);
  Request request;
  request.action = Request::Action::construct;
  request.construction = construction;
  return call(self_, std::move(request), &content, on_line, stop);
}

Result<> Sandbox::remove_tree(const std::string& tree) {
  Request request;
  request.action = Request::Action::remove;
  request.tree = TRY(base::absolute_path(tree));
  return call(self_, std::move(request), nullptr, {}, {});
}

}  // namespace imgforge::sandbox

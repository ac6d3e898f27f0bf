#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

#include "base/json.h"
#include "base/text.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

using Clock = std::chrono::steady_clock;

// What one task knows of itself; read by renderers under the board's mutex.
struct TaskState {
  std::string verb;
  std::string subject;
  std::string phase;
  std::uint64_t total = 0;
  std::atomic<std::uint64_t> done{0};
  Clock::time_point started = Clock::now();
  Clock::time_point last_line = started;
  // What a rate is measured from: the last change of phase.
  Clock::time_point phase_started = started;
  std::uint64_t done_before_phase = 0;
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::string amount(const TaskState& task) {
  const std::uint64_t done = task.done.load();
  if (task.total == 0 && done == 0) return "";
  std::string text = base::human_bytes(task.total != 0 ? std::min(done, task.total) : done);
  if (task.total != 0) text += " of " + base::human_bytes(task.total);
  return text;
}

std::string rate_and_rest(const TaskState& task) {
  const double elapsed = seconds_since(task.phase_started);
  const std::uint64_t all = task.done.load();
  const auto done = static_cast<double>(all - task.done_before_phase);
  if (elapsed < 0.5 || done == 0) return "";
  std::string text =
      fmt::format("{}/s", base::human_bytes(static_cast<std::uint64_t>(done / elapsed)));
  if (all < task.total) {
    text += fmt::format(", {:.0f} s left", static_cast<double>(task.total - all) * elapsed / done);
  }
  return text;
}

// Where tasks are kept and events go. Subclasses draw.
class Board : public base::Progress {
 public:
  explicit Board(std::FILE* stream) : stream_(stream) {}

  std::unique_ptr<base::ProgressTask> start(std::string_view verb, std::string_view subject,
                                            std::optional<std::uint64_t> total) override;

  virtual void started(TaskState& task) = 0;
  virtual void advanced(TaskState&) {}
  virtual void phase_changed(TaskState&) {}
  virtual void finished(TaskState& task, std::string_view outcome) = 0;

  std::mutex mutex;
  std::list<TaskState> tasks;

 protected:
  void emit(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stream_);
    std::fflush(stream_);
  }
  std::FILE* stream_;
};

class Task final : public base::ProgressTask {
 public:
  Task(Board& board, std::list<TaskState>::iterator state) : board_(board), state_(state) {}
  ~Task() override {
    if (!finished_) end("stopped");
  }
  void advance(std::uint64_t bytes) override {
    state_->done += bytes;
    board_.advanced(*state_);
  }
  void set_total(std::uint64_t bytes) override {
    const std::lock_guard lock(board_.mutex);
    state_->total = bytes;
  }
  void set_phase(std::string_view phase) override {
    const std::lock_guard lock(board_.mutex);
    state_->phase = phase;
    state_->phase_started = Clock::now();
    state_->done_before_phase = state_->done.load();
    board_.phase_changed(*state_);
  }
  void finish(std::string_view outcome) override { end(outcome); }

 private:
  void end(std::string_view outcome) {
    if (std::exchange(finished_, true)) return;
    const std::lock_guard lock(board_.mutex);
    board_.finished(*state_, outcome);
    board_.tasks.erase(state_);
  }
  Board& board_;
  std::list<TaskState>::iterator state_;
  bool finished_ = false;
};

std::unique_ptr<base::ProgressTask> Board::start(std::string_view verb, std::string_view subject,
                                                 std::optional<std::uint64_t> total) {
  const std::lock_guard lock(mutex);
  TaskState& state = tasks.emplace_back();
  state.verb = verb;
  state.subject = subject;
  state.total = total.value_or(0);
  started(state);
  return std::make_unique<Task>(*this, std::prev(tasks.end()));
}

std::string finished_line(const TaskState& task, std::string_view outcome) {
  std::string line = fmt::format("{:>8}  {}", outcome, task.subject);
  const std::string bytes = amount(task);
  line +=
      fmt::format("  ({}{:.1f} s)", bytes.empty() ? "" : base::human_bytes(task.done.load()) + ", ",
                  seconds_since(task.started));
  return line;
}

// One line per event; long tasks report now and then.
class PlainProgress final : public Board {
 public:
  using Board::Board;
  void started(TaskState&) override {}
  void advanced(TaskState& task) override {
    constexpr double kInterval = 10;
    if (seconds_since(task.last_line) < kInterval) return;
    const std::lock_guard lock(mutex);
    if (seconds_since(task.last_line) < kInterval) return;
    task.last_line = Clock::now();
    emit(fmt::format("{:>8}  {}  {} ({})\n", task.verb, task.subject, amount(task),
                     rate_and_rest(task)));
  }
  void finished(TaskState& task, std::string_view outcome) override {
    emit(finished_line(task, outcome) + "\n");
  }
  void note(std::string_view text) override {
    const std::lock_guard lock(mutex);
    emit(fmt::format("    note  {}\n", text));
  }
  void warn(std::string_view text) override {
    const std::lock_guard lock(mutex);
    emit(fmt::format(" warning  {}\n", text));
  }
};

// A line per running task, redrawn in place; finished ones scroll up.
class TerminalProgress final : public Board {
 public:
  TerminalProgress(std::FILE* stream, bool colour)
      : Board(stream), colour_(colour), drawer_([this](std::stop_token stop) { loop(stop); }) {}
  ~TerminalProgress() override {
    drawer_.request_stop();
    drawer_.join();
    clear();
  }
  void started(TaskState&) override {}
  void finished(TaskState& task, std::string_view outcome) override {
    // Thousands of small transfers would push what matters off the screen.
    if (task.verb == "fetch" && task.total < 1'000'000) return;
    above(paint("32", fmt::format("{:>8}", outcome)) +
          finished_line(task, outcome).substr(std::max<std::size_t>(8, outcome.size())));
  }
  void note(std::string_view text) override {
    const std::lock_guard lock(mutex);
    above(fmt::format("    note  {}", text));
  }
  void warn(std::string_view text) override {
    const std::lock_guard lock(mutex);
    above(paint("33", " warning") + fmt::format("  {}", text));
  }

 private:
  std::string paint(const char* code, const std::string& text) const {
    return colour_ ? fmt::format("\033[{}m{}\033[0m", code, text) : text;
  }

  void loop(std::stop_token stop) {
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      draw();
      wake_.wait_for(lock, stop, std::chrono::milliseconds(100), [] { return false; });
    }
  }

  void clear() {
    if (drawn_ == 0) return;
    emit(fmt::format("\033[{}A\033[J", drawn_));
    drawn_ = 0;
  }

  void above(const std::string& line) {
    clear();
    emit(line + "\n");
    draw();
  }

  void draw() {
    winsize size{};
    const std::size_t width =
        ::ioctl(::fileno(stream_), TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
    const std::size_t rows = size.ws_row > 6 ? size.ws_row - 4U : 8U;
    std::string text;
    std::size_t lines = 0;
    for (const TaskState& task : tasks) {
      if (lines >= rows) break;
      std::string line = fmt::format("{:>8}  {}", task.verb, task.subject);
      if (!task.phase.empty()) line += ": " + task.phase;
      if (const std::string bytes = amount(task); !bytes.empty()) line += "  " + bytes;
      if (const std::string rate = rate_and_rest(task); !rate.empty()) line += " (" + rate + ")";
      if (task.total != 0) line = bar(task) + line;
      text += line.substr(0, width - 1) + "\n";
      ++lines;
    }
    if (lines == 0 && drawn_ == 0) return;
    clear();
    emit(text);
    drawn_ = lines;
  }

  static std::string bar(const TaskState& task) {
    constexpr std::size_t kWidth = 12;
    const double part =
        std::min(1.0, static_cast<double>(task.done.load()) / static_cast<double>(task.total));
    const auto full = static_cast<std::size_t>(part * kWidth);
    return "[" + std::string(full, '#') + std::string(kWidth - full, '.') + "]";
  }

  bool colour_;
  std::size_t drawn_ = 0;
  std::condition_variable_any wake_;
  std::jthread drawer_;
};

// One JSON object per line (docs/reference/progress.md): event, verb, subject, bytes, total,
// seconds, outcome.
class JsonProgress final : public Board {
 public:
  using Board::Board;
  void started(TaskState& task) override { event("start", task, ""); }
  void advanced(TaskState& task) override {
    constexpr double kInterval = 0.5;
    const std::lock_guard lock(mutex);
    if (seconds_since(task.last_line) < kInterval) return;
    task.last_line = Clock::now();
    event("progress", task, "");
  }
  void phase_changed(TaskState& task) override { event("phase", task, ""); }
  void finished(TaskState& task, std::string_view outcome) override {
    event("finish", task, outcome);
  }
  void note(std::string_view text) override { message("note", text); }
  void warn(std::string_view text) override { message("warning", text); }

 private:
  void event(const char* name, const TaskState& task, std::string_view outcome) {
    base::Json object = {{"event", name},
                         {"verb", task.verb},
                         {"subject", task.subject},
                         {"bytes", task.done.load()},
                         {"seconds", seconds_since(task.started)}};
    if (task.total != 0) object["total"] = task.total;
    if (!task.phase.empty()) object["phase"] = task.phase;
    if (!outcome.empty()) object["outcome"] = std::string(outcome);
    emit(base::canonical_json(object) + "\n");
  }
  void message(const char* name, std::string_view text) {
    const std::lock_guard lock(mutex);
    emit(base::canonical_json({{"event", name}, {"text", std::string(text)}}) + "\n");
  }
};

class NoProgress final : public base::Progress {
 public:
  std::unique_ptr<base::ProgressTask> start(std::string_view verb, std::string_view subject,
                                            std::optional<std::uint64_t> total) override {
    return base::silent_progress().start(verb, subject, total);
  }
  void note(std::string_view) override {}
  void warn(std::string_view text) override {
    std::fprintf(stderr, "warning: %.*s\n", static_cast<int>(text.size()), text.data());
  }
};

}  // namespace

Result<std::unique_ptr<base::Progress>> make_progress(const std::string& mode, std::FILE* stream,
                                                      bool colour) {
  const bool terminal = mode == "terminal" || (mode == "auto" && ::isatty(::fileno(stream)) == 1);
  if (terminal) return std::make_unique<TerminalProgress>(stream, colour);
  if (mode == "auto" || mode == "plain") return std::make_unique<PlainProgress>(stream);
  if (mode == "json") return std::make_unique<JsonProgress>(stream);
  if (mode == "none") return std::make_unique<NoProgress>();
  return fail(Error(Errc::usage, "there is no progress mode '" + mode + "'")
                  .hint("--progress auto|terminal|plain|json|none"));
}

}  // namespace imgforge::cli

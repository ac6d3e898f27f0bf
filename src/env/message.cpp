#include "env/message.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/text.h"

namespace imgforge::env {
namespace {

constexpr std::string_view kOpen = "[env:";
constexpr std::string_view kScissors = "------------------------ >8 ------------------------";

std::string_view trim_right(std::string_view line) {
  const std::size_t last = line.find_last_not_of(" \t\r");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

bool is_empty(std::string_view line) { return trim_right(line).empty(); }

/// Where a mark stands in a line, and what is in it.
struct Mark {
  std::size_t line = 0, begin = 0, end = 0;  // [begin, end) of the line, brackets included
  std::string_view inside;
  bool is_placeholder() const { return base::trim(inside) == "auto"; }
};

std::optional<Mark> mark_in(std::string_view line, bool is_subject) {
  const std::string_view text = trim_right(line);
  if (!text.ends_with(']')) return std::nullopt;
  const std::size_t begin = text.rfind(kOpen);
  if (begin == std::string_view::npos) return std::nullopt;
  const bool alone = begin == 0;
  const bool at_the_end =
      is_subject && begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t');
  if (!alone && !at_the_end) return std::nullopt;
  Mark mark{
      .line = 0, .begin = begin, .end = text.size(), .inside = text.substr(begin + kOpen.size())};
  mark.inside.remove_suffix(1);
  if (mark.inside.find(']') != std::string_view::npos) return std::nullopt;  // "[env: a] and [b]"
  return mark;
}

/// Lines that git takes out: they begin with `comment`, which may be empty for none.
bool is_comment(std::string_view line, std::string_view comment) {
  return !comment.empty() && line.starts_with(comment);
}

/// Of the first `end` lines.
std::vector<Mark> marks_of(const std::vector<std::string_view>& lines, std::size_t end,
                           std::string_view comment) {
  std::vector<Mark> marks;
  bool is_subject = true;
  for (std::size_t i = 0; i < end; ++i) {
    if (is_empty(lines[i]) || is_comment(lines[i], comment)) continue;
    if (auto mark = mark_in(lines[i], is_subject)) {
      mark->line = i;
      marks.push_back(*mark);
    }
    is_subject = false;
  }
  return marks;
}

/// "Signed-off-by: …", as git-interpret-trailers(1) has it.
bool is_trailer(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == 0 || colon == std::string_view::npos) return false;
  return std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
  });
}

/// The line where the last paragraph of [0, end) begins if it consists of trailers and is not the
/// subject; `end` otherwise.
std::size_t trailers_begin(const std::vector<std::string>& lines, std::size_t end) {
  std::size_t begin = end;
  while (begin > 0 && !is_empty(lines[begin - 1])) --begin;
  if (begin == end || begin == 0) return end;
  for (std::size_t i = begin; i < end; ++i) {
    const bool continued = i > begin && (lines[i][0] == ' ' || lines[i][0] == '\t');
    if (!continued && !is_trailer(lines[i])) return end;
  }
  return begin;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

}  // namespace

Result<std::optional<Annotation>> read_annotation(std::string_view message) {
  std::optional<Annotation> found;
  const auto lines = base::lines(message);
  for (const Mark& mark : marks_of(lines, lines.size(), "")) {
    if (mark.is_placeholder()) {
      return fail(Error(Errc::invalid, "[env: auto] was not filled in: no hook did its work")
                      .hint("imgforge env hook install, then commit again"));
    }
    Annotation one = TRY(Annotation::parse(mark.inside));
    if (found && *found != one) {
      return fail(Error(Errc::invalid, fmt::format("the message names two environments: {} and {}",
                                                   found->to_string(), one.to_string()))
                      .hint("keep one of them"));
    }
    found = std::move(one);
  }
  return found;
}

bool has_mark(std::string_view message) {
  const auto lines = base::lines(message);
  const auto marks = marks_of(lines, lines.size(), "");
  return std::any_of(marks.begin(), marks.end(),
                     [](const Mark& mark) { return !mark.is_placeholder(); });
}

std::string with_annotation(std::string_view message, const Annotation& annotation,
                            std::string_view comment) {
  const auto views = base::lines(message);
  // What stands below the scissors of `git commit --verbose` is no message.
  std::size_t limit = views.size();
  for (std::size_t i = 0; i < limit; ++i) {
    if (is_comment(views[i], comment) && views[i].find(kScissors) != std::string_view::npos) {
      limit = i;
    }
  }
  const auto marks = marks_of(views, limit, comment);
  std::vector<std::string> lines(views.begin(), views.end());
  for (std::size_t i = marks.size(); i-- > 0;) {
    const Mark& mark = marks[i];
    std::string& line = lines[mark.line];
    if (i == 0) {
      line = line.substr(0, mark.begin) + annotation.mark();
    } else if (mark.begin == 0) {
      const auto at = lines.begin() + static_cast<std::ptrdiff_t>(mark.line);
      lines.erase(at);
    } else {
      line = std::string(trim_right(line.substr(0, mark.begin)));
    }
  }
  if (!marks.empty()) return joined(lines);

  std::size_t end = limit;  // behind the last line of the message itself
  while (end > 0 && (is_empty(lines[end - 1]) || is_comment(lines[end - 1], comment))) --end;
  std::vector<std::string> out;
  const std::size_t at = trailers_begin(lines, end);
  const auto copy = [&](std::size_t from, std::size_t to) {
    out.insert(out.end(), lines.begin() + static_cast<std::ptrdiff_t>(from),
               lines.begin() + static_cast<std::ptrdiff_t>(to));
  };
  std::size_t written = at;
  while (written > 0 && is_empty(lines[written - 1])) --written;
  copy(0, written);
  if (written == 0) out.emplace_back();
  out.emplace_back();
  out.push_back(annotation.mark());
  if (at < end) {
    out.emplace_back();
    copy(at, end);
  }
  std::size_t rest = end;  // comments, with one empty line above them
  while (rest < lines.size() && is_empty(lines[rest])) ++rest;
  if (rest < lines.size()) {
    out.emplace_back();
    copy(rest, lines.size());
  }
  return joined(out);
}

bool is_blank(std::string_view message) {
  const auto lines = base::lines(message);
  const auto marks = marks_of(lines, lines.size(), "");
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto mark =
        std::find_if(marks.begin(), marks.end(), [&](const Mark& one) { return one.line == i; });
    const std::string_view rest = mark == marks.end() ? lines[i] : lines[i].substr(0, mark->begin);
    if (!is_empty(rest) && !rest.starts_with("Signed-off-by: ")) return false;
  }
  return true;
}

}  // namespace imgforge::env

#include "cli/output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::cli {

int exit_code(Errc code) {
  switch (code) {
    case Errc::usage:
    case Errc::invalid:
      return 2;
    case Errc::not_found:
      return 3;
    case Errc::unauthorized:
    case Errc::forbidden:
      return 4;
    case Errc::mismatch:
      return 5;
    case Errc::rate_limited:
    case Errc::unavailable:
    case Errc::timed_out:
      return 6;
    case Errc::refused:
      return 7;
    case Errc::internal:
      return 70;
    case Errc::cancelled:
      return 130;
    case Errc::unsupported:
    case Errc::io:
    case Errc::protocol:
      return 1;
  }
  return 70;
}

std::string render_error(const Error& error, bool colour) {
  const char* red = colour ? "\033[1;31m" : "";
  const char* blue = colour ? "\033[1;34m" : "";
  const char* plain = colour ? "\033[0m" : "";
  std::string out = fmt::format("{}error:{} {}\n", red, plain, error.summary());
  const Location& where = error.where();
  if (!where.file.empty()) {
    out += fmt::format("  {}-->{} {}", blue, plain, where.file);
    if (where.line > 0) out += fmt::format(":{}", where.line);
    if (where.line > 0 && where.column > 0) out += fmt::format(":{}", where.column);
    out += '\n';
    if (!where.text.empty()) {
      const std::string number = std::to_string(where.line);
      out += fmt::format("  {}{} |{} {}\n", blue, number, plain, where.text);
      if (where.column > 0) {
        // Tabs stay tabs, so that the caret stands under its column whatever their width.
        std::string indent = where.text.substr(0, static_cast<std::size_t>(where.column - 1));
        for (char& c : indent) c = c == '\t' ? '\t' : ' ';
        out += fmt::format("  {}{} |{} {}{}^{}\n", blue, std::string(number.size(), ' '), plain,
                           indent, red, plain);
      }
    }
  }
  if (!error.hint().empty()) out += fmt::format("  {}hint:{} {}\n", blue, plain, error.hint());
  return out;
}

int exit_code(const Error& error) {
  for (const auto& [key, value] : error.facts()) {
    const auto number = key == "exit_code" ? base::parse_uint(value) : std::nullopt;
    if (number && *number < 126) return static_cast<int>(*number);
  }
  return exit_code(error.code());
}

std::string error_json(const Error& error) {
  base::Json document = {{"code", std::string(base::to_string(error.code()))},
                         {"message", error.summary()},
                         {"exit_code", exit_code(error)}};
  if (!error.hint().empty()) document["hint"] = error.hint();
  if (!error.where().file.empty()) {
    document["file"] = error.where().file;
    document["line"] = error.where().line;
    document["column"] = error.where().column;
  }
  for (const auto& [key, value] : error.facts()) document["facts"][key] = value;
  return base::pretty_json({{"error", document}});
}

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

Table::Table(std::vector<std::pair<std::string, Align>> columns) : columns_(std::move(columns)) {}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t width = display_width(columns_[c].first);
    for (const auto& row : rows_) width = std::max(width, display_width(row[c]));
    widths.push_back(width);
  }
  std::string out;
  const auto line = [&](const auto& cell) {
    std::string text;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::string& word = cell(c);
      const std::string gap(widths[c] - display_width(word), ' ');
      text += columns_[c].second == Align::right ? gap + word : word + gap;
      if (c + 1 < columns_.size()) text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line([&](std::size_t c) -> const std::string& { return columns_[c].first; });
  for (const auto& row : rows_) {
    line([&](std::size_t c) -> const std::string& { return row[c]; });
  }
  return out;
}

Result<> print(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE) return {};
      return fail(base::io_error("cannot write the result"));
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

bool colour_wanted(std::FILE* stream, bool no_color_variable) {
  return !no_color_variable && ::isatty(::fileno(stream)) == 1;
}

}  // namespace imgforge::cli

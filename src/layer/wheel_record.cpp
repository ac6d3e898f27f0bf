#include "layer/wheel_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"

namespace imgforge::layer {

namespace {

/// Fields of the next CSV record (RFC 4180, any line end); removes it from `text`.
Result<std::vector<std::string>> next_fields(std::string_view& text) {
  std::vector<std::string> fields(1);
  std::size_t at = 0;
  bool quoted = false;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (text.substr(at + 1).starts_with('"')) {
        fields.back() += '"';
        ++at;
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else if (c == '\n' || c == '\r') {
      break;
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return fail(Errc::invalid, "a quoted field does not end");
  text.remove_prefix(at);
  if (text.starts_with("\r\n")) text.remove_prefix(1);
  if (!text.empty()) text.remove_prefix(1);
  return fields;
}

Result<RecordRow> row_of(std::vector<std::string> fields) {
  if (fields.size() != 3) {
    return fail(Errc::invalid, fmt::format("a row has {} fields instead of 3", fields.size()));
  }
  RecordRow row{.path = std::move(fields[0])};
  if (row.path.empty()) return fail(Errc::invalid, "a row has no path");
  if (!fields[1].empty()) {
    const auto equals = fields[1].find('=');
    if (equals == std::string::npos) {
      return fail(Errc::invalid, fmt::format("\"{}\" is not ALGORITHM=HASH", fields[1]));
    }
    row.algorithm = fields[1].substr(0, equals);
    row.hash = fields[1].substr(equals + 1);
    while (row.hash.ends_with('=')) row.hash.pop_back();
  }
  if (!fields[2].empty()) {
    row.size = base::parse_uint(fields[2]);
    if (!row.size) return fail(Errc::invalid, fmt::format("\"{}\" is not a size", fields[2]));
  }
  return row;
}

std::string quoted_field(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) return field;
  return "\"" + base::replace_all(field, "\"", "\"\"") + "\"";
}

}  // namespace

Result<std::vector<RecordRow>> parse_record(std::string_view text, const std::string& name) {
  std::vector<RecordRow> rows;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  const std::size_t length = text.size();
  const std::string_view whole = text;
  const auto place = [&](std::string_view rest) {
    const auto before = whole.substr(0, length - rest.size());
    return Location{.file = name,
                    .line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'))};
  };
  while (!text.empty()) {
    const std::string_view here = text;
    auto fields = next_fields(text);
    if (!fields) return fail(std::move(fields.error()).at(place(here)));
    if (fields->size() == 1 && fields->front().empty()) continue;
    auto row = row_of(std::move(*fields));
    if (!row) return fail(std::move(row.error()).at(place(here)));
    rows.push_back(std::move(*row));
  }
  std::vector<std::string_view> paths;
  paths.reserve(rows.size());
  for (const RecordRow& row : rows) paths.push_back(row.path);
  std::sort(paths.begin(), paths.end());
  const auto twice = std::adjacent_find(paths.begin(), paths.end());
  if (twice != paths.end()) {
    return fail(Error(Errc::invalid, fmt::format("{} lists \"{}\" twice", name, *twice))
                    .at({.file = name}));
  }
  return rows;
}

std::string format_record_row(const RecordRow& row) {
  std::string line = quoted_field(row.path);
  line += ',';
  if (!row.algorithm.empty()) line += row.algorithm + "=" + row.hash;
  line += ',';
  if (row.size) line += fmt::format("{}", *row.size);
  line += '\n';
  return line;
}

RecordRow record_row(std::string path, const base::Sha256Value& sha256, std::uint64_t size) {
  return {.path = std::move(path),
          .algorithm = "sha256",
          .hash = base::to_base64url(sha256),
          .size = size};
}

std::optional<base::Sha256Value> sha256_of(const RecordRow& row) {
  const auto bytes = base::from_base64(row.hash);
  base::Sha256Value value;
  if (!bytes || bytes->size() != value.size()) return std::nullopt;
  std::memcpy(value.data(), bytes->data(), value.size());
  return value;
}

}  // namespace imgforge::layer

#include "layer/wheel_metadata.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace imgforge::layer {

namespace {

/// The first value of a header of an RFC 822 like document; continuation lines are not needed here.
std::optional<std::string> header(std::string_view text, std::string_view key) {
  const std::string wanted = base::to_lower(key);
  for (const auto line : base::lines(text)) {
    if (line.empty()) break;  // the body begins
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || line.front() == ' ' || line.front() == '\t') continue;
    if (base::to_lower(base::trim(line.substr(0, colon))) != wanted) continue;
    return std::string(base::trim(line.substr(colon + 1)));
  }
  return std::nullopt;
}

std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  return text;
}

bool is_dotted_name(std::string_view text) {
  const auto parts = base::split(text, '.');
  return std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
    const auto letter = [](char c) {
      // Bytes above ASCII belong to letters of UTF-8 identifiers.
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80) != 0;
    };
    return !part.empty() && letter(part.front()) &&
           std::all_of(part.begin(), part.end(),
                       [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
  });
}

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." &&
         std::none_of(name.begin(), name.end(), [](char c) {
           return c == '/' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
         });
}

Result<EntryPoint> entry_point(std::string_view name, std::string_view value) {
  if (!is_file_name(name)) {
    return fail(Errc::invalid, fmt::format("\"{}\" cannot be the name of a program", name));
  }
  if (is_interpreter_name(name)) {
    return fail(Errc::invalid,
                fmt::format("the entry point \"{}\" would replace the Python interpreter", name));
  }
  const std::string_view object = base::trim(value.substr(0, value.find('[')));
  const auto colon = object.find(':');
  const std::string_view module = base::trim(object.substr(0, colon));
  const std::string_view attribute =
      colon == std::string_view::npos ? std::string_view() : base::trim(object.substr(colon + 1));
  if (!is_dotted_name(module) || !is_dotted_name(attribute)) {
    return fail(
        Errc::invalid,
        fmt::format("the entry point \"{}\" is \"{}\", and not MODULE:FUNCTION", name, value));
  }
  return EntryPoint{std::string(name), std::string(module), std::string(attribute)};
}

}  // namespace

Result<WheelInfo> parse_wheel_info(std::string_view text, const std::string& name) {
  text = without_mark(text);
  const auto version = header(text, "Wheel-Version");
  if (!version) {
    return fail(
        Error(Errc::invalid, fmt::format("{} has no Wheel-Version", name)).at({.file = name}));
  }
  const auto parts = base::split(*version, '.');
  const auto major = base::parse_uint(parts[0]);
  const auto minor =
      parts.size() > 1 ? base::parse_uint(parts[1]) : std::optional<std::uint64_t>(0);
  if (!major || !minor || *major > 1000 || *minor > 1000) {
    return fail(
        Error(Errc::invalid, fmt::format("{}: \"{}\" is not a Wheel-Version", name, *version))
            .at({.file = name}));
  }
  if (*major != 1) {
    return fail(
        Error(Errc::unsupported,
              fmt::format("{}: Wheel-Version {} cannot be installed, only 1.x", name, *version))
            .at({.file = name})
            .hint("pin an older release of this project"));
  }
  const auto purelib = header(text, "Root-Is-Purelib");
  return WheelInfo{.major = static_cast<unsigned>(*major),
                   .minor = static_cast<unsigned>(*minor),
                   .root_is_purelib = purelib && base::to_lower(*purelib) == "true"};
}

Result<WheelMetadata> parse_wheel_metadata(std::string_view text, const std::string& name) {
  text = without_mark(text);
  WheelMetadata metadata{.name = header(text, "Name").value_or(""),
                         .version = header(text, "Version").value_or(""),
                         .requires_python = header(text, "Requires-Python").value_or("")};
  for (const auto& [key, value] :
       {std::pair("Name", &metadata.name), std::pair("Version", &metadata.version)}) {
    if (value->empty()) {
      return fail(Error(Errc::invalid, fmt::format("{} has no {}", name, key)).at({.file = name}));
    }
  }
  return metadata;
}

Result<std::vector<EntryPoint>> parse_entry_points(std::string_view text, const std::string& name) {
  std::vector<EntryPoint> points[2];
  std::string section;
  int number = 0;
  for (const auto raw : base::lines(without_mark(text))) {
    ++number;
    const std::string_view line = base::trim(raw);
    const auto here = [&] {
      return Location{.file = name, .line = number, .column = 1, .text = std::string(raw)};
    };
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      section = base::trim(line.substr(1, line.size() - 2));
      continue;
    }
    const bool gui = section == "gui_scripts";
    if (!gui && section != "console_scripts") continue;
    const auto equals = line.find('=');
    if (equals == std::string_view::npos) {
      return fail(Error(Errc::invalid, fmt::format("{}: \"{}\" is not NAME = VALUE", name, line))
                      .at(here()));
    }
    auto point =
        entry_point(base::trim(line.substr(0, equals)), base::trim(line.substr(equals + 1)));
    if (!point) return fail(std::move(point.error()).at(here()).context(name));
    for (const auto& list : points) {
      for (const EntryPoint& other : list) {
        if (other.name == point->name && !(other == *point)) {
          return fail(Error(Errc::invalid, fmt::format("{} has two different entry points named "
                                                       "\"{}\"",
                                                       name, point->name))
                          .at(here()));
        }
      }
    }
    auto& list = points[gui ? 1 : 0];
    if (std::find(points[0].begin(), points[0].end(), *point) == points[0].end() &&
        std::find(list.begin(), list.end(), *point) == list.end()) {
      list.push_back(std::move(*point));
    }
  }
  auto all = std::move(points[0]);
  all.insert(all.end(), points[1].begin(), points[1].end());
  return all;
}

bool is_interpreter_name(std::string_view name) {
  if (name == "pyvenv.cfg") return true;
  if (!name.starts_with("python")) return false;
  name.remove_prefix(6);
  if (name.starts_with('w')) name.remove_prefix(1);
  if (name.ends_with(".exe")) name.remove_suffix(4);
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

}  // namespace imgforge::layer

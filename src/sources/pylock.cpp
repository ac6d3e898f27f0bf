#include "sources/pylock.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <sstream>

#include "base/text.h"
#include "http/url.h"
#include "sources/markers.h"
#include "sources/pep440.h"
#include "sources/wheel_tags.h"

namespace imgforge::sources {
namespace {

using Environment = std::map<std::string, std::string>;

std::string text_of(const toml::table& table, std::string_view key) {
  return table[key].value_or(std::string());
}

Location place(const std::string& document, const toml::source_region& region) {
  return {.file = document,
          .line = static_cast<int>(region.begin.line),
          .column = static_cast<int>(region.begin.column)};
}

Result<PylockWheel> read_wheel(const toml::table& table, const std::string& document,
                               const std::string& project) {
  PylockWheel wheel;
  wheel.url = text_of(table, "url");
  wheel.file_name = text_of(table, "name");
  if (wheel.file_name.empty() && !wheel.url.empty()) wheel.file_name = http::file_name(wheel.url);
  if (wheel.file_name.empty()) wheel.file_name = http::percent_decode(text_of(table, "path"));
  wheel.file_name = wheel.file_name.substr(wheel.file_name.rfind('/') + 1);
  if (const auto size = table["size"].value<std::int64_t>(); size && *size >= 0) {
    wheel.size = static_cast<std::uint64_t>(*size);
  }
  if (const toml::table* hashes = table["hashes"].as_table()) {
    wheel.sha256 = base::to_lower(text_of(*hashes, "sha256"));
  }
  const auto bytes = base::from_hex(wheel.sha256);
  if (!bytes || bytes->size() != 32) {
    return fail(Error(Errc::unsupported,
                      fmt::format("{} gives no sha256 for a wheel of {}", document, project))
                    .at(place(document, table.source())));
  }
  return wheel;
}

Result<std::optional<PylockPackage>> read_package(const toml::table& table,
                                                  const std::string& document,
                                                  const Environment& environment,
                                                  const PythonVersion& python) {
  PylockPackage package;
  const std::string name = text_of(table, "name");
  const auto wrong = [&](Errc code, const std::string& why) {
    return fail(Error(code, fmt::format("{}: {} {}", document,
                                        name.empty() ? std::string("a package") : name, why))
                    .at(place(document, table.source())));
  };
  if (name.empty()) return wrong(Errc::invalid, "has no name");
  package.project = normalized_project(name);
  if (const std::string marker = text_of(table, "marker"); !marker.empty()) {
    auto holds = evaluate_marker(marker, environment);
    if (!holds) return wrong(holds.error().code(), "cannot be decided: " + holds.error().message());
    if (!*holds) return std::nullopt;
  }
  package.version = text_of(table, "version");
  package.index = text_of(table, "index");
  package.has_sdist = table.contains("sdist");
  for (const char* other : {"vcs", "directory", "archive"}) {
    if (table.contains(other)) {
      return wrong(Errc::unsupported,
                   fmt::format("comes from a {}: only wheels of an index can be locked", other));
    }
  }
  const std::string requires_python = text_of(table, "requires-python");
  if (!requires_python.empty() && !satisfies(python, requires_python)) {
    return wrong(Errc::unsupported, "needs Python " + requires_python);
  }
  if (package.version.empty()) return wrong(Errc::invalid, "has no version");
  if (const toml::array* wheels = table["wheels"].as_array()) {
    for (const toml::node& node : *wheels) {
      const toml::table* wheel = node.as_table();
      if (wheel == nullptr) return wrong(Errc::invalid, "has a wheel that is not a table");
      package.wheels.push_back(TRY(read_wheel(*wheel, document, name)));
    }
  }
  return package;
}

}  // namespace

Result<std::vector<PylockPackage>> parse_pylock(std::string_view text, const std::string& document,
                                                const PythonTarget& target) {
  toml::table root;
  try {
    root = toml::parse(text, document);
  } catch (const toml::parse_error& error) {
    return fail(
        Error(Errc::invalid, fmt::format("{} is not valid TOML: {}", document, error.description()))
            .at(place(document, error.source())));
  }
  const std::string version = text_of(root, "lock-version");
  if (version != "1.0" && !version.starts_with("1.")) {
    return fail(Errc::unsupported,
                version.empty()
                    ? document + " is not a pylock.toml: it has no lock-version"
                    : fmt::format("{} has lock-version {}; 1.0 is understood", document, version));
  }
  const Environment environment = marker_environment(target);
  const auto python = PythonVersion::parse(environment.at("python_full_version"));
  const std::string requires_python = text_of(root, "requires-python");
  if (!requires_python.empty() && !satisfies(*python, requires_python)) {
    return fail(Errc::unsupported, fmt::format("{} is for Python {}; the image has {}", document,
                                               requires_python, target.version));
  }
  if (const toml::array* environments = root["environments"].as_array()) {
    bool fits = environments->empty();
    for (const toml::node& node : *environments) {
      fits = fits || TRY(evaluate_marker(node.value_or(std::string()), environment));
    }
    if (!fits) {
      return fail(Errc::unsupported, document + " was made for other environments than this image");
    }
  }
  std::vector<PylockPackage> packages;
  if (const toml::array* list = root["packages"].as_array()) {
    for (const toml::node& node : *list) {
      const toml::table* table = node.as_table();
      if (table == nullptr)
        return fail(Errc::invalid, document + " has a package that is no table");
      if (auto package = TRY(read_package(*table, document, environment, *python))) {
        packages.push_back(std::move(*package));
      }
    }
  }
  return packages;
}

std::string pylock_of_preferences(const std::vector<std::string>& pins) {
  toml::array packages;
  for (const std::string& pin : pins) {
    const std::size_t sign = pin.find("==");
    if (sign == std::string::npos) continue;
    packages.push_back(
        toml::table{{"name", normalized_project(base::trim(std::string_view(pin).substr(0, sign)))},
                    {"version", std::string(base::trim(std::string_view(pin).substr(sign + 2)))}});
  }
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out << toml::table{
      {"lock-version", "1.0"}, {"created-by", "imgforge"}, {"packages", std::move(packages)}};
  return out.str() + "\n";
}

}  // namespace imgforge::sources

#include "sources/python_request.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "sources/markers.h"
#include "sources/pep440.h"
#include "sources/wheel_tags.h"

namespace imgforge::sources {
namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";

// A TOML basic string.
std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string index_name(std::size_t position) { return fmt::format("index-{}", position); }

std::string python_minor(const PythonTarget& target) {
  return marker_environment(target).at("python_version");
}

}  // namespace

Result<std::string> requirement_project(std::string_view requirement) {
  const std::string_view text = base::trim(requirement);
  const std::size_t end = std::min(text.find_first_not_of(kNameCharacters), text.size());
  const std::string_view name = text.substr(0, end);
  const auto alphanumeric = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (name.empty() || !alphanumeric(name.front()) || !alphanumeric(name.back()) ||
      text.find('\n') != std::string_view::npos) {
    return fail(Error(Errc::invalid, fmt::format("'{}' is not a requirement", requirement))
                    .hint("write it as in PEP 508: name, optional [extras], version specifiers"));
  }
  std::string_view rest = base::trim(text.substr(end));
  if (rest.starts_with('[')) {
    const std::size_t close = rest.find(']');
    rest = close == std::string_view::npos ? rest : base::trim(rest.substr(close + 1));
  }
  if (rest.starts_with('@')) {
    return fail(
        Error(Errc::unsupported, fmt::format("the requirement of {} names an address", name))
            .hint("require it by version, and give the index under 'indexes'"));
  }
  return normalized_project(name);
}

Result<RequirementsFile> parse_requirements(std::string_view text) {
  RequirementsFile file;
  std::string joined;
  int number = 0, first = 0;
  const auto flush = [&]() -> Result<> {
    const std::string line = std::exchange(joined, {});
    std::string_view rest = base::trim(line);
    if (rest.empty()) return {};
    const auto wrong = [&](std::string why) {
      return fail(Error(Errc::invalid, std::move(why))
                      .at({.file = "requirements.txt", .line = first, .text = line})
                      .hint("only requirements with --hash are accepted; addresses belong under "
                            "'indexes'"));
    };
    if (rest.starts_with('-')) {
      return wrong(fmt::format("the option '{}' is not accepted in requirements",
                               rest.substr(0, rest.find_first_of(" ="))));
    }
    std::string requirement(base::trim(rest.substr(0, rest.find(" --"))));
    const std::string project = TRY(requirement_project(requirement));
    for (std::size_t at = rest.find(" --"); at != std::string_view::npos;) {
      const std::size_t next = rest.find(" --", at + 3);
      const std::string_view option = base::trim(rest.substr(at, next - at));
      constexpr std::string_view kHash = "--hash=";
      if (!option.starts_with(kHash)) {
        return wrong(fmt::format("the option '{}' is not accepted in requirements", option));
      }
      if (option.substr(kHash.size()).starts_with("sha256:")) {
        file.hashes[project].insert(base::to_lower(option.substr(kHash.size() + 7)));
      }
      at = next;
    }
    file.requirements.push_back(std::move(requirement));
    return {};
  };
  for (std::string_view line : base::lines(text)) {
    ++number;
    // A comment begins the line or follows a blank.
    if (line.starts_with('#')) line = {};
    if (const std::size_t comment = line.find(" #"); comment != std::string_view::npos) {
      line = line.substr(0, comment);
    }
    if (joined.empty()) first = number;
    const bool continues = line.ends_with('\\');
    joined += continues ? line.substr(0, line.size() - 1) : line;
    if (continues) {
      joined += ' ';
    } else {
      TRY(flush());
    }
  }
  TRY(flush());
  return file;
}

bool may_serve(const IndexRule& rule, std::string_view project) {
  if (rule.only.empty()) return true;
  const std::string name(project);
  for (const std::string& pattern : rule.only) {
    // '_' and '.' in a pattern mean what they mean in a name.
    if (::fnmatch(normalized_project(pattern).c_str(), name.c_str(), 0) == 0) return true;
  }
  return false;
}

std::string uv_project(const std::vector<std::string>& requirements,
                       const std::vector<LocatedIndex>& indexes,
                       const std::map<std::string, std::size_t>& pinned,
                       const PythonTarget& target) {
  std::string out = "[project]\nname = \"imgforge-request\"\nversion = \"0\"\n";
  out += fmt::format("requires-python = \">={}\"\n", python_minor(target));
  out += "dependencies = [\n";
  for (const std::string& requirement : requirements)
    out += "  " + toml_string(requirement) + ",\n";
  out += "]\n";
  std::vector<std::size_t> order;
  for (std::size_t i = 1; i < indexes.size(); ++i) {
    if (indexes[i].rule.only.empty()) order.push_back(i);
  }
  order.push_back(0);
  for (std::size_t i = 1; i < indexes.size(); ++i) {
    if (!indexes[i].rule.only.empty()) order.push_back(i);
  }
  for (const std::size_t i : order) {
    out += fmt::format("\n[[tool.uv.index]]\nname = {}\nurl = {}\n", toml_string(index_name(i)),
                       toml_string(indexes[i].url));
    // The one that uv calls default replaces its built-in index, and is asked last.
    if (i == order.back()) out += "default = true\n";
  }
  if (!pinned.empty()) out += "\n[tool.uv.sources]\n";
  for (const auto& [project, position] : pinned) {
    out += fmt::format("{} = {{ index = {} }}\n", toml_string(project),
                       toml_string(index_name(position)));
  }
  return out;
}

Result<std::string> uv_platform(std::string_view help, const PythonTarget& target) {
  const auto glibc = PythonVersion::parse(target.glibc);
  if (!glibc) {
    return fail(Errc::invalid, fmt::format("'{}' is not a version of glibc", target.glibc));
  }
  const std::uint64_t minor = glibc->release(2)[1];
  const std::string prefix = machine_of(target.architecture) + "-manylinux_2_";
  std::optional<std::uint64_t> best;
  for (std::size_t at = help.find(prefix); at != std::string_view::npos;
       at = help.find(prefix, at + 1)) {
    const std::string_view rest = help.substr(at + prefix.size());
    const auto known = base::parse_uint(
        rest.substr(0, std::min(rest.find_first_not_of("0123456789"), rest.size())));
    if (known && *known <= minor && (!best || *known > *best)) best = known;
  }
  if (best) return prefix + std::to_string(*best);
  return fail(Error(Errc::unsupported, fmt::format("this uv knows no platform for {} with glibc {}",
                                                   target.architecture, target.glibc))
                  .hint("install a newer uv"));
}

Error uv_error(std::string_view output) {
  struct Row {
    std::string_view words;
    Errc code;
    std::string_view hint;
  };
  constexpr std::array<Row, 17> kRows{{
      {"unexpected argument", Errc::unsupported, "this uv is too old: install a newer one"},
      {"invalid value", Errc::unsupported, "this uv is too old: install a newer one"},
      {"invalid peer certificate", Errc::mismatch,
       "set SSL_CERT_FILE to a file with the certificate authority of this index or proxy"},
      {"401 Unauthorized", Errc::unauthorized, "the index asks for credentials"},
      {"403 Forbidden", Errc::forbidden, "the index does not allow access"},
      {"Failed to fetch", Errc::unavailable, "check the network, the proxy settings and the index"},
      {"error sending request", Errc::unavailable,
       "check the network, the proxy settings and the index"},
      {"was not found in the package registry", Errc::not_found,
       "check the name, and that an index that has it is under 'indexes'"},
      {"does not satisfy Python", Errc::invalid,
       "the image's Python is too old or too new for it: take another Python or another version"},
      {"no wheels with a matching Python", Errc::not_found,
       "there is no wheel for the image's Python: take another Python or another version"},
      {"has no wheels", Errc::unsupported, ""},
      {"no usable wheels", Errc::unsupported, ""},
      {"matching platform", Errc::not_found,
       "there is no wheel for the image's platform: its glibc may be too old"},
      {"there is no version of", Errc::not_found, "ask for a version that the index has"},
      {"there are no versions of", Errc::not_found, "ask for a version that the index has"},
      {"No solution found", Errc::invalid, "the requirements contradict each other"},
      {"Failed to parse", Errc::invalid, ""},
  }};
  std::string message = "the Python requirements cannot be resolved";
  int kept = 0;
  constexpr int kLines = 12;
  for (const std::string_view line : base::lines(output)) {
    std::string_view text = base::trim(line);
    if (text.empty() || text.starts_with("warning:") || kept == kLines) continue;
    for (const std::string_view word : {"error: ", "cause: "}) {
      if (text.starts_with(word)) text.remove_prefix(word.size());
    }
    if (text.starts_with("× ") || text.starts_with("╰─▶ ")) text = text.substr(text.find(' ') + 1);
    if (text.starts_with("No solution found")) continue;
    message += "\n    " + base::replace_all(std::string(text), "imgforge-request", "the request");
    ++kept;
  }
  for (const Row& row : kRows) {
    if (output.find(row.words) == std::string_view::npos) continue;
    std::string hint(row.hint);
    if (hint.empty() && row.code == Errc::unsupported) {
      hint =
          "it is published as source only; imgforge installs wheels: build one, and serve it "
          "from an index of your own";
    }
    Error error(row.code, std::move(message));
    return hint.empty() ? std::move(error) : std::move(error).hint(std::move(hint));
  }
  return Error(Errc::io, std::move(message));
}

}  // namespace imgforge::sources

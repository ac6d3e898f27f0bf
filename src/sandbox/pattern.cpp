#include "sandbox/pattern.h"

#include <fnmatch.h>

#include <span>

#include "base/text.h"

namespace imgforge::sandbox {
namespace {

bool is_literal(const std::string& part) {
  return part.find_first_of("*?[\\") == std::string::npos;
}

bool match(std::span<const std::string> parts, std::string_view path, bool at_end) {
  while (!parts.empty()) {
    if (parts.front() == "**") {
      if (parts.size() == 1) return !at_end;  // "a/**" is what is below a, not a itself
      for (;;) {
        if (match(parts.subspan(1), path, at_end)) return true;
        if (at_end) return false;
        const std::size_t slash = path.find('/');
        at_end = slash == std::string_view::npos;
        path = at_end ? std::string_view() : path.substr(slash + 1);
      }
    }
    if (at_end) return false;
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    const std::string& part = parts.front();
    if (is_literal(part) ? part != name
                         : ::fnmatch(part.c_str(), std::string(name).c_str(), 0) != 0) {
      return false;
    }
    at_end = slash == std::string_view::npos;
    path = at_end ? std::string_view() : path.substr(slash + 1);
    parts = parts.subspan(1);
  }
  return at_end;
}

}  // namespace

Pattern::Pattern(std::string_view text) {
  while (text.starts_with('/')) text.remove_prefix(1);
  while (text.ends_with('/')) text.remove_suffix(1);
  for (std::string_view part : base::split(text, '/')) parts_.emplace_back(part);
}

bool Pattern::matches(std::string_view path) const { return match(parts_, path, path.empty()); }

}  // namespace imgforge::sandbox

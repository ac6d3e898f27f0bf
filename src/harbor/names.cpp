#include "harbor/names.h"

namespace imgforge::harbor {
namespace {

constexpr std::size_t kLongestName = 255;

bool is_lower_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_separator(char c) { return c == '.' || c == '_' || c == '-'; }

bool is_name(std::string_view text, bool single_separators) {
  if (text.empty() || text.size() > kLongestName) return false;
  if (!is_lower_or_digit(text.front()) || !is_lower_or_digit(text.back())) return false;
  bool separated = false;
  for (const char c : text) {
    const bool separator = is_separator(c);
    if (!separator && !is_lower_or_digit(c)) return false;
    if (separator && separated && single_separators) return false;
    separated = separator;
  }
  return true;
}

}  // namespace

Result<Repository> Repository::parse(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || slash + 1 == text.size()) {
    return fail(Error(Errc::invalid, "\"" + std::string(text) + "\" is no repository of Harbor")
                    .hint("write project/repository"));
  }
  return Repository{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
}

std::string encode_segment(std::string_view text) {
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto value = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[value >> 4];
      out += kHex[value & 15];
    }
  }
  return out;
}

std::string project_path(std::string_view project) {
  return "/projects/" + encode_segment(project);
}

std::string repository_path(const Repository& repository) {
  return project_path(repository.project) + "/repositories/" +
         encode_segment(encode_segment(repository.name));
}

std::string artifact_path(const Repository& repository, std::string_view reference) {
  return repository_path(repository) + "/artifacts/" + encode_segment(reference);
}

bool is_robot_name(std::string_view text) { return is_name(text, true); }
bool is_project_name(std::string_view text) { return is_name(text, false); }

}  // namespace imgforge::harbor

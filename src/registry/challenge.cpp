#include "registry/challenge.h"

#include <optional>

#include "base/text.h"

namespace imgforge::registry {
namespace {

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
// RFC 9110 section 5.6.2.
bool is_token_character(char c) {
  return is_alphanumeric(c) ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
// RFC 9110 section 11.2.
bool is_token68_character(char c) {
  return is_alphanumeric(c) || std::string_view("-._~+/").find(c) != std::string_view::npos;
}

// Reads one field from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  std::vector<Challenge> read() {
    std::vector<Challenge> found;
    for (skip_commas(); !rest_.empty(); skip_commas()) {
      const std::string_view scheme = take(is_token_character);
      // After a scheme comes a blank, the next challenge or the end.
      if (scheme.empty() || !(rest_.empty() || blank() || rest_.front() == ',')) break;
      Challenge challenge{.scheme = base::to_lower(scheme)};
      skip_blanks();
      const bool sound = read_token68(challenge) || read_parameters(challenge);
      found.push_back(std::move(challenge));
      if (!sound) break;
    }
    return found;
  }

 private:
  bool blank() const { return !rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t'); }
  void skip_blanks() {
    while (blank()) rest_.remove_prefix(1);
  }
  // Empty list elements are allowed (RFC 9110 section 5.6.1.2).
  void skip_commas() {
    while (blank() || (!rest_.empty() && rest_.front() == ',')) rest_.remove_prefix(1);
  }
  std::string_view take(bool (*wanted)(char)) {
    std::size_t length = 0;
    while (length < rest_.size() && wanted(rest_[length])) ++length;
    const std::string_view taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }

  // "abc==": nothing but a comma or the end may follow, which tells it from a parameter.
  bool read_token68(Challenge& challenge) {
    const std::string_view before = rest_;
    const std::string_view letters = take(is_token68_character);
    std::size_t length = letters.size();
    while (!rest_.empty() && rest_.front() == '=') {
      rest_.remove_prefix(1);
      ++length;
    }
    skip_blanks();
    if (letters.empty() || !(rest_.empty() || rest_.front() == ',')) {
      rest_ = before;
      return false;
    }
    challenge.token68 = before.substr(0, length);
    return true;
  }

  // False where the grammar breaks. A token without '=' after it begins the next challenge.
  bool read_parameters(Challenge& challenge) {
    for (skip_commas(); !rest_.empty(); skip_commas()) {
      const std::string_view before = rest_;
      const std::string name = base::to_lower(take(is_token_character));
      skip_blanks();
      if (name.empty()) return false;
      if (rest_.empty() || rest_.front() != '=') {
        rest_ = before;
        return true;
      }
      rest_.remove_prefix(1);
      skip_blanks();
      auto value = read_value();
      if (!value) return false;
      challenge.parameters.emplace(name, std::move(*value));
      skip_blanks();
      if (!rest_.empty() && rest_.front() != ',') return false;
    }
    return true;
  }

  std::optional<std::string> read_value() {
    if (rest_.empty()) return std::nullopt;
    if (rest_.front() != '"') {
      const std::string_view value = take(is_token_character);
      return value.empty() ? std::nullopt : std::optional<std::string>(value);
    }
    std::string value;
    for (std::size_t i = 1; i < rest_.size(); ++i) {
      if (rest_[i] == '"') {
        rest_.remove_prefix(i + 1);
        return value;
      }
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      value += rest_[i];
    }
    return std::nullopt;  // the quotes are not closed
  }

  std::string_view rest_;
};

}  // namespace

std::string Challenge::parameter(const std::string& name) const {
  const auto found = parameters.find(name);
  return found == parameters.end() ? std::string() : found->second;
}

std::vector<Challenge> parse_challenges(const std::vector<std::string>& fields) {
  std::vector<Challenge> all;
  for (const std::string& field : fields) {
    for (Challenge& challenge : Reader(field).read()) all.push_back(std::move(challenge));
  }
  return all;
}

}  // namespace imgforge::registry

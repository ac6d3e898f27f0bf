#include "sources/markers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"
#include "sources/pep440.h"

namespace imgforge::sources {
namespace {

constexpr int kDeepest = 64;

struct Token {
  enum class Kind { end, text, name, op, open, close } kind = Kind::end;
  std::string value;
};

Result<std::vector<Token>> tokens(std::string_view marker) {
  std::vector<Token> out;
  std::size_t at = 0;
  const auto wrong = [&] {
    return fail(Errc::invalid, fmt::format("'{}' is not a marker", marker));
  };
  while (at < marker.size()) {
    const char c = marker[at];
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at;
    } else if (c == '(' || c == ')') {
      out.push_back({c == '(' ? Token::Kind::open : Token::Kind::close, std::string(1, c)});
      ++at;
    } else if (c == '\'' || c == '"') {
      const std::size_t end = marker.find(c, at + 1);
      if (end == std::string_view::npos) return wrong();
      out.push_back({Token::Kind::text, std::string(marker.substr(at + 1, end - at - 1))});
      at = end + 1;
    } else if (std::string_view("<>=!~").find(c) != std::string_view::npos) {
      const std::size_t end = std::min(marker.find_first_not_of("<>=!~", at), marker.size());
      out.push_back({Token::Kind::op, std::string(marker.substr(at, end - at))});
      at = end;
    } else {
      const std::size_t end =
          std::min(marker.find_first_not_of(
                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.", at),
                   marker.size());
      if (end == at) return wrong();
      const std::string word(marker.substr(at, end - at));
      at = end;
      const bool is_op = word == "in" || word == "not" || word == "and" || word == "or";
      out.push_back({is_op ? Token::Kind::op : Token::Kind::name, word});
    }
  }
  out.emplace_back();
  return out;
}

class Evaluator {
 public:
  Evaluator(std::string_view marker, std::vector<Token> tokens,
            const std::map<std::string, std::string>& environment)
      : marker_(marker), tokens_(std::move(tokens)), environment_(environment) {}

  Result<bool> run() {
    const bool value = TRY(any(0));
    if (tokens_[at_].kind != Token::Kind::end) return wrong();
    return value;
  }

 private:
  struct Operand {
    std::string value;
    bool is_version = false;  // a variable whose values are versions
    bool is_set = false;      // extras, dependency_groups: empty, nothing is chosen
  };

  tl::unexpected<Error> wrong() const {
    return fail(Errc::invalid, fmt::format("'{}' is not a marker", marker_));
  }
  bool take_op(std::string_view word) {
    if (tokens_[at_].kind != Token::Kind::op || tokens_[at_].value != word) return false;
    ++at_;
    return true;
  }
  Result<bool> any(int depth) {
    bool value = TRY(all(depth));
    while (take_op("or")) {
      const bool next = TRY(all(depth));
      value = value || next;
    }
    return value;
  }
  Result<bool> all(int depth) {
    bool value = TRY(one(depth));
    while (take_op("and")) {
      const bool next = TRY(one(depth));
      value = value && next;
    }
    return value;
  }
  Result<bool> one(int depth) {
    if (depth > kDeepest) return wrong();
    if (tokens_[at_].kind == Token::Kind::open) {
      ++at_;
      const bool value = TRY(any(depth + 1));
      if (tokens_[at_].kind != Token::Kind::close) return wrong();
      ++at_;
      return value;
    }
    const Operand left = TRY(operand());
    if (tokens_[at_].kind != Token::Kind::op) return wrong();
    std::string op = tokens_[at_++].value;
    if (op == "not") {
      if (!take_op("in")) return wrong();
      op = "not in";
    }
    const Operand right = TRY(operand());
    return compare(left, op, right);
  }
  Result<Operand> operand() {
    const Token& token = tokens_[at_];
    if (token.kind == Token::Kind::text) return ++at_, Operand{token.value};
    if (token.kind != Token::Kind::name) return wrong();
    ++at_;
    if (token.value == "extras" || token.value == "dependency_groups") {
      return Operand{.is_set = true};
    }
    if (token.value == "extra") return Operand{};
    const auto found = environment_.find(token.value);
    if (found == environment_.end()) {
      constexpr std::array<std::string_view, 2> kOpen{"platform_release", "platform_version"};
      if (std::find(kOpen.begin(), kOpen.end(), token.value) != kOpen.end()) {
        return fail(Errc::unsupported,
                    fmt::format("the marker '{}' depends on {}, which an image does not fix",
                                marker_, token.value));
      }
      return wrong();
    }
    const bool version = token.value.ends_with("_version") && token.value != "platform_version";
    return Operand{found->second, version};
  }
  Result<bool> compare(const Operand& left, const std::string& op, const Operand& right) const {
    if (op == "in" || op == "not in") {
      const bool in = !right.is_set && right.value.find(left.value) != std::string::npos;
      return in == (op == "in");
    }
    if (left.is_set || right.is_set) return wrong();
    if (left.is_version || right.is_version) {
      // "'3.8' <= python_version" is the same as "python_version >= '3.8'".
      const bool swapped = !left.is_version;
      const auto version = PythonVersion::parse(swapped ? right.value : left.value);
      const std::string& other = swapped ? left.value : right.value;
      std::string turned = op;
      if (swapped) {
        for (char& c : turned) c = c == '<' ? '>' : c == '>' ? '<' : c;
      }
      if (version && PythonVersion::parse(base::replace_all(other, ".*", ""))) {
        return satisfies(*version, turned + other);
      }
    }
    if (op == "==" || op == "===") return left.value == right.value;
    if (op == "!=") return left.value != right.value;
    if (op == "<") return left.value < right.value;
    if (op == "<=") return left.value <= right.value;
    if (op == ">") return left.value > right.value;
    if (op == ">=") return left.value >= right.value;
    return wrong();
  }

  std::string_view marker_;
  std::vector<Token> tokens_;
  const std::map<std::string, std::string>& environment_;
  std::size_t at_ = 0;
};

}  // namespace

std::string machine_of(const std::string& architecture) {
  if (architecture == "amd64") return "x86_64";
  if (architecture == "arm64") return "aarch64";
  return architecture;
}

std::map<std::string, std::string> marker_environment(const PythonTarget& target) {
  const auto version = PythonVersion::parse(target.version);
  const auto numbers = version ? version->release(3) : std::vector<std::uint64_t>{0, 0, 0};
  const std::string full = fmt::format("{}.{}.{}", numbers[0], numbers[1], numbers[2]);
  return {{"python_version", fmt::format("{}.{}", numbers[0], numbers[1])},
          {"python_full_version", full},
          {"implementation_version", full},
          {"implementation_name", "cpython"},
          {"platform_python_implementation", "CPython"},
          {"os_name", "posix"},
          {"sys_platform", "linux"},
          {"platform_system", "Linux"},
          {"platform_machine", machine_of(target.architecture)}};
}

Result<bool> evaluate_marker(std::string_view marker,
                             const std::map<std::string, std::string>& environment) {
  return Evaluator(marker, TRY(tokens(marker)), environment).run();
}

}  // namespace imgforge::sources

// Errors as values: what every function of imgforge that can fail returns.
//
// An Error has a kind named by what the caller can do about it, one sentence, the place it is
// about, facts for machines, a hint (what to do), and context frames that rooms add on the way up,
// once per room boundary. Nothing prints an Error except src/cli/.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <type_traits>
#include <utility>
#include <vector>

namespace imgforge::base {

enum class Errc {
  usage,         // the command line is wrong
  invalid,       // a document or value is wrong
  not_found,     // it is not there
  unauthorized,  // no or wrong credentials
  forbidden,     // right credentials, no right
  mismatch,      // verification failed: digest, size, signature, promise
  unsupported,   // valid, but we cannot do it
  refused,       // a policy forbids it: immutable tag, stale lock, a gate not passed
  rate_limited,  // the other side asks to slow down
  unavailable,   // the other side is down or unreachable; later may work
  timed_out,
  cancelled,  // interrupted by the user
  io,         // the machine: disk full, permission, a program that cannot be run
  protocol,   // the other side answered nonsense
  internal,   // a bug of imgforge
};

std::string_view to_string(Errc code);

/// A place in a text document. Line and column count from 1; 0 means unknown.
/// `text` is the offending line without its line end, for the caret; may be empty.
struct Location {
  std::string file;
  int line = 0;
  int column = 0;
  std::string text;
};

class [[nodiscard]] Error {
 public:
  Error(Errc code, std::string message) : code_(code), message_(std::move(message)) {}

  Error&& at(Location where) && { return where_ = std::move(where), std::move(*this); }
  Error&& hint(std::string advice) && { return hint_ = std::move(advice), std::move(*this); }
  Error&& with(std::string key, std::string value) && {
    facts_.emplace_back(std::move(key), std::move(value));
    return std::move(*this);
  }
  /// Adds an outer frame: what was being done when this failed ("building layer os").
  Error&& context(std::string frame) && {
    context_.push_back(std::move(frame));
    return std::move(*this);
  }

  Errc code() const { return code_; }
  const std::string& message() const { return message_; }
  const std::string& hint() const { return hint_; }
  const Location& where() const { return where_; }
  /// Innermost frame first.
  const std::vector<std::string>& context() const { return context_; }
  const std::vector<std::pair<std::string, std::string>>& facts() const { return facts_; }

  /// One line, outermost frame first, without location and hint: for tests and machine output.
  std::string summary() const;

 private:
  Errc code_;
  std::string message_;
  std::string hint_;
  Location where_;
  std::vector<std::string> context_;
  std::vector<std::pair<std::string, std::string>> facts_;
};

template <class T = void>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }
inline tl::unexpected<Error> fail(Errc code, std::string message) {
  return tl::unexpected<Error>(Error(code, std::move(message)));
}

/// An Error from errno. ENOSPC, EDQUOT and EACCES get their hint here, so that no caller forgets
/// it. ENOENT becomes not_found, everything else io.
Error io_error(std::string message, int error_number = errno);

/// Adds an outer frame to a failed result and passes a good one through.
template <class T>
Result<T> with_context(Result<T> result, std::string frame) {
  if (!result) return fail(std::move(result.error()).context(std::move(frame)));
  return result;
}

namespace detail {
template <class T>
T take(Result<T>&& good) {
  if constexpr (!std::is_void_v<T>) return *std::move(good);
}
}  // namespace detail

}  // namespace imgforge::base

namespace imgforge {
using base::Errc;
using base::Error;
using base::fail;
using base::Location;
using base::Result;
}  // namespace imgforge

// TRY(expression): the value of a Result, or return its Error from the enclosing function.
// A statement expression (g++ and clang); for Result<void> it yields nothing.
#define TRY(...)                                                               \
  ({                                                                           \
    auto try_result_ = (__VA_ARGS__);                                          \
    if (!try_result_) return ::tl::unexpected(std::move(try_result_).error()); \
    ::imgforge::base::detail::take(std::move(try_result_));                    \
  })

#include "base/error.h"

#include <cstring>

namespace imgforge::base {

std::string_view to_string(Errc code) {
  switch (code) {
    case Errc::usage:
      return "usage";
    case Errc::invalid:
      return "invalid";
    case Errc::not_found:
      return "not_found";
    case Errc::unauthorized:
      return "unauthorized";
    case Errc::forbidden:
      return "forbidden";
    case Errc::mismatch:
      return "mismatch";
    case Errc::unsupported:
      return "unsupported";
    case Errc::refused:
      return "refused";
    case Errc::rate_limited:
      return "rate_limited";
    case Errc::unavailable:
      return "unavailable";
    case Errc::timed_out:
      return "timed_out";
    case Errc::cancelled:
      return "cancelled";
    case Errc::io:
      return "io";
    case Errc::protocol:
      return "protocol";
    case Errc::internal:
      return "internal";
  }
  return "internal";
}

std::string Error::summary() const {
  std::string out;
  for (auto frame = context_.rbegin(); frame != context_.rend(); ++frame) {
    out += *frame;
    out += ": ";
  }
  out += message_;
  return out;
}

Error io_error(std::string message, int error_number) {
  char buffer[256];
  // The GNU variant: returns the text, which may or may not be in the buffer.
  const char* text = strerror_r(error_number, buffer, sizeof buffer);
  message += ": ";
  message += text;
  Error error(error_number == ENOENT ? Errc::not_found : Errc::io, std::move(message));
  auto with_errno = std::move(error).with("errno", std::to_string(error_number));
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return std::move(with_errno)
          .hint(
              "free some disk space ('imgforge cache prune' removes what no image uses), then run "
              "the same command again: finished layers are kept");
    case EACCES:
    case EPERM:
      return std::move(with_errno).hint("check who owns the path and its permissions");
    case EROFS:
      return std::move(with_errno).hint("the file system is read-only; choose another --store");
    default:
      return with_errno;
  }
}

}  // namespace imgforge::base

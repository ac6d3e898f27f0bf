// A document's bytes in a string, up to a limit: what a server sends beyond it is an error, not
// memory.
#pragma once

#include <string>

#include "base/bytes.h"
#include "base/text.h"

namespace imgforge::registry {

class LimitedSink final : public base::Sink {
 public:
  /// `what` is the subject of the error ("the manifest").
  LimitedSink(std::string& target, std::size_t limit, std::string what)
      : target_(target), limit_(limit), what_(std::move(what)) {}
  Result<> write(base::Bytes bytes) override {
    if (bytes.size() > limit_ - target_.size()) {
      return fail(Error(Errc::protocol, what_ + " is larger than the " + base::human_bytes(limit_) +
                                            " that are accepted")
                      .hint("is that a registry? The specification has registries refuse "
                            "documents of that size"));
    }
    target_.append(base::as_text(bytes));
    return {};
  }

 private:
  std::string& target_;
  std::size_t limit_;
  std::string what_;
};

}  // namespace imgforge::registry

// How long work tells that it goes on. Rooms below cli report; cli renders (terminal, log, JSON).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace imgforge::base {

/// One piece of work with a beginning and an end. Destroying it without finish() reports it as
/// abandoned. advance() is safe from several threads.
class ProgressTask {
 public:
  virtual ~ProgressTask() = default;
  virtual void advance(std::uint64_t bytes) = 0;
  /// The total became known or better known.
  virtual void set_total(std::uint64_t bytes) = 0;
  /// A short word on what is happening now ("unpacking", "hashing").
  virtual void set_phase(std::string_view phase) = 0;
  /// `outcome` is a short past participle: "built", "reused", "fetched", "failed".
  virtual void finish(std::string_view outcome) = 0;
};

/// Safe for use from several threads.
class Progress {
 public:
  virtual ~Progress() = default;
  /// `verb` is what is done ("build", "fetch"), `subject` what it is done to ("os/debian12",
  /// "torch-2.6.0-….whl").
  virtual std::unique_ptr<ProgressTask> start(std::string_view verb, std::string_view subject,
                                              std::optional<std::uint64_t> total_bytes) = 0;
  /// A sentence for the user that belongs to no task.
  virtual void note(std::string_view text) = 0;
  virtual void warn(std::string_view text) = 0;
};

/// Reports to nobody.
Progress& silent_progress();

}  // namespace imgforge::base

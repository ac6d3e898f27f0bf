#include "base/progress.h"

namespace imgforge::base {
namespace {

class SilentTask final : public ProgressTask {
 public:
  void advance(std::uint64_t) override {}
  void set_total(std::uint64_t) override {}
  void set_phase(std::string_view) override {}
  void finish(std::string_view) override {}
};

class Silent final : public Progress {
 public:
  std::unique_ptr<ProgressTask> start(std::string_view, std::string_view,
                                      std::optional<std::uint64_t>) override {
    return std::make_unique<SilentTask>();
  }
  void note(std::string_view) override {}
  void warn(std::string_view) override {}
};

}  // namespace

Progress& silent_progress() {
  static Silent silent;
  return silent;
}

}  // namespace imgforge::base

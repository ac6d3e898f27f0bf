// The progress of one cell of a matrix among others: every subject with the cell in front.
#pragma once

#include <fmt/format.h>

#include <memory>
#include <string>

#include "base/progress.h"

namespace imgforge::cli {

class CellProgress final : public base::Progress {
 public:
  CellProgress(base::Progress& all, std::string cell) : all_(all), cell_(std::move(cell)) {}
  std::unique_ptr<base::ProgressTask> start(std::string_view verb, std::string_view subject,
                                            std::optional<std::uint64_t> total) override {
    return all_.start(verb, fmt::format("{} {}", cell_, subject), total);
  }
  void note(std::string_view text) override { all_.note(fmt::format("{}: {}", cell_, text)); }
  void warn(std::string_view text) override { all_.warn(fmt::format("{}: {}", cell_, text)); }

 private:
  base::Progress& all_;
  std::string cell_;
};

}  // namespace imgforge::cli

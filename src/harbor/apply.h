// Does what a plan says, in its order, and stops at the first refusal. Applying the same policy
// again goes on from there: nothing is rolled back but a robot whose secret nobody took.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "harbor/client.h"
#include "harbor/plan.h"
#include "harbor/secret_sink.h"

namespace imgforge::harbor {

struct Applied {
  std::vector<Change> done;
  std::optional<Change> refused;  // where it stopped; `error` says why
  std::optional<Error> error;
  std::vector<Change> left;  // not begun
  bool complete() const { return !error; }
};

/// `announce` hears of every change when it is done. With new robots in the plan, the sink is asked
/// whether it is ready before anything is changed.
Applied apply(const Plan& plan, const Client& client, SecretSink& secrets,
              const std::function<void(const Change&)>& announce = {}, std::stop_token stop = {});

}  // namespace imgforge::harbor

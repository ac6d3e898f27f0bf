// Planning what moves a channel: forward by promote, back by rollback.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "release/channel_policy.h"
#include "release/move.h"

namespace imgforge::release {

/// Who asks for it, when, why.
struct Request {
  std::string channel;
  std::string who;
  std::string reason;  // a rollback needs one
  base::Seconds now;
};

/// Gathers the evidence at `source`, judges it, looks at the channel in `target` (the same object
/// within one repository). Errc::refused when an immutability rule of Harbor covers the channel, or
/// the image's build tag names another image in `target`; failed gates are no Error: they stand in
/// the plan.
Result<MovePlan> plan_promotion(const ChannelPolicy& policy, const Request& request,
                                Repository& source, const ImageName& image, Repository& target,
                                const Tools& tools, std::stop_token stop);

/// The way back to `image`, or to what the channel had before. Errc::not_found when its records
/// name nothing before.
Result<MovePlan> plan_rollback(const ChannelPolicy& policy, const Request& request,
                               Repository& repository, const std::optional<ImageName>& image,
                               const Tools& tools, std::stop_token stop);

}  // namespace imgforge::release

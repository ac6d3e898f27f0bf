// What the commands that look at channels and move them share: the channel policy, who asks, and the
// tools that verify, read and sign.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "cli/app.h"
#include "release/channel_policy.h"
#include "release/move.h"
#include "release/repository.h"

namespace imgforge::cli {

/// Options of commands that go by a channel policy.
#define IMGFORGE_POLICY_OPTIONS                                                        \
  {                                                                                    \
    "policy", 'p', "FILE",                                                             \
        "the channel policy (default: `channel_policy` of the configuration)"          \
  }

/// The channel policy of one invocation and what works by it.
struct Releasing {
  std::string file;  // empty: none is known
  std::optional<release::ChannelPolicy> policy;
  release::Tools tools;
};

/// By --policy, else the configuration; without both, `policy` is empty. Reads the trust policies'
/// files, too. The tools cannot sign yet.
Result<Releasing> open_releasing(App& app);
/// The same for commands that need a policy: Errc::usage without one.
Result<Releasing> open_channels(App& app);
/// Lets the tools sign records; asks for the passphrase at once.
Result<> let_sign(App& app, Releasing& releasing);

/// Who asks: IMGFORGE_ACTOR, the person that GitLab or GitHub names for the pipeline, or the login
/// name.
std::string who_asks(const App& app);

/// What moving a channel came to, with the labels of Harbor written.
struct Moved {
  release::MovePlan plan;
  std::optional<release::MoveResult> result;  // nullopt: a dry run
};
/// Carries the plan out and labels the image where a Harbor has the label "promoted". A dry run
/// carries nothing out. Errc::refused when a gate failed.
Result<Moved> move_channel(App& app, release::MovePlan plan, release::Repository& source,
                           release::Repository& target, const Releasing& releasing, bool dry_run);

}  // namespace imgforge::cli

// What happened to a channel, read from the records beside the images that it named. The records
// are arranged into one story: what was carried out, what was recorded and never happened (somebody
// else was faster), and where the channel was moved by something that leaves no records.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "release/gather.h"
#include "release/record.h"

namespace imgforge::release {

/// A record and whose it is.
struct RecordedMove {
  PromotionRecord record;
  std::string signer;
  bool trusted = false;
};

struct Records {
  std::vector<RecordedMove> moves;
  std::vector<std::string> problems;  // records that cannot be read
};
/// The promotion records among the attestations of `image` that are about it and this repository:
/// a record that travelled here with its image tells about the repository that it came from.
Records records_of(const Verification& verification, const oci::Digest& image,
                   const std::string& repository);

enum class Standing {
  current,       // it made the channel what it is
  past,          // carried out, and something came after it
  not_in_force,  // recorded, and the channel did not move
  not_trusted,   // signed by nobody whom the trust policy accepts: counts for nothing
};
std::string_view to_string(Standing standing);

struct HistoryEntry {
  RecordedMove move;
  Standing standing = Standing::past;
  bool gap_before = false;  // before it the channel changed without a record
};

struct History {
  std::string channel;
  std::optional<oci::Digest> now;
  bool now_is_recorded = false;       // false: something without records moved the channel last
  std::vector<HistoryEntry> entries;  // newest first
  std::vector<std::string> problems;
};

/// Pure. Records that stand twice (signed in two forms) count once.
History arrange(const std::string& channel, std::vector<RecordedMove> moves,
                const std::optional<oci::Digest>& now);

/// Where rollback goes when nobody names a digest: what the channel had before its newest promotion
/// that was not taken back yet; after a move without a record, the last recorded one. nullopt when
/// there is nothing before.
std::optional<oci::Digest> previous(const History& history);

/// The newest record in force that brought the channel to `image`.
std::optional<PromotionRecord> came_to(const History& history, const oci::Digest& image);

/// Follows the records back from what the channel names now; where that has none, looks at every
/// tag of the repository. `maximum` images are read at most; a problem says so when there are more.
Result<History> read_history(Repository& repository, const Channel& channel, const Tools& tools,
                             std::stop_token stop, std::size_t maximum = 200);

}  // namespace imgforge::release

#include "release/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <deque>
#include <set>

#include "base/task_group.h"

namespace imgforge::release {
namespace {

using Moves = std::vector<RecordedMove>::iterator;

// Whether all of them follow each other from `now` on; then they are put in that order.
bool chain_from(const std::optional<oci::Digest>& now, Moves next, Moves end) {
  if (next == end) return true;
  for (auto one = next; one != end; ++one) {
    if (one->record.from != now) continue;
    std::iter_swap(next, one);
    if (chain_from(next->record.to, next + 1, end)) return true;
    std::iter_swap(next, one);
  }
  return false;
}

// Those of one second, where no one chain takes all: some never moved the channel.
void link_by_steps(std::optional<oci::Digest> now, Moves next, Moves end) {
  for (; next != end; ++next) {
    const auto begins_a_chain = [&](const RecordedMove& move) {
      return std::none_of(next, end, [&](const RecordedMove& other) {
        return &other != &move && move.record.from == other.record.to;
      });
    };
    auto chosen = std::find_if(
        next, end, [&](const RecordedMove& move) { return move.record.from == now; });
    if (chosen == end) chosen = std::find_if(next, end, begins_a_chain);
    if (chosen != end) std::rotate(next, chosen, chosen + 1);
    now = next->record.to;
  }
}

// By time. Records tell whole seconds: those of one second follow each other as a chain, each from
// where the one before it came to.
void sort_by_time(std::vector<RecordedMove>& moves) {
  constexpr std::ptrdiff_t kMostTried = 8;  // orders of so many moves in one second
  std::stable_sort(moves.begin(), moves.end(), [](const RecordedMove& a, const RecordedMove& b) {
    return a.record.when < b.record.when;
  });
  std::optional<oci::Digest> now;  // what the channel names after those that have their place
  for (auto next = moves.begin(); next != moves.end();) {
    const auto end = std::find_if(next, moves.end(), [&](const RecordedMove& move) {
      return move.record.when != next->record.when;
    });
    const bool tried = end - next <= kMostTried && chain_from(now, next, end);
    if (!tried) link_by_steps(now, next, end);
    now = (end - 1)->record.to;
    next = end;
  }
}

void sort_and_unite(std::vector<RecordedMove>& moves) {
  std::vector<RecordedMove> unique;
  for (RecordedMove& move : moves) {
    const auto twin = std::find_if(unique.begin(), unique.end(), [&](const RecordedMove& other) {
      return other.record == move.record;
    });
    if (twin == unique.end()) {
      unique.push_back(std::move(move));
    } else if (move.trusted && !twin->trusted) {
      *twin = std::move(move);
    }
  }
  sort_by_time(unique);
  moves = std::move(unique);
}

// Reads the records beside one image; what it finds in `history.problems` is no Error.
Result<std::vector<RecordedMove>> read_records(Repository& repository, const oci::Digest& image,
                                               const Channel& channel, const Tools& tools,
                                               std::vector<std::string>& problems,
                                               std::stop_token stop) {
  const auto manifest = repository.manifest(image);
  if (!manifest) {
    if (manifest.error().code() != Errc::not_found) return fail(manifest.error());
    problems.push_back(
        fmt::format("{} is gone from the repository, and its records with it", image.to_string()));
    return std::vector<RecordedMove>();
  }
  const Beside beside =
      TRY(look_beside(repository, manifest->descriptor, channel.trust, tools, stop));
  Records records = records_of(beside.verification, image, repository.name());
  for (std::string& problem : records.problems) problems.push_back(std::move(problem));
  std::erase_if(records.moves,
                [&](const RecordedMove& move) { return move.record.channel != channel.name; });
  // Without a trust policy nobody can be distrusted; what verifies is believed.
  for (RecordedMove& move : records.moves) move.trusted |= channel.trust.empty();
  return std::move(records.moves);
}

Result<std::set<oci::Digest>> every_tagged_image(Repository& repository, const Tools& tools,
                                                 std::stop_token stop) {
  std::vector<std::string> tags = TRY(repository.tags());
  std::erase_if(tags, [](const std::string& tag) { return tag.starts_with("sha256-"); });
  using Found = std::optional<oci::Descriptor>;
  const auto found = TRY(base::parallel_map<Found>(
      tags.size(), tools.parallel, stop, [&](std::size_t i, std::stop_token) -> Result<Found> {
        return repository.resolve(TRY(oci::Tag::parse(tags[i])));
      }));
  std::set<oci::Digest> images;
  for (const Found& one : found) {
    if (one) images.insert(one->digest);
  }
  return images;
}

}  // namespace

std::string_view to_string(Standing standing) {
  constexpr std::array<std::string_view, 4> kWords = {"current", "past", "not in force",
                                                      "not trusted"};
  return kWords[static_cast<std::size_t>(standing)];
}

Records records_of(const Verification& verification, const oci::Digest& image,
                   const std::string& repository) {
  Records out;
  for (const Attestation& one : verification.attestations) {
    if (one.predicate_type != kPromotionPredicate) continue;
    auto record = parse_record(one.predicate);
    if (!record) {
      out.problems.push_back(fmt::format("a record beside {} cannot be read: {}", image.short_hex(),
                                         record.error().summary()));
    } else if (record->to != image) {
      out.problems.push_back(
          fmt::format("a record beside {} is about {}", image.short_hex(), record->to.short_hex()));
    } else if (record->repository == repository) {
      out.moves.push_back({*std::move(record), one.signer, one.trusted});
    }
  }
  return out;
}

History arrange(const std::string& channel, std::vector<RecordedMove> moves,
                const std::optional<oci::Digest>& now) {
  sort_and_unite(moves);
  History history{.channel = channel, .now = now};
  for (RecordedMove& move : moves) {
    const Standing standing = move.trusted ? Standing::past : Standing::not_trusted;
    history.entries.push_back({.move = std::move(move), .standing = standing});
  }
  // From the newest back: a record is in force unless the channel was afterwards still where the
  // record found it.
  std::optional<oci::Digest> after = now;
  for (auto it = history.entries.rbegin(); it != history.entries.rend(); ++it) {
    if (it->standing == Standing::not_trusted) continue;
    const PromotionRecord& record = it->move.record;
    if (after != record.to && after == record.from) it->standing = Standing::not_in_force;
    after = record.from;
  }
  // Forward: where the story breaks.
  HistoryEntry* last = nullptr;
  for (HistoryEntry& entry : history.entries) {
    if (entry.standing != Standing::past) continue;
    entry.gap_before = last != nullptr && entry.move.record.from != last->move.record.to;
    last = &entry;
  }
  if (last != nullptr && now == last->move.record.to) {
    last->standing = Standing::current;
    history.now_is_recorded = true;
  }
  std::reverse(history.entries.begin(), history.entries.end());
  return history;
}

std::optional<oci::Digest> previous(const History& history) {
  std::vector<oci::Digest> stack;
  for (auto it = history.entries.rbegin(); it != history.entries.rend(); ++it) {
    if (it->standing != Standing::past && it->standing != Standing::current) continue;
    const PromotionRecord& record = it->move.record;
    if (record.action == Action::rollback) {
      const auto at = std::find(stack.begin(), stack.end(), record.to);
      if (at != stack.end()) stack.erase(at, stack.end());
    }
    stack.push_back(record.to);
  }
  if (history.now && !stack.empty() && stack.back() == *history.now) stack.pop_back();
  return stack.empty() ? std::nullopt : std::optional(stack.back());
}

std::optional<PromotionRecord> came_to(const History& history, const oci::Digest& image) {
  for (const HistoryEntry& entry : history.entries) {
    const bool in_force = entry.standing == Standing::past || entry.standing == Standing::current;
    if (in_force && entry.move.record.to == image) return entry.move.record;
  }
  return std::nullopt;
}

Result<History> read_history(Repository& repository, const Channel& channel, const Tools& tools,
                             std::stop_token stop, std::size_t maximum) {
  const auto now = TRY(repository.resolve(TRY(oci::Tag::parse(channel.name))));
  std::vector<RecordedMove> moves;
  std::vector<std::string> problems;
  std::set<oci::Digest> seen;
  std::deque<oci::Digest> open;
  const auto visit = [&](const oci::Digest& image) {
    if (seen.insert(image).second) open.push_back(image);
  };
  const auto follow = [&]() -> Result<> {
    for (std::size_t count = 0; !open.empty(); ++count) {
      if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
      if (count == maximum) {
        problems.push_back(fmt::format("only {} images were read; there are more", maximum));
        return {};
      }
      const oci::Digest image = open.front();
      open.pop_front();
      for (RecordedMove& move :
           TRY(read_records(repository, image, channel, tools, problems, stop))) {
        if (move.trusted && move.record.from) visit(*move.record.from);
        moves.push_back(std::move(move));
      }
    }
    return {};
  };
  if (now) visit(now->digest);
  TRY(follow());
  const bool found = std::any_of(moves.begin(), moves.end(),
                                 [](const RecordedMove& move) { return move.trusted; });
  if (!found) {
    for (const oci::Digest& image : TRY(every_tagged_image(repository, tools, stop))) visit(image);
    TRY(follow());
  }
  History history =
      arrange(channel.name, std::move(moves), now ? std::optional(now->digest) : std::nullopt);
  history.problems = std::move(problems);
  return history;
}

}  // namespace imgforge::release

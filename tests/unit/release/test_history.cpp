#include "release/history.h"

#include <algorithm>
#include <random>

#include "catch.h"
#include "memory_registry.h"
#include "paper_trust.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

oci::Digest image(char name) { return oci::Digest::of(std::string(1, name)); }

// "A>B" a promotion from A to B, "A<B" a rollback; "-" is nothing.
RecordedMove move_of(const std::string& text, std::int64_t when, bool trusted = true) {
  PromotionRecord record{.action = text[1] == '>' ? Action::promote : Action::rollback,
                         .channel = "lts",
                         .repository = "r",
                         .to = image(text[2]),
                         .who = "anna",
                         .when = {when}};
  if (text[0] != '-') record.from = image(text[0]);
  return {record, "owner", trusted};
}

History story(const std::vector<std::string>& moves, char now) {
  std::vector<RecordedMove> recorded;
  for (const std::string& text : moves) {
    recorded.push_back(move_of(text, static_cast<std::int64_t>(recorded.size())));
  }
  std::mt19937 random(6);
  std::shuffle(recorded.begin(), recorded.end(), random);
  return arrange("lts", std::move(recorded), now == '-' ? std::nullopt : std::optional(image(now)));
}

// Oldest first: c current, p past, n not in force, u not trusted; ! before it: a gap.
std::string standings(const History& history) {
  std::string out;
  for (auto it = history.entries.rbegin(); it != history.entries.rend(); ++it) {
    if (it->gap_before) out += '!';
    out += "cpnu"[static_cast<std::size_t>(it->standing)];
  }
  return out;
}

char previous_of(const History& history) {
  const auto digest = previous(history);
  for (char name = 'A'; name <= 'Z'; ++name) {
    if (digest == image(name)) return name;
  }
  return '-';
}

}  // namespace

TEST_CASE("records are arranged into one story") {
  CHECK(standings(story({"->A", "A>B", "B>C"}, 'C')) == "ppc");
  CHECK(standings(story({"->A", "A>B", "B<A"}, 'A')) == "ppc");
  // Two started from A; one was faster, and the other did not move the channel.
  CHECK(standings(story({"->A", "A>B", "A>C", "C>D"}, 'D')) == "pnpc");
  // The newest record never moved the channel.
  CHECK(standings(story({"->A", "A>B"}, 'A')) == "cn");
  CHECK(standings(story({"->A"}, '-')) == "n");
  // Something without records moved it from B to X.
  CHECK(standings(story({"->A", "A>B", "X>C"}, 'C')) == "pp!c");
  const History outside = story({"->A", "A>B"}, 'X');
  CHECK(standings(outside) == "pp");
  CHECK_FALSE(outside.now_is_recorded);
  CHECK(story({"->A", "A>B"}, 'B').now_is_recorded);
  CHECK(standings(story({}, 'A')).empty());
}

TEST_CASE("two moves within one second are told apart by where they start") {
  for (const bool swapped : {false, true}) {
    std::vector<RecordedMove> moves = {move_of("->A", 5), move_of("A>B", 5)};
    if (swapped) std::swap(moves[0], moves[1]);
    CHECK(standings(arrange("lts", moves, image('B'))) == "pc");
  }
}

TEST_CASE("many moves within one second are one chain") {
  std::vector<std::string> texts = {"->A", "A>B", "B>C", "C<B", "B>D"};
  std::sort(texts.begin(), texts.end());
  do {
    std::vector<RecordedMove> moves;
    for (const std::string& text : texts) moves.push_back(move_of(text, 7));
    const History history = arrange("lts", std::move(moves), image('D'));
    INFO(texts[0] + " " + texts[1] + " " + texts[2] + " " + texts[3]);
    CHECK(history.entries.front().move.record.to == image('D'));
    CHECK_FALSE(history.entries.back().move.record.from);
    CHECK(standings(history) == "ppppc");
    CHECK(previous_of(history) == 'B');
  } while (std::next_permutation(texts.begin(), texts.end()));
}

TEST_CASE("a record that stands twice counts once, as its trusted form") {
  std::vector<RecordedMove> moves = {move_of("->A", 1, false), move_of("->A", 1, true)};
  CHECK(standings(arrange("lts", moves, image('A'))) == "c");
}

TEST_CASE("a record of a stranger tells nothing") {
  std::vector<RecordedMove> moves = {move_of("->A", 1), move_of("A>B", 2, false),
                                     move_of("A>C", 3)};
  const History history = arrange("lts", moves, image('C'));
  CHECK(standings(history) == "puc");
  CHECK(previous_of(history) == 'A');
  CHECK_FALSE(came_to(history, image('B')));
  CHECK(came_to(history, image('A')));
}

TEST_CASE("rollback takes back the newest promotion that was not taken back") {
  CHECK(previous_of(story({"->A"}, 'A')) == '-');
  CHECK(previous_of(story({"->A", "A>B"}, 'B')) == 'A');
  CHECK(previous_of(story({"->A", "A>B", "B>C"}, 'C')) == 'B');
  // After going back from C to B, the next step back is A and not C again.
  CHECK(previous_of(story({"->A", "A>B", "B>C", "C<B"}, 'B')) == 'A');
  CHECK(previous_of(story({"->A", "A>B", "B>C", "C<B", "B<A"}, 'A')) == '-');
  CHECK(previous_of(story({"->A", "A>B", "B>C", "C<A"}, 'A')) == '-');
  CHECK(previous_of(story({"->A", "A>B", "B<A", "A>C"}, 'C')) == 'A');
  CHECK(previous_of(story({"->A", "A>B", "B>A"}, 'A')) == 'B');
  // Something without records took it to X: back to the last that is recorded.
  CHECK(previous_of(story({"->A", "A>B"}, 'X')) == 'B');
  CHECK(previous_of(story({}, 'X')) == '-');
}

TEST_CASE("going back step by step visits every promoted image once, newest first") {
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> moves;
    std::string promoted;
    char now = '-';
    for (std::size_t n = 1 + random() % 8; n > 0; --n) {
      const char next = static_cast<char>('A' + promoted.size());
      moves.push_back({now, '>', next});
      promoted += next;
      now = next;
    }
    std::string visited(1, now);
    for (;;) {
      const char back = previous_of(story(moves, now));
      if (back == '-') break;
      moves.push_back({now, '<', back});
      visited += now = back;
    }
    CHECK(visited == std::string(promoted.rbegin(), promoted.rend()));
    CHECK(standings(story(moves, now)).find('n') == std::string::npos);
  }
}

TEST_CASE("records count for the image and the repository that they name") {
  const PromotionRecord record{.channel = "lts", .repository = "r", .to = image('A')};
  const auto statement = [](const PromotionRecord& one) {
    return Attestation{kPromotionPredicate, to_json(one), "owner", true};
  };
  PromotionRecord elsewhere = record, other = record;
  elsewhere.repository = "dev";
  other.to = image('B');
  const Verification verification{
      .attestations = {statement(record),
                       statement(elsewhere),
                       statement(other),
                       {kPromotionPredicate, "{}", "owner", true},
                       {predicate::kProvenance, to_json(record), "owner", true}}};
  const Records records = records_of(verification, image('A'), "r");
  REQUIRE(records.moves.size() == 1);
  CHECK(records.moves[0].record.repository == "r");
  CHECK(records.problems.size() == 2);
}

TEST_CASE("history is read from the images that the channel named") {
  for (const bool api : {true, false}) {
    MemoryRepository repository("r.example/ml/pytorch");
    repository.referrers_api = api;
    PaperTrust trust;
    const Channel channel{.name = "lts", .trust = "release"};
    std::vector<RawManifest> images;
    std::optional<oci::Digest> before;
    for (int i = 0; i < 4; ++i) {
      images.push_back(make_image(repository, "pytorch2.6-v2.6." + std::to_string(i)));
      const PromotionRecord record{.channel = "lts",
                                   .repository = repository.name(),
                                   .from = before,
                                   .to = images.back().descriptor.digest,
                                   .who = "anna",
                                   .when = {100 + i}};
      REQUIRE_OK(repository.attach(trust.statement("owner", images.back().descriptor,
                                                   kPromotionPredicate, to_json(record))));
      before = record.to;
    }
    repository.set_tag("lts", *before);
    const History history = REQUIRE_OK(read_history(repository, channel, trust.tools(), {}));
    CHECK(standings(history) == "pppc");
    CHECK(previous(history) == images[2].descriptor.digest);

    SECTION("a channel that was moved without a record is found by its tags") {
      const RawManifest outside = make_image(repository, "pytorch2.6-v9.9.9");
      repository.set_tag("lts", outside.descriptor.digest);
      const History found = REQUIRE_OK(read_history(repository, channel, trust.tools(), {}));
      CHECK(standings(found) == "pppp");
      CHECK_FALSE(found.now_is_recorded);
      CHECK(previous(found) == images[3].descriptor.digest);
    }
    SECTION("an image that is gone takes its records along, and that is said") {
      repository.forget(images[1].descriptor.digest);
      const History found = REQUIRE_OK(read_history(repository, channel, trust.tools(), {}));
      CHECK(standings(found) == "pc");
      REQUIRE(found.problems.size() == 1);
      CHECK(found.problems[0].find("is gone from the repository") != std::string::npos);
    }
    SECTION("a stranger's record leads nowhere") {
      const PromotionRecord forged{.channel = "lts",
                                   .repository = repository.name(),
                                   .from = oci::Digest::of("nowhere"),
                                   .to = images[3].descriptor.digest,
                                   .who = "mallory",
                                   .when = {200}};
      REQUIRE_OK(repository.attach(
          trust.statement("mallory", images[3].descriptor, kPromotionPredicate, to_json(forged))));
      const History found = REQUIRE_OK(read_history(repository, channel, trust.tools(), {}));
      CHECK(standings(found) == "pppcu");
      CHECK(found.problems.empty());
      CHECK(found.now_is_recorded);
    }
    SECTION("the number of images is bounded") {
      const History found = REQUIRE_OK(read_history(repository, channel, trust.tools(), {}, 2));
      CHECK(found.entries.size() == 2);
      CHECK(found.problems.size() == 1);
    }
    SECTION("records of another channel are not its own") {
      const Channel other{.name = "gpu", .trust = "release"};
      CHECK(REQUIRE_OK(read_history(repository, other, trust.tools(), {})).entries.empty());
    }
    SECTION("a registry that fails is an error and no short history") {
      repository.before_fetch = [](const oci::Digest&) -> Result<> {
        return fail(Errc::unavailable, "503");
      };
      const auto failed = read_history(repository, channel, trust.tools(), {});
      REQUIRE_FALSE(failed);
      CHECK(failed.error().code() == Errc::unavailable);
    }
  }
}

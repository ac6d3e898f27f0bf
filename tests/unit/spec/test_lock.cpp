#include <random>

#include "base/json.h"
#include "project.h"
#include "spec/lock.h"

using namespace imgforge;
using spec::Lock;

namespace {

const std::string kHex(64, 'a');

Lock sample() {
  Lock lock;
  lock.spec_digest = kHex;
  lock.epoch = {1747699200};
  lock.tools = {{"apt", "2.6.1"}};
  lock.components = {{"torch", "2.6.0"}};
  lock.layers = {{"os", "bootstrap", R"({"debs":[{"name":"libc6","size":12}]})"}};
  lock.records = {{kHex, std::string(64, 'b'), 1000, std::string(64, 'c'), 2000}};
  lock.manifest = std::string(64, 'd');
  return lock;
}

std::string refusal(const std::string& text) {
  const auto lock = spec::parse_lock(text, "specs/x.lock.json");
  return lock ? "accepted" : lock.error().summary();
}

std::string with(const std::string& from, const std::string& to) {
  std::string text = format_lock(sample());
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::uint64_t number(std::uint64_t below) { return engine_() % below; }
  std::string text() {
    static const char* const kPieces[] = {"a", "\"", "\\", "\n", "ä", " ", "0", "\t", "/", "\x01"};
    std::string out;
    for (auto n = number(8); n > 0; --n) out += kPieces[number(10)];
    return out;
  }
  std::string hex() {
    std::string out;
    for (int i = 0; i < 64; ++i) out += "0123456789abcdef"[number(16)];
    return out;
  }
  base::Json json(int depth) {
    switch (number(depth > 0 ? 7 : 5)) {
      case 0:
        return text();
      case 1:
        return engine_();
      case 2:
        return -static_cast<std::int64_t>(number(1000));
      case 3:
        return number(2) == 0;
      case 4:
        return nullptr;
      case 5: {
        base::Json list = base::Json::array();
        for (auto n = number(4); n > 0; --n) list.push_back(json(depth - 1));
        return list;
      }
      default:
        return object(depth - 1);
    }
  }
  base::Json object(int depth) {
    base::Json map = base::Json::object();
    for (auto n = number(4); n > 0; --n) map[text()] = json(depth);
    return map;
  }

 private:
  std::mt19937_64 engine_;
};

Lock random_lock(Random& random) {
  Lock lock;
  lock.spec_digest = random.hex();
  lock.epoch = {static_cast<std::int64_t>(random.number(4'000'000'000))};
  for (auto n = random.number(4); n > 0; --n) lock.tools[random.text()] = random.text();
  for (auto n = random.number(4); n > 0; --n) lock.components[random.text()] = random.text();
  for (auto n = random.number(5); n > 0; --n) {
    lock.layers.push_back(
        {random.text() + std::to_string(n), random.text(), base::canonical_json(random.object(4))});
  }
  for (auto n = random.number(5); n > 0; --n) {
    lock.records.push_back(
        {random.hex(), random.hex(), random.number(~0ULL), random.hex(), random.number(~0ULL)});
  }
  if (random.number(2) == 0) lock.manifest = random.hex();
  return lock;
}

}  // namespace

TEST_CASE("a lock is pretty, sorted, with one final newline") {
  CHECK(format_lock(sample()) == R"({
  "components": {
    "torch": "2.6.0"
  },
  "epoch": "2025-05-20T00:00:00Z",
  "layers": [
    {
      "id": "os",
      "kind": "bootstrap",
      "part": {
        "debs": [
          {
            "name": "libc6",
            "size": 12
          }
        ]
      }
    }
  ],
  "lock": 1,
  "manifest": "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
  "records": [
    {
      "diff_id": "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
      "digest": "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
      "key": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "size": 1000,
      "tar_size": 2000
    }
  ],
  "spec": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
  "tools": {
    "apt": "2.6.1"
  }
}
)");
}

TEST_CASE("any lock is read back as it was") {
  for (unsigned seed = 0; seed < 500; ++seed) {
    Random random(seed);
    const Lock lock = random_lock(random);
    const std::string text = format_lock(lock);
    INFO(seed << "\n" << text);
    const Lock back = REQUIRE_OK(spec::parse_lock(text, "x.lock.json"));
    CHECK(back == lock);
    CHECK(format_lock(back) == text);
  }
}

TEST_CASE("a damaged lock is refused with a reason") {
  CHECK(refusal(format_lock(sample())) == "accepted");
  CHECK(refusal("").starts_with("the lock specs/x.lock.json is not valid: "));
  CHECK(refusal("{}") ==
        "the lock specs/x.lock.json is not valid: it has no number \"lock\", so it is no lock");
  CHECK(refusal("[1]").find("so it is no lock") != std::string::npos);
  CHECK(refusal(with("\"lock\": 1", "\"lock\": 2")) ==
        "the lock specs/x.lock.json is not valid: it has format 2, and this imgforge reads "
        "format 1");
  CHECK(refusal(with("\"tools\"", "\"tool\"")).find("unknown key \"tool\"") != std::string::npos);
  CHECK(refusal(with("\"spec\": \"aaa", "\"spec\": \"AAA")) ==
        "the lock specs/x.lock.json is not valid: lock.spec must be a sha256 of 64 hex digits");
  CHECK(refusal(with("\"size\": 1000", "\"size\": -1")).find("lock.records[0].size") !=
        std::string::npos);
  CHECK(refusal(with("\"size\": 1000", "\"size\": \"1000\"")).find("lock.records[0].size") !=
        std::string::npos);
  CHECK(refusal(with("\"diff_id\": \"cc", "\"diff_id\": \"c")).find("lock.records[0].diff_id") !=
        std::string::npos);
  CHECK(refusal(with("\"epoch\": \"2025", "\"epoch\": \"x")).find("lock.epoch") !=
        std::string::npos);
  CHECK(refusal(with("\"kind\": \"bootstrap\",", "")).find("lock.layers[0].kind is missing") !=
        std::string::npos);
  CHECK(refusal(with("\"part\": {", "\"part\": null, \"x\": {")).find("lock.layers[0]") !=
        std::string::npos);
  CHECK(refusal(with("\"epoch\"", "\"spec\": \"\", \"epoch\"")).find("spec") != std::string::npos);
  Lock twice = sample();
  twice.layers.push_back(twice.layers[0]);
  CHECK(refusal(format_lock(twice)).find("the layer id \"os\" stands twice") != std::string::npos);
  // A merge that went wrong.
  CHECK(refusal("<<<<<<< ours\n" + format_lock(sample())).find("is not valid") !=
        std::string::npos);
  // A kind that hands out something else than JSON is found out when the lock is read.
  Lock broken = sample();
  broken.layers[0].part = "not json";
  CHECK(refusal(format_lock(broken)).find("lock.layers[0].part must be an object") !=
        std::string::npos);
}

TEST_CASE("every prefix of a lock is refused") {
  const std::string text = format_lock(sample());
  for (std::size_t n = 0; n + 2 < text.size(); n += 7) {
    CHECK_FALSE(spec::parse_lock(text.substr(0, n), "x"));
  }
}

TEST_CASE("the lock stands beside the spec") {
  CHECK(spec::lock_path("specs/x.yaml") == "specs/x.lock.json");
  CHECK(spec::lock_path("x.json") == "x.lock.json");
  CHECK(spec::lock_path("specs/pytorch2.6") == "specs/pytorch2.6.lock.json");
  const auto none = spec::load_lock("/nowhere/x.lock.json");
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::not_found);
  CHECK(none.error().hint().find("imgforge lock") != std::string::npos);
}

TEST_CASE("a stale lock is refused, with what differs") {
  const Project project;
  const std::string text = kHead + "layers: [{kind: bootstrap, id: os}, {kind: run, id: test}]\n";
  const auto spec = REQUIRE_OK(project.load(text));
  Lock lock;
  lock.spec_digest = spec.digest;
  lock.epoch = spec.epoch;
  lock.layers = {{"os", "bootstrap", "{}"}, {"test", "run", "{}"}};
  CHECK(spec::check_lock(lock, spec, "demo.lock.json"));

  const auto stale = [&](const std::string& other) {
    const auto result = check_lock(lock, REQUIRE_OK(project.load(other)), "demo.lock.json");
    REQUIRE_FALSE(result);
    CHECK(result.error().code() == Errc::refused);
    CHECK(result.error().hint().starts_with("imgforge lock "));
    CHECK(result.error().summary().starts_with(
        "the lock demo.lock.json does not belong to the spec "));
    return result.error().summary();
  };
  CHECK(stale(text + "config: {user: x}\n").find("has changed since") != std::string::npos);
  CHECK(stale(kHead + "layers: [{kind: bootstrap, id: os}]\n")
            .find("the lock has the layer \"test\" (run), the spec does not") != std::string::npos);
  CHECK(stale(text.substr(0, text.size() - 2) + ", {kind: files, id: app}]\n")
            .find("the spec has the layer \"app\" (files), the lock does not") !=
        std::string::npos);
  CHECK(stale(kHead + "layers: [{kind: image, id: os}, {kind: run, id: test}]\n")
            .find("the layer \"os\" (image) is locked as kind bootstrap") != std::string::npos);
  CHECK(stale(kHead + "layers: [{kind: run, id: test}, {kind: bootstrap, id: os}]\n")
            .find("another order") != std::string::npos);
  std::string later = text;
  later.replace(later.find("2025"), 4, "2026");
  CHECK(stale(later).find("the spec's epoch is 2026-05-20T00:00:00Z") != std::string::npos);
}

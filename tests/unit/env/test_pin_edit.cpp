#include <random>

#include "base/text.h"
#include "catch.h"
#include "env/pin_edit.h"

using imgforge::env::Contract;
using imgforge::env::new_contract;
using imgforge::env::Pin;
using imgforge::env::with_pin;
namespace oci = imgforge::oci;

namespace {

Pin pin(const std::string& tag, char digit, std::map<std::string, std::string> components = {},
        const std::string& build = "") {
  Pin made{.tag = *oci::Tag::parse(tag),
           .digest = *oci::Digest::parse("sha256:" + std::string(64, digit)),
           .build = build,
           .promise = {},
           .components = std::move(components)};
  return made;
}

std::string edited(const std::string& text, const Pin& pin) {
  const auto out = with_pin(text, pin, "f");
  if (!out) return "error: " + out.error().message();
  CHECK(Contract::parse(*out, "f")->pin == pin);
  return *out;
}

const std::string kA(64, 'a'), kB(64, 'b');

}  // namespace

TEST_CASE("a pin is changed where it stands, with comments and order") {
  const std::string before =
      "# ours\nimgforge: 1   # format\n\nbranches: {main: v2.6-lts}  # rule\npin:  # written by "
      "pin\n"
      "  digest: \"sha256:" +
      kA +
      "\"  # what counts\n  # a note\n  tag: v1 # asked for\n"
      "  components:\n    cuda: \"12.4\"   # of the wheel\n    gone: 1\n\n"
      "repository: harbor.example/ml/a # last\n# end\n";
  CHECK(edited(before, pin("v2", 'b', {{"cuda", "12.6"}, {"torch", "2.7.0"}}, "v9")) ==
        "# ours\nimgforge: 1   # format\n\nbranches: {main: v2.6-lts}  # rule\npin:  # written by "
        "pin\n"
        "  digest: sha256:" +
            kB +
            "  # what counts\n  # a note\n  tag: v2 # asked for\n"
            "  components:\n    cuda: \"12.6\"   # of the wheel\n    torch: \"2.7.0\"\n  build: "
            "v9\n\n"
            "repository: harbor.example/ml/a # last\n# end\n");
}

TEST_CASE("a pin is written into a file that has none") {
  const std::string fresh = new_contract("harbor.example/ml/a");
  const std::string out = edited(fresh, pin("v1", 'a', {{"torch", "2.6.0"}}));
  CHECK(out.find("pin:\n  tag: v1\n  digest: sha256:" + kA +
                 "\n  components:\n    torch: \"2.6.0\"\n\n# Which") != std::string::npos);
  // Everything that was there is still there.
  for (const std::string_view line : imgforge::base::lines(fresh)) {
    CHECK(out.find(line) != std::string::npos);
  }
  CHECK(edited("imgforge: 1\nrepository: harbor.example/a", pin("v1", 'a')) ==
        "imgforge: 1\nrepository: harbor.example/a\n\npin:\n  tag: v1\n  digest: sha256:" + kA +
            "\n");
  CHECK(
      edited("imgforge: 1\r\nrepository: harbor.example/a\r\n", pin("v1", 'a')) ==
      "imgforge: 1\r\nrepository: harbor.example/a\r\n\r\npin:\r\n  tag: v1\r\n  digest: sha256:" +
          kA + "\r\n");
}

TEST_CASE("a pin in braces is changed where it can be, and refused where it cannot") {
  const std::string head = "imgforge: 1\nrepository: harbor.example/a\n";
  CHECK(edited(head + "pin: {tag: v1, digest: 'sha256:" + kA + "'} # x\n", pin("v2", 'b')) ==
        head + "pin: {tag: v2, digest: sha256:" + kB + "} # x\n");
  CHECK(edited(head + "pin: {tag: v1, digest: sha256:" + kA + "}\n", pin("v2", 'b', {}, "v9"))
            .starts_with("error: the pin cannot be written"));
}

TEST_CASE("what is no longer known of a pin goes") {
  const std::string head = "imgforge: 1\nrepository: harbor.example/a\n";
  CHECK(edited(head + "pin:\n  tag: v1\n  build: v9\n  components:\n    a: b\n  digest: sha256:" +
                   kA + "\n",
               pin("v2", 'b')) == head + "pin:\n  tag: v2\n  digest: sha256:" + kB + "\n");
}

TEST_CASE("property: any pin comes back from any text that takes it") {
  std::mt19937 random(20250522);
  const std::vector<std::string> starts = {
      new_contract("harbor.example/ml/a"), "imgforge: 1\nrepository: harbor.example/a\n",
      "repository: harbor.example/a # x\npin:\n    tag: v0\n    digest: sha256:" + kA +
          "\n    components:\n      a: x\n      b: \"y\"\nimgforge: 1\n"};
  const std::vector<std::string> values = {"2.6.0+cu124", "12.4", "true", "debian12",
                                           "a:b",         "1e3",  "x y",  "say \"x\"",
                                           "#1",          "-",    "~",    "it's"};
  std::uniform_int_distribution<std::size_t> start(0, starts.size() - 1),
      value(0, values.size() - 1);
  for (int i = 0; i < 2'000; ++i) {
    std::string text = starts[start(random)];
    for (int round = 0; round < 3; ++round) {
      Pin wanted = pin("v" + std::to_string(random() % 9), "abcdef"[random() % 6]);
      if (random() % 2 == 0) wanted.build = "v" + std::to_string(random() % 9);
      if (random() % 2 == 0) wanted.promise = wanted.digest;
      for (const char* const name : {"a", "b", "torch", "yes"}) {
        if (random() % 2 == 0) wanted.components[name] = values[value(random)];
      }
      INFO(text);
      const auto out = with_pin(text, wanted, "f");
      REQUIRE(out);
      REQUIRE(Contract::parse(*out, "f")->pin == wanted);
      text = *out;
    }
  }
}

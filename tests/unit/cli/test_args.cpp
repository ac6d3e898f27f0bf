#include "cli/args.h"

#include "catch.h"

using namespace imgforge;
using namespace imgforge::cli;

namespace {
constexpr Option kOptions[] = {
    {"output", 'o', "REF", "", true}, {"check", 0, "", ""}, {"workers", 'j', "N", ""}};
}

TEST_CASE("options, values with commas, repetition and words are told apart") {
  const Args args = REQUIRE_OK(
      Args::parse("build", kOptions, {"spec.yaml", "-o", "oci:a,b", "--output=oci:c", "--check"}));
  CHECK(args.positional() == std::vector<std::string>{"spec.yaml"});
  CHECK(args.values("output") == std::vector<std::string>{"oci:a,b", "oci:c"});
  CHECK(args.flag("check"));
  CHECK_FALSE(args.value("workers"));
}

TEST_CASE("slips are usage errors that name the nearest option") {
  const auto slip = Args::parse("build", kOptions, {"--chek"});
  REQUIRE_FALSE(slip);
  CHECK(slip.error().code() == Errc::usage);
  CHECK(slip.error().hint() == "did you mean --check?");
  CHECK_FALSE(Args::parse("build", kOptions, {"-o"}));
  CHECK_FALSE(Args::parse("build", kOptions, {"-j", "1", "-j", "2"}));
}

TEST_CASE("words before and behind -- are counted") {
  const auto count = [](std::vector<std::string> words) {
    const Args args = REQUIRE_OK(Args::parse("build", kOptions, words));
    return std::pair(args.before_dashes(), args.positional().size());
  };
  CHECK(count({"a", "b"}) == std::pair(std::size_t{2}, std::size_t{2}));
  CHECK(count({"--", "a", "--check"}) == std::pair(std::size_t{0}, std::size_t{2}));
  CHECK(count({"a", "-j", "1", "--", "b", "--", "c"}) == std::pair(std::size_t{1}, std::size_t{4}));
  CHECK(count({"--"}) == std::pair(std::size_t{0}, std::size_t{0}));
}

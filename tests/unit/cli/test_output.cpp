#include "cli/output.h"

#include "catch.h"

using namespace imgforge;
using namespace imgforge::cli;

TEST_CASE("an error shows its place with a caret, and what to do") {
  const Error error = Error(Errc::invalid, "unknown key \"pakages\"")
                          .at({"specs/x.yaml", 12, 5, "    pakages: [a]"})
                          .hint("did you mean \"packages\"?")
                          .context("layer os");
  CHECK(render_error(error, false) ==
        "error: layer os: unknown key \"pakages\"\n"
        "  --> specs/x.yaml:12:5\n"
        "  12 |     pakages: [a]\n"
        "     |     ^\n"
        "  hint: did you mean \"packages\"?\n");
  CHECK(render_error(Error(Errc::io, "disk on fire"), false) == "error: disk on fire\n");
}

TEST_CASE("every kind of error has the exit code that the documentation gives it") {
  CHECK(exit_code(Errc::usage) == 2);
  CHECK(exit_code(Errc::invalid) == 2);
  CHECK(exit_code(Errc::not_found) == 3);
  CHECK(exit_code(Errc::unauthorized) == 4);
  CHECK(exit_code(Errc::forbidden) == 4);
  CHECK(exit_code(Errc::mismatch) == 5);
  CHECK(exit_code(Errc::rate_limited) == 6);
  CHECK(exit_code(Errc::unavailable) == 6);
  CHECK(exit_code(Errc::timed_out) == 6);
  CHECK(exit_code(Errc::refused) == 7);
  CHECK(exit_code(Errc::internal) == 70);
  CHECK(exit_code(Errc::cancelled) == 130);
  CHECK(exit_code(Errc::io) == 1);
}

TEST_CASE("tables align by what is shown, not by bytes") {
  Table table(
      {{"NAME", Table::Align::left}, {"SIZE", Table::Align::right}, {"WHY", Table::Align::left}});
  table.add({"grün", "1 B", "neu"});
  table.add({"b", "12.3 MB", ""});
  CHECK(table.to_string() ==
        "NAME     SIZE  WHY\n"
        "grün      1 B  neu\n"
        "b     12.3 MB\n");
}

#include "catch.h"
#include "layer/wheel_metadata.h"
#include "layer/wheel_script.h"

using namespace imgforge;
using namespace imgforge::layer;

TEST_CASE("WHEEL says version and place") {
  auto info = REQUIRE_OK(parse_wheel_info(
      "Wheel-Version: 1.0\r\nGenerator: x\r\nRoot-Is-Purelib: TRUE\r\n\r\nRoot-Is-Purelib: false",
      "WHEEL"));
  CHECK(info.major == 1);
  CHECK(info.minor == 0);
  CHECK(info.root_is_purelib);
  info = REQUIRE_OK(parse_wheel_info("wheel-version: 1.9\nroot-is-purelib: false\n", "WHEEL"));
  CHECK(info.minor == 9);
  CHECK_FALSE(info.root_is_purelib);

  CHECK(parse_wheel_info("Wheel-Version: 2.0\n", "WHEEL").error().code() == Errc::unsupported);
  CHECK(parse_wheel_info("Generator: x\n", "WHEEL").error().code() == Errc::invalid);
  CHECK(parse_wheel_info("Wheel-Version: one\n", "WHEEL").error().code() == Errc::invalid);
  CHECK(parse_wheel_info("", "WHEEL").error().code() == Errc::invalid);
}

TEST_CASE("METADATA gives name and version of its head alone") {
  const auto metadata = REQUIRE_OK(parse_wheel_metadata(
      "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\nRequires-Python: >=3.9,<4\n"
      "Description: first\n  Name: not this\n\nVersion: 9.9\n",
      "METADATA"));
  CHECK(metadata.name == "Foo.Bar");
  CHECK(metadata.version == "1.0");
  CHECK(metadata.requires_python == ">=3.9,<4");
  CHECK(!parse_wheel_metadata("Name: x\n\nVersion: 1\n", "METADATA"));
  CHECK(!parse_wheel_metadata("Version: 1\n", "METADATA"));
}

TEST_CASE("entry points become programs") {
  const auto points = REQUIRE_OK(
      parse_entry_points("; comment\n# comment\n[console_scripts]\n one = pkg.cli:main  \n"
                         "two=pkg:App.run [extra, other]\nwith space = p : f\n\n"
                         "[gui_scripts]\nthree = pkg.gui:start\none = pkg.cli:main\n"
                         "[other]\nfour = anything at all\n",
                         "entry_points.txt"));
  REQUIRE(points.size() == 4);
  CHECK(points[0] == EntryPoint{"one", "pkg.cli", "main"});
  CHECK(points[1] == EntryPoint{"two", "pkg", "App.run"});
  CHECK(points[2] == EntryPoint{"with space", "p", "f"});
  CHECK(points[3] == EntryPoint{"three", "pkg.gui", "start"});
}

TEST_CASE("entry points that cannot be are refused with their line") {
  const auto line =
      GENERATE("python = p:f", "python3 = p:f", "python3.11 = p:f", "pythonw = p:f",
               "python.exe = p:f", "a/b = p:f", ".. = p:f", "x = p", "x = :f", "x = p:f:g",
               "x = p:f g", "x = p;import os:f", "x", " = p:f", "x = p:f()", "x = 1p:f");
  CAPTURE(line);
  const auto parsed = parse_entry_points(std::string("[console_scripts]\n") + line + "\n", "e.txt");
  REQUIRE(!parsed);
  CHECK(parsed.error().code() == Errc::invalid);
  CHECK(parsed.error().where().line == 2);
}

TEST_CASE("two targets for one program are refused") {
  CHECK(!parse_entry_points("[console_scripts]\na = p:f\n[gui_scripts]\na = p:g\n", "e.txt"));
  CHECK(!parse_entry_points("[console_scripts]\na = p:f\na = p:g\n", "e.txt"));
}

TEST_CASE("names of the interpreter") {
  for (const auto* name :
       {"python", "python3", "python3.11", "pythonw", "pyvenv.cfg", "python2.7"}) {
    CHECK(is_interpreter_name(name));
  }
  for (const auto* name : {"pytest", "python-config", "pythonista", "ipython", "py"}) {
    CHECK_FALSE(is_interpreter_name(name));
  }
}

TEST_CASE("programs begin with the environment's interpreter") {
  CHECK(launcher_text({"one", "pkg.cli", "App.run"}, "/opt/venv") ==
        "#!/opt/venv/bin/python\n"
        "# -*- coding: utf-8 -*-\n"
        "import sys\n"
        "from pkg.cli import App\n"
        "if __name__ == \"__main__\":\n"
        "    sys.exit(App.run())\n");
  CHECK(with_interpreter("#!python -E\nbody\nmore", "/opt/venv") ==
        "#!/opt/venv/bin/python\nbody\nmore");
  CHECK(with_interpreter("#!python", "/opt/venv") == "#!/opt/venv/bin/python\n");
  CHECK(asks_for_interpreter("#!pythonw"));
  CHECK_FALSE(asks_for_interpreter("#!/usr/bin/python"));
  CHECK_FALSE(asks_for_interpreter("#! python"));

  // What the kernel would cut off or split goes through the shell.
  const std::string longest(127 - 3 - std::string("//bin/python").size(), 'x');
  CHECK(interpreter_line("/" + longest) == "#!/" + longest + "/bin/python\n");
  CHECK(interpreter_line("/" + longest + "x") ==
        "#!/bin/sh\n'''exec' \"/" + longest + "x/bin/python\" \"$0\" \"$@\"\n' '''\n");
  CHECK(interpreter_line("/opt/my env") ==
        "#!/bin/sh\n'''exec' \"/opt/my env/bin/python\" \"$0\" \"$@\"\n' '''\n");
}

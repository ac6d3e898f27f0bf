// What the tests of this room share: programs of other people as oracles, and data by recipe.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "base/process.h"
#include "base/sha256.h"
#include "catch.h"

namespace imgforge::archive {

inline base::TempDir temporary_folder() {
  return REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-test"));
}

/// The standard output of a program that must succeed; runs in the C locale.
inline std::string run(std::vector<std::string> argv, const std::string& directory = "") {
  base::Command command;
  command.argv = std::move(argv);
  command.directory = directory;
  command.environment = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                         "LC_ALL=C.UTF-8", "TZ=UTC"};
  return REQUIRE_OK(base::run_checked(command)).out;
}

inline bool have(const std::string& program) { return base::find_program(program).has_value(); }

/// Runs Python code with `directory` as working directory; the oracle for zip and tar.
inline std::string python(const std::string& directory, const std::string& code) {
  return run({"python3", "-I", "-c", code}, directory);
}

/// `size` bytes that depend on `seed`: text-like (deflate finds repeats), or noise.
inline std::string sample(std::size_t size, unsigned seed, bool noise = false) {
  std::string out;
  out.reserve(size + 16);
  std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  while (out.size() < size) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    if (noise) {
      out.append(reinterpret_cast<const char*>(&state), sizeof state);
    } else {
      out += "symbol_" + std::to_string(state % 5000) + (state % 7 == 0 ? "\n" : " ");
    }
  }
  out.resize(size);
  return out;
}

inline std::string read_whole(base::Source& source) {
  return REQUIRE_OK(base::read_all(source, std::size_t{1} << 30));
}

}  // namespace imgforge::archive

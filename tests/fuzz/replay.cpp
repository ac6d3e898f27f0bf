// The main of a fuzzer without libFuzzer: runs the function over every file of the given folders
// and over mutations of each (cuts, flipped bits, changed numbers), always the same ones. Ends with
// the function's abort, or says how many inputs there were. --raw=FOLDER writes the corpus there as
// it is, to begin a libFuzzer run with.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using namespace imgforge;

constexpr int kMutations = 300;  // per file

Result<std::string> read_input(const std::string& path) {
  const std::string content = TRY(base::read_file(path));
  if (!path.ends_with(".hex")) return content;
  std::string digits;
  for (const std::string_view line : base::lines(content)) {
    if (!line.starts_with('#')) digits += base::trim(line);
  }
  const auto bytes = base::from_hex(digits);
  if (!bytes) return fail(Errc::invalid, path + " is no hexadecimal text");
  return *bytes;
}

// A copy of exactly this size, so that a sanitizer sees a read beyond the end.
void run_one(const std::string& input) {
  const std::vector<std::uint8_t> copy(input.begin(), input.end());
  LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

std::string mutate(std::string input, std::mt19937& random) {
  const int changes = 1 + static_cast<int>(random() % 3);
  for (int i = 0; i < changes && !input.empty(); ++i) {
    const std::size_t at = random() % input.size();
    switch (random() % 5) {
      case 0:
        input[at] = static_cast<char>(input[at] ^ (1 << random() % 8));
        break;
      case 1:
        input[at] = static_cast<char>(random());
        break;
      case 2:
        input.resize(at);
        break;
      case 3: {
        static constexpr char kEdges[] = {'\0', '\1', '\x7f', '\xff', '/', '.'};
        for (std::size_t k = at; k < std::min(at + 4, input.size()); ++k) {
          input[k] = kEdges[random() % sizeof kEdges];
        }
        break;
      }
      default:
        input.insert(at, input.substr(random() % input.size(), random() % 32));
    }
  }
  return input;
}

Result<std::size_t> replay(const std::vector<std::string>& folders, const std::string& raw) {
  std::size_t count = 0;
  std::mt19937 random(20250520);
  for (const std::string& folder : folders) {
    for (const std::string& name : TRY(base::list_directory(folder))) {
      const std::string input = TRY(read_input(base::join_path(folder, name)));
      if (!raw.empty()) {
        TRY(base::write_file_atomic(base::join_path(raw, name), input));
        continue;
      }
      std::fprintf(stderr, "%s\n", name.c_str());
      run_one(input);
      for (int i = 0; i < kMutations; ++i) run_one(mutate(input, random));
      count += 1 + kMutations;
    }
  }
  if (count == 0 && raw.empty()) return fail(Errc::not_found, "the corpus is empty");
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> folders;
  std::string raw;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--raw=")) {
      raw = word.substr(6);
    } else {
      folders.push_back(word);
    }
  }
  const auto count = replay(folders, raw);
  if (!count) {
    std::fprintf(stderr, "error: %s\n", count.error().summary().c_str());
    return 1;
  }
  std::printf("%zu inputs\n", *count);
  return 0;
}

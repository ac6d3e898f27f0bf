// install_wheels PREFIX PYTHON COMPRESSION OUT WHEEL...: the wheel installer alone, for the
// comparison with pip (tests/tools/pip_oracle.py) and for measuring. Every wheel counts as
// requested. Prints one line of JSON with digests, sizes and seconds.
#include <chrono>
#include <cstdio>

#include "base/file.h"
#include "base/text.h"
#include "layer/wheels_layer.h"

namespace {

using namespace imgforge;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

Result<> install(const std::vector<std::string>& arguments) {
  const layer::InstallOptions options{
      .prefix = arguments[0], .python = arguments[1], .requested = true};
  const auto encoder = TRY(archive::parse_encoder(arguments[2]));
  const auto start = Clock::now();
  std::vector<std::unique_ptr<base::File>> files;
  std::vector<std::unique_ptr<archive::ZipArchive>> zips;
  std::vector<layer::PlannedWheel> planned;
  for (std::size_t i = 4; i < arguments.size(); ++i) {
    const std::string name = base::base_name(arguments[i]);
    files.push_back(std::make_unique<base::File>(TRY(base::File::open_read(arguments[i]))));
    zips.push_back(std::make_unique<archive::ZipArchive>(
        TRY(archive::ZipArchive::open(*files.back(), "wheel " + name))));
    planned.push_back(
        {.zip = zips.back().get(), .contents = TRY(layer::read_wheel(*zips.back(), name))});
    planned.back().plan = TRY(layer::plan_wheel(planned.back().contents, options));
  }
  const double plan_seconds = since(start);
  auto out = TRY(base::File::create(arguments[3]));
  archive::LayerWriter writer(out, {.encoder = encoder});
  TRY(layer::write_wheels_layer(planned, {1'700'000'000}, writer, {}));
  const auto digests = TRY(writer.finish());
  TRY(out.close());
  std::printf(
      "{\"digest\":\"%s\",\"diff_id\":\"%s\",\"size\":%llu,\"tar_size\":%llu,"
      "\"plan_seconds\":%.3f,\"seconds\":%.3f}\n",
      digests.digest.c_str(), digests.diff_id.c_str(),
      static_cast<unsigned long long>(digests.size),
      static_cast<unsigned long long>(digests.tar_size), plan_seconds, since(start));
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 5) {
    std::fprintf(stderr, "install_wheels PREFIX PYTHON COMPRESSION OUT WHEEL...\n");
    return 2;
  }
  const auto done = install(arguments);
  if (done) return 0;
  std::fprintf(stderr, "%s: %s\n", std::string(base::to_string(done.error().code())).c_str(),
               done.error().summary().c_str());
  return 1;
}

// How far a spliced layer is from what cannot be avoided. For the given zips, in pairs within one
// run (floor, layer, floor, layer, ...):
//   floor   inflate every member, CRC-32 and SHA-256 of the content once, write the compressed
//   bytes layer   LayerWriter: the same members as a layer, with digest, diffID and a digest per
//   file recipe  the same blob again from its recipe, by copying and hashing
// Prints seconds and ratios; only the ratios mean something on another machine.
#include <fmt/format.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "archive/layer_writer.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"

namespace {

using namespace imgforge;
using namespace imgforge::archive;

struct Times {
  double wall = 0;
  double cpu = 0;
};

double cpu_now() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

template <class Work>
Result<Times> timed(Work work) {
  const double cpu = cpu_now();
  const auto begin = std::chrono::steady_clock::now();
  TRY(work());
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  return Times{wall.count(), cpu_now() - cpu};
}

struct Wheel {
  base::File file;
  std::unique_ptr<ZipArchive> zip;
  std::vector<const ZipEntry*> members;  // files, sorted by name
};

Result<Wheel> open_wheel(const std::string& path) {
  Wheel wheel;
  wheel.file = TRY(base::File::open_read(path));
  return wheel;
}

// A plain loop over the same libraries, without anything of imgforge's archive room.
Result<> run_floor(const std::vector<Wheel>& wheels, const std::string& out_path) {
  base::File out = TRY(base::File::create(out_path));
  std::vector<std::byte> input(base::kChunk), output(base::kChunk);
  auto state = std::make_unique<inflate_state>();
  for (const Wheel& wheel : wheels) {
    for (const ZipEntry* member : wheel.members) {
      const std::uint64_t begin = TRY(wheel.zip->data_offset(*member));
      base::Sha256 hash;
      std::uint32_t crc = 0;
      isal_inflate_init(state.get());
      state->avail_in = 0;
      std::uint64_t taken = 0;
      const bool deflated = member->method == 8;
      while (taken < member->compressed_size ||
             (deflated && state->block_state != ISAL_BLOCK_FINISH)) {
        if (state->avail_in == 0 && taken < member->compressed_size) {
          const auto chunk = base::MutableBytes(input).first(
              std::min<std::uint64_t>(input.size(), member->compressed_size - taken));
          TRY(wheel.file.read_at(begin + taken, chunk));
          TRY(out.write(chunk));
          taken += chunk.size();
          if (!deflated) {
            crc =
                crc32_gzip_refl(crc, reinterpret_cast<unsigned char*>(chunk.data()), chunk.size());
            hash.update(chunk);
            continue;
          }
          state->next_in = reinterpret_cast<std::uint8_t*>(chunk.data());
          state->avail_in = static_cast<std::uint32_t>(chunk.size());
        }
        state->next_out = reinterpret_cast<std::uint8_t*>(output.data());
        state->avail_out = static_cast<std::uint32_t>(output.size());
        if (isal_inflate(state.get()) != ISAL_DECOMP_OK) return fail(Errc::mismatch, "inflate");
        const std::size_t made = output.size() - state->avail_out;
        crc = crc32_gzip_refl(crc, reinterpret_cast<unsigned char*>(output.data()), made);
        hash.update(base::Bytes(output).first(made));
      }
      if (crc != member->crc32) return fail(Errc::mismatch, "crc of " + member->name);
      (void)hash.finish();
    }
  }
  return out.close();
}

Result<LayerDigests> run_layer(const std::vector<Wheel>& wheels, const std::string& out_path,
                               const Encoder& encoder, std::size_t workers,
                               std::uint64_t splice_from, bool unseen, RecipeRecorder* recipe) {
  base::File out = TRY(base::File::create(out_path));
  LayerWriter writer(out, {.encoder = encoder,
                           .workers = workers,
                           .splice_from = splice_from,
                           .copy_unseen = unseen,
                           .recipe = recipe});
  std::size_t number = 0;
  for (const Wheel& wheel : wheels) {
    const std::string folder = fmt::format("{:04}/", number++);
    for (const ZipEntry* member : wheel.members) {
      TarEntry entry;
      entry.path = folder + member->name;
      entry.size = member->size;
      std::string sha256;
      TRY(writer.add(entry, *wheel.zip, *member, &sha256));
    }
  }
  LayerDigests digests = TRY(writer.finish());
  TRY(out.close());
  return digests;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void report(const char* name, const std::vector<Times>& runs, const std::vector<Times>& floor) {
  std::vector<double> wall, cpu, wall_ratio, cpu_ratio;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    wall.push_back(runs[i].wall);
    cpu.push_back(runs[i].cpu);
    wall_ratio.push_back(runs[i].wall / floor[i].wall);
    cpu_ratio.push_back(runs[i].cpu / floor[i].cpu);
  }
  fmt::print("{:<8} wall {:7.2f} s  cpu {:7.2f} s   to the floor: wall {:5.2f}  cpu {:5.2f}\n",
             name, median(wall), median(cpu), median(wall_ratio), median(cpu_ratio));
}

struct Options {
  std::size_t pairs = 3;
  std::size_t workers = 0;
  std::uint64_t splice_from = 64 * 1024;
  std::string encoder = "gzip";
  std::string folder = "/tmp";
  std::vector<std::string> zips;
};

Result<> run(const Options& options) {
  const base::TempDir dir = TRY(base::TempDir::create(options.folder, "imgforge-floor"));
  const Encoder encoder = TRY(parse_encoder(options.encoder));
  std::vector<Wheel> wheels;
  std::uint64_t packed = 0, plain = 0, count = 0, spliced = 0;
  for (const std::string& path : options.zips) wheels.push_back(TRY(open_wheel(path)));
  std::vector<const base::RandomAccess*> files;
  for (Wheel& wheel : wheels) {
    wheel.zip = std::make_unique<ZipArchive>(
        TRY(ZipArchive::open(wheel.file, base::base_name(wheel.file.path()))));
    for (const ZipEntry& entry : wheel.zip->entries()) {
      if (entry.is_directory) continue;
      wheel.members.push_back(&entry);
      packed += entry.compressed_size;
      plain += entry.size;
      ++count;
      if (entry.method == 8 && entry.size >= options.splice_from) ++spliced;
    }
    std::sort(wheel.members.begin(), wheel.members.end(),
              [](const ZipEntry* a, const ZipEntry* b) { return a->name < b->name; });
    files.push_back(&wheel.file);
  }
  fmt::print("{} zips, {} members ({} to splice), {} -> {}, encoder {}, {} workers, {} pairs\n",
             wheels.size(), count, spliced, base::human_bytes(packed), base::human_bytes(plain),
             encoder_id(encoder), options.workers, options.pairs);

  std::vector<Times> floor, layer, unseen, recipe;
  std::string digest;
  for (std::size_t pair = 0; pair < options.pairs; ++pair) {
    floor.push_back(TRY(timed([&] { return run_floor(wheels, dir / "floor"); })));
    TRY(base::remove_all(dir / "floor"));

    LayerDigests digests;
    layer.push_back(TRY(timed([&]() -> Result<> {
      digests = TRY(run_layer(wheels, dir / "layer", encoder, options.workers, options.splice_from,
                              false, nullptr));
      return {};
    })));
    TRY(base::remove_all(dir / "layer"));
    if (!digest.empty() && digests.digest != digest) return fail(Errc::mismatch, "digests differ");
    digest = digests.digest;

    unseen.push_back(TRY(timed([&]() -> Result<> {
      const LayerDigests copied = TRY(run_layer(wheels, dir / "layer", encoder, options.workers,
                                                options.splice_from, true, nullptr));
      if (copied.digest != digest) return fail(Errc::mismatch, "copying gives another blob");
      return {};
    })));
    TRY(base::remove_all(dir / "layer"));

    // Recorded outside of the clock, replayed inside.
    base::File literals = TRY(base::File::create(dir / "literals"));
    RecipeRecorder recorder(literals, files);
    (void)TRY(run_layer(wheels, dir / "layer", encoder, options.workers, options.splice_from, false,
                        &recorder));
    TRY(base::remove_all(dir / "layer"));
    const Recipe noted = recorder.take();
    recipe.push_back(TRY(timed([&]() -> Result<> {
      base::File again = TRY(base::File::create(dir / "again"));
      if (TRY(write_from_recipe(noted, literals, files, again)) != digest) {
        return fail(Errc::mismatch, "the recipe gives another blob");
      }
      return again.close();
    })));
    if (pair == 0) {
      fmt::print("blob {} ({:.4f} of the zips' members), literals {}, {} spans\n",
                 base::human_bytes(digests.size),
                 static_cast<double>(digests.size) / static_cast<double>(packed),
                 base::human_bytes(literals.size()), noted.spans.size());
    }
    TRY(base::remove_all(dir / "again"));
    TRY(base::remove_all(dir / "literals"));
  }
  report("floor", floor, floor);
  report("layer", layer, floor);
  report("unseen", unseen, floor);
  report("recipe", recipe, floor);
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  fmt::print("peak memory {} MiB\n", usage.ru_maxrss / 1024);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&](std::string_view prefix) {
      return base::parse_uint(std::string_view(word).substr(prefix.size())).value_or(0);
    };
    if (word.starts_with("--pairs=")) {
      options.pairs = std::max<std::size_t>(1, number("--pairs="));
    } else if (word.starts_with("--workers=")) {
      options.workers = number("--workers=");
    } else if (word.starts_with("--splice-from=")) {
      options.splice_from = number("--splice-from=");
    } else if (word.starts_with("--encoder=")) {
      options.encoder = word.substr(10);
    } else if (word.starts_with("--folder=")) {
      options.folder = word.substr(9);
    } else {
      options.zips.push_back(word);
    }
  }
  if (options.zips.empty()) {
    fmt::print(stderr,
               "usage: perf_floor [--pairs=3] [--workers=0] [--encoder=gzip|zstd|none] "
               "[--splice-from=65536] [--folder=/tmp] ZIP...\n");
    return 2;
  }
  const auto done = run(options);
  if (!done) {
    fmt::print(stderr, "error: {}\n", done.error().summary());
    return 1;
  }
  return 0;
}

#include "layer/wheels_recipe.h"

#include <fmt/format.h>

#include <atomic>

#include "base/json.h"
#include "layer/wheels_layer.h"

namespace imgforge::layer {

namespace {

/// Incremented whenever the same wheels give other bytes. History: 1 is the first.
constexpr int kInstallerRevision = 1;

/// A wheel's file; reading it is the progress of the layer and the place to stop it.
class WatchedFile final : public base::RandomAccess {
 public:
  WatchedFile(base::File file, const BuildContext& context)
      : file_(std::move(file)), rest_(file_.size()), task_(context.task), stop_(context.stop) {}

  std::uint64_t size() const override { return file_.size(); }
  Result<> read_at(std::uint64_t offset, base::MutableBytes buffer) const override {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    TRY(file_.read_at(offset, buffer));
    // Some bytes are read twice (documents, local headers): never report more than there are.
    std::uint64_t rest = rest_.load();
    std::uint64_t step = 0;
    do {
      step = std::min<std::uint64_t>(rest, buffer.size());
    } while (!rest_.compare_exchange_weak(rest, rest - step));
    if (step > 0) task_.advance(step);
    return {};
  }

 private:
  base::File file_;
  mutable std::atomic<std::uint64_t> rest_;
  base::ProgressTask& task_;
  std::stop_token stop_;
};

class WheelsRecipe final : public WrittenRecipe {
 public:
  explicit WheelsRecipe(WheelsLayerSpec spec) : spec_(std::move(spec)) {}

  std::string key_material() const override {
    base::Json wheels = base::Json::array();
    for (const auto& wheel : spec_.wheels) {
      base::Json one{{"file", wheel.input.name}, {"sha256", wheel.input.digest.hex()}};
      if (wheel.requested) one["requested"] = true;
      if (allows_bad_record(wheel)) one["allow_bad_record"] = true;
      wheels.push_back(std::move(one));
    }
    return base::canonical_json({{"kind", "wheels"},
                                 {"revision", kInstallerRevision},
                                 {"prefix", spec_.prefix},
                                 {"python", spec_.python},
                                 {"wheels", std::move(wheels)}});
  }

  std::string title() const override {
    if (spec_.wheels.size() == 1) {
      return fmt::format("{} {}", spec_.wheels[0].project, spec_.wheels[0].version);
    }
    return fmt::format("{}: {} Python packages", spec_.name, spec_.wheels.size());
  }

  std::vector<sources::Input> inputs() const override {
    std::vector<sources::Input> inputs;
    for (const auto& wheel : spec_.wheels) inputs.push_back(wheel.input);
    return inputs;
  }

  std::uint64_t estimated_bytes() const override {
    // Libraries deflate to roughly half.
    return 2 * compressed_bytes();
  }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    context.task.set_total(compressed_bytes());
    std::vector<std::unique_ptr<WatchedFile>> files;
    std::vector<std::unique_ptr<archive::ZipArchive>> zips;
    const archive::Settled settled(out);
    std::vector<PlannedWheel> planned;
    for (const auto& wheel : spec_.wheels) {
      auto file = TRY(context.store.open_input(wheel.input.digest));
      files.push_back(std::make_unique<WatchedFile>(std::move(file), context));
      zips.push_back(std::make_unique<archive::ZipArchive>(
          TRY(archive::ZipArchive::open(*files.back(), "wheel " + wheel.input.name))));
      PlannedWheel one{.zip = zips.back().get(),
                       .contents = TRY(read_wheel(
                           *zips.back(), wheel.input.name,
                           allows_bad_record(wheel) ? RecordUse::rehash : RecordUse::verify))};
      one.plan = TRY(plan_wheel(
          one.contents,
          {.prefix = spec_.prefix, .python = spec_.python, .requested = wheel.requested}));
      planned.push_back(std::move(one));
    }
    return write_wheels_layer(planned, context.epoch, out, context.stop);
  }

  bool splices() const override { return true; }

 private:
  bool allows_bad_record(const sources::LockedWheel& wheel) const {
    return spec_.allow_bad_record.contains(wheel.project);
  }
  std::uint64_t compressed_bytes() const {
    std::uint64_t sum = 0;
    for (const auto& wheel : spec_.wheels) sum += wheel.input.size;
    return sum;
  }

  WheelsLayerSpec spec_;
};

}  // namespace

std::unique_ptr<Recipe> make_wheels_recipe(WheelsLayerSpec spec) {
  return std::make_unique<WheelsRecipe>(std::move(spec));
}

}  // namespace imgforge::layer

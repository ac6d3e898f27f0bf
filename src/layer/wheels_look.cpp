#include "layer/wheels_look.h"

#include <fmt/format.h>

#include "base/task_group.h"
#include "layer/wheels_layer.h"
#include "layer/wheels_truth.h"

namespace imgforge::layer {

namespace {

// Each look is a handful of small requests that wait for the network.
constexpr std::size_t kLooksAtOnce = 8;

struct Look {
  std::unique_ptr<base::RandomAccess> data;
  std::unique_ptr<archive::ZipArchive> zip;
  std::optional<PlannedWheel> planned;  // nullopt when its RECORD is not to be believed
  std::optional<TorchVersion> torch;
};

Result<> look_into(const sources::LockedWheel& wheel, const WheelsPart& part, bool believe_record,
                   Look& look) {
  look.zip = std::make_unique<archive::ZipArchive>(
      TRY(archive::ZipArchive::open(*look.data, "wheel " + wheel.input.name)));
  PlannedWheel planned{
      .zip = look.zip.get(),
      .contents = TRY(read_wheel(*look.zip, wheel.input.name,
                                 believe_record ? RecordUse::verify : RecordUse::ignore))};
  planned.plan =
      TRY(plan_wheel(planned.contents,
                     {.prefix = part.prefix, .python = part.python, .requested = wheel.requested}));
  if (wheel.project == "torch") look.torch = TRY(read_torch_version(*look.zip));
  if (believe_record) look.planned = std::move(planned);
  return {};
}

}  // namespace

Result<> look_into_wheels(const ResolveContext& context,
                          const std::set<std::string>& allow_bad_record, WheelsPart& part) {
  auto task =
      context.progress.start("inspect", fmt::format("{} wheels", part.wheels.size()), std::nullopt);
  std::vector<Look> looks(part.wheels.size());
  for (std::size_t i = 0; i < looks.size(); ++i) {
    looks[i].data = TRY(context.sources.open(part.wheels[i].input, context.stop));
  }
  TRY(base::parallel_for(
      looks.size(), kLooksAtOnce, context.stop, [&](std::size_t i, std::stop_token) {
        const auto& wheel = part.wheels[i];
        return look_into(wheel, part, !allow_bad_record.contains(wheel.project), looks[i]);
      }));
  std::vector<PlannedWheel> planned;
  std::optional<TorchVersion> torch;
  for (Look& look : looks) {
    if (look.torch) torch = look.torch;
    if (!look.planned) continue;
    for (const std::string& warning : look.planned->contents.warnings) {
      context.progress.warn(warning);
    }
    planned.push_back(std::move(*look.planned));
  }
  TRY(merge_wheels(planned));
  part.components = wheel_components(part.wheels, torch);
  task->finish("inspected");
  return {};
}

}  // namespace imgforge::layer

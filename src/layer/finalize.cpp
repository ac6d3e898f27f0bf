#include "layer/finalize.h"

#include "base/json.h"
#include "layer/executed.h"

namespace imgforge::layer {
namespace {

// 1 first version.
constexpr int kRevision = 1;

constexpr const char* kCache = "etc/ld.so.cache";

class FinalizeRecipe final : public WrittenRecipe {
 public:
  std::string key_material() const override {
    return base::canonical_json({{"kind", "finalize"}, {"revision", kRevision}});
  }
  bool executed() const override { return true; }
  std::string title() const override { return "the loader's cache"; }
  std::vector<sources::Input> inputs() const override { return {}; }
  std::uint64_t estimated_bytes() const override { return 64 * 1024; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    sandbox::Sandbox* sandbox = TRY(sandbox_of(context));
    const auto trees = TRY(parent_trees(context));
    sandbox::Step step;
    // -X: links are the packages' own business.
    step.argv = {"/sbin/ldconfig", "-X"};
    step.tmpfs = {"/var/cache/ldconfig"};
    step.epoch = context.epoch;
    TarFilter filter;
    filter.keep = [](const archive::TarEntry& entry) -> Result<bool> {
      return entry.path == kCache || entry.path == "etc";
    };
    context.task.set_phase("running ldconfig");
    return write_tar_entries(
        [&](base::Sink& sink) { return sandbox->run(trees, step, sink, {}, context.stop); }, filter,
        out);
  }
};

}  // namespace

std::unique_ptr<Recipe> make_finalize_recipe() { return std::make_unique<FinalizeRecipe>(); }

}  // namespace imgforge::layer

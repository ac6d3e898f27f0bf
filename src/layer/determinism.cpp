#include "layer/determinism.h"

#include "base/json.h"
#include "base/sha256.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

class DeterminismRecipe final : public WrittenRecipe {
 public:
  explicit DeterminismRecipe(std::string path) : path_(std::move(path)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "determinism"},
                                 {"revision", kRevision},
                                 {"path", path_},
                                 {"sha256", base::sha256_hex(determinism_module())}});
  }
  std::string title() const override { return "determinism"; }
  std::vector<sources::Input> inputs() const override { return {}; }
  std::uint64_t estimated_bytes() const override { return determinism_module().size(); }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    TreeEntries entries(context.epoch);
    TRY(entries.add_text(path_, determinism_module(), "the determinism module"));
    return entries.emit(out, &context.task, context.stop);
  }

 private:
  std::string path_;  // of the module, relative
};

}  // namespace

std::unique_ptr<Recipe> make_determinism_recipe(std::string site_packages) {
  std::string path = std::move(site_packages) + "/" + kDeterminismModule + ".py";
  path.erase(0, path.find_first_not_of('/'));
  return std::make_unique<DeterminismRecipe>(std::move(path));
}

}  // namespace imgforge::layer

#include "layer/promise.h"

#include "base/json.h"
#include "base/sha256.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

class PromiseRecipe final : public WrittenRecipe {
 public:
  explicit PromiseRecipe(std::string json) : json_(std::move(json)) {}

  std::string key_material() const override {
    return base::canonical_json(
        {{"kind", "promise"}, {"revision", kRevision}, {"sha256", base::sha256_hex(json_)}});
  }
  std::string title() const override { return "promise"; }
  std::vector<sources::Input> inputs() const override { return {}; }
  std::uint64_t estimated_bytes() const override { return json_.size(); }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    TreeEntries entries(context.epoch);
    TRY(entries.add_text("opt/imgforge/promise.json", json_, "the promise"));
    return entries.emit(out, &context.task, context.stop);
  }

 private:
  std::string json_;
};

}  // namespace

std::unique_ptr<Recipe> make_promise_recipe(std::string promise_json) {
  return std::make_unique<PromiseRecipe>(std::move(promise_json));
}

}  // namespace imgforge::layer

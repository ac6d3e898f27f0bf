#include "build/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "build/define.h"
#include "build/truth.h"
#include "layer/determinism.h"
#include "layer/finalize.h"
#include "layer/promise.h"

namespace imgforge::build {
namespace {

// Changes of the key's own composition; a kind's revision stands in its material.
constexpr int kKeyRevision = 1;

class Planner {
 public:
  explicit Planner(base::Seconds epoch) : epoch_(epoch) {}

  void add(std::string id, std::string kind, std::string title,
           std::unique_ptr<layer::Recipe> recipe, archive::Encoder encoder) {
    base::Json material = {{"revision", kKeyRevision},
                           {"recipe", base::Json::parse(recipe->key_material())},
                           {"epoch", epoch_.value},
                           {"encoder", archive::encoder_id(encoder)}};
    if (recipe->executed()) material["parents"] = keys_;
    std::string text = base::canonical_json(material);
    auto key = store::LayerKey::of(text);
    if (recipe->emits()) keys_.push_back(key.to_string());
    if (title.empty()) title = recipe->title();
    layers_.push_back({std::move(id), std::move(kind), std::move(title), std::move(recipe), encoder,
                       std::move(text), std::move(key)});
  }

  bool loader_cache_affected() const {
    return std::any_of(layers_.begin(), layers_.end(), [](const PlannedLayer& layer) {
      return layer.recipe->affects_loader_cache();
    });
  }

  std::vector<PlannedLayer> take() { return std::move(layers_); }

 private:
  base::Seconds epoch_;
  std::vector<std::string> keys_;
  std::vector<PlannedLayer> layers_;
};

std::string record_path(const store::Store& store, const std::string& image) {
  return base::join_path(store.directory(), "plans/" + base::sha256_hex(image) + ".json");
}

// The keys of the last build here; a damaged or missing file only costs the explanation.
base::Json remembered(const store::Store& store, const std::string& image) {
  const auto text = base::read_file(record_path(store, image));
  if (!text) return base::Json::object();
  const auto parsed = base::parse_json(*text, "plan record");
  return parsed && parsed->is_object() ? *parsed : base::Json::object();
}

// "wheels[3].version, epoch": the places at which two materials differ, at most three.
std::string changed_places(const std::string& before, const std::string& now) {
  const auto left = base::parse_json(before, "plan record");
  const auto right = base::parse_json(now, "plan");
  if (!left || !right) return "its inputs";
  std::vector<std::string> places;
  std::set<std::string> seen;
  for (const base::Json& change : base::Json::diff(*left, *right)) {
    std::string place = change.at("path").get<std::string>();
    if (place.starts_with("/recipe/")) place.erase(0, 8);
    if (place.starts_with("/")) place.erase(0, 1);
    place = place.substr(0, place.find('/', place.find('/') + 1));
    if (place.starts_with("parents")) place = "a layer below";
    if (seen.insert(place).second) places.push_back(base::replace_all(place, "/", "."));
  }
  constexpr std::size_t kShown = 3;
  if (places.size() > kShown) {
    places.resize(kShown);
    places.push_back("…");
  }
  return places.empty() ? "its inputs" : base::join(places, ", ");
}

}  // namespace

Result<Plan> make_plan(const spec::ImageSpec& spec, const spec::Lock& lock,
                       bool ignore_local_changes) {
  auto defined = TRY(define(spec));
  if (defined.size() != lock.layers.size()) {
    return fail(Error(Errc::refused, "the lock has other layers than the spec")
                    .hint("imgforge lock " + base::shell_quote(spec.file)));
  }
  const archive::Encoder image_encoder = TRY(archive::parse_encoder(spec.compression));
  layer::Facts facts;
  facts.architecture = spec.platform.architecture;
  Planner planner(spec.epoch);
  for (std::size_t i = 0; i < defined.size(); ++i) {
    DefinedLayer& layer = defined[i];
    const spec::LockedLayer& locked = lock.layers[i];
    if (locked.id != layer.use.id || locked.kind != layer.use.kind) {
      return fail(
          Error(Errc::refused, fmt::format("the lock has layer {} ({}) where the spec has {} ({})",
                                           locked.id, locked.kind, layer.use.id, layer.use.kind))
              .hint("imgforge lock " + base::shell_quote(spec.file)));
    }
    const archive::Encoder encoder = layer.use.compression.empty()
                                         ? image_encoder
                                         : TRY(archive::parse_encoder(layer.use.compression));
    const layer::PlanContext context{.below = facts,
                                     .project_directory = spec.project_directory,
                                     .epoch = spec.epoch,
                                     .ignore_local_changes = ignore_local_changes};
    const std::string frame = "layer " + layer.use.id;
    auto recipes = TRY(base::with_context(layer.definition->recipes(locked.part, context), frame));
    TRY(base::with_context(layer.definition->contribute(locked.part, facts), frame));
    std::size_t number = 0;
    const bool several = recipes.size() > 1;
    for (auto& recipe : recipes) {
      ++number;
      std::string id = several ? fmt::format("{}.{}", layer.use.id, number) : layer.use.id;
      planner.add(std::move(id), layer.use.kind, several ? "" : layer.use.title, std::move(recipe),
                  encoder);
    }
  }
  TRY(check_words(facts, spec));
  auto tag = TRY(tag_of(facts, spec));
  if (planner.loader_cache_affected()) {
    planner.add("finalize", "finalize", "", layer::make_finalize_recipe(), image_encoder);
  }
  if (spec.seed && facts.python) {
    planner.add("determinism", "determinism", "",
                layer::make_determinism_recipe(facts.python->site_packages()), image_encoder);
  }
  planner.add("promise", "promise", "", layer::make_promise_recipe(promise_of(facts, spec, tag)),
              image_encoder);
  return Plan{planner.take(), std::move(facts), std::move(tag)};
}

Result<std::vector<LayerState>> survey(const Plan& plan, const spec::Lock& lock,
                                       const store::Store& store, const std::string& image) {
  const base::Json before = remembered(store, image);
  std::vector<LayerState> states;
  for (const PlannedLayer& layer : plan.layers) {
    LayerState state;
    state.built = TRY(store.find_layer(layer.key));
    for (const spec::BuiltRecord& record : lock.records) {
      if (record.key == layer.key.to_string()) state.record = record;
    }
    const auto known = before.find(layer.id);
    if (state.built) {
      state.reason = "in the store";
    } else if (known == before.end() || !known->is_string()) {
      state.reason = "never built here";
    } else if (*known == layer.material) {
      state.reason = "its blob is gone from the store";
    } else {
      state.reason = "changed: " + changed_places(known->get<std::string>(), layer.material);
    }
    states.push_back(std::move(state));
  }
  return states;
}

std::optional<store::BuiltLayer> recorded_layer(const PlannedLayer& layer,
                                                const spec::BuiltRecord& record) {
  const auto digest = oci::Digest::from_sha256_hex(record.digest);
  const auto diff_id = oci::Digest::from_sha256_hex(record.diff_id);
  if (!digest || !diff_id) return std::nullopt;
  return store::BuiltLayer{
      .blob = {.media_type = archive::layer_media_type(layer.encoder.compression),
               .digest = *digest,
               .size = record.size},
      .diff_id = *diff_id,
      .tar_size = record.tar_size};
}

Result<> remember(const Plan& plan, const store::Store& store, const std::string& image) {
  base::Json record = base::Json::object();
  for (const PlannedLayer& layer : plan.layers) record[layer.id] = layer.material;
  const std::string text = base::canonical_json(record);
  const std::string path = record_path(store, image);
  if (const auto current = base::read_file(path); current && *current == text) return {};
  TRY(base::make_directories(base::parent_path(path)));
  return base::write_file_atomic(path, text);
}

}  // namespace imgforge::build

#include "build/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>

#include "build/compare.h"
#include "build/inputs.h"

namespace imgforge::build {
namespace {

/// Contents of archives that wait in memory for their turn in a layer: a fifth of what a build may
/// take.
constexpr std::uint64_t kHeldBytes = 48 << 20;

// The state of one run: which layers have their inputs, are taken, are done. All fields under the
// mutex.
class Run {
 public:
  Run(const Plan& plan, const std::vector<LayerState>& states, const RunOptions& options,
      const Workplace& place)
      : plan_(plan),
        states_(states),
        options_(options),
        place_(place),
        slots_(plan.layers.size()),
        forward_(place.stop, [this] {
          stop_.request_stop();
          changed_.notify_all();
        }) {}

  Result<RunReport> go();

 private:
  struct Slot {
    bool fetched = false;
    bool taken = false;
    std::optional<store::BuiltLayer> built;
    bool reused = false;
  };

  void fetch_ahead();
  LocalPlaces local_places() const;
  std::optional<store::BuiltLayer> recorded(std::size_t index) const;
  void work(bool smallest_first);
  std::optional<std::size_t> next(bool smallest_first);
  bool ready(std::size_t index) const;
  bool all_taken() const;
  void give_up(Error error);
  Result<store::BuiltLayer> build(std::size_t index, bool& shared);
  Result<std::vector<store::BuiltLayer>> parents_of(std::size_t index);
  void tell(std::size_t index, const store::BuiltLayer& layer) const;
  Result<store::BuiltLayer> produce(std::size_t index, base::ProgressTask& task);
  Result<> check_record(std::size_t index, const store::BuiltLayer& built) const;
  std::vector<std::size_t> order() const;
  std::vector<std::size_t> order_of_fetches() const;

  base::Allowance held_{kHeldBytes};
  const Plan& plan_;
  const std::vector<LayerState>& states_;
  const RunOptions& options_;
  const Workplace& place_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Slot> slots_;
  std::optional<Error> error_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
};

// Executed layers first, since others wait for them; then the largest, so that the last ones to run
// are small.
std::vector<std::size_t> Run::order() const {
  std::vector<std::size_t> order(plan_.layers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto rank = [&](std::size_t i) {
    const layer::Recipe& recipe = *plan_.layers[i].recipe;
    return std::pair(recipe.executed() ? 0 : 1, ~recipe.estimated_bytes());
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return rank(a) < rank(b); });
  return order;
}

// As the workers want them: from both ends where they work from both ends.
std::vector<std::size_t> Run::order_of_fetches() const {
  const std::vector<std::size_t> all = order();
  if (!options_.on_layer) return all;
  std::vector<std::size_t> both;
  for (std::size_t i = 0; i < (all.size() + 1) / 2; ++i) {
    both.push_back(all[i]);
    if (all.size() - 1 - i != i) both.push_back(all[all.size() - 1 - i]);
  }
  return both;
}

bool Run::ready(std::size_t index) const {
  const Slot& slot = slots_[index];
  if (slot.taken || !slot.fetched) return false;
  if (!plan_.layers[index].recipe->executed()) return true;
  return std::all_of(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(index),
                     [](const Slot& below) { return below.built.has_value(); });
}

bool Run::all_taken() const {
  return std::all_of(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.taken; });
}

std::optional<std::size_t> Run::next(bool smallest_first) {
  std::unique_lock lock(mutex_);
  std::vector<std::size_t> wanted = order();
  if (smallest_first) std::reverse(wanted.begin(), wanted.end());
  for (;;) {
    if (error_ || stop_.stop_requested() || all_taken()) return std::nullopt;
    for (const std::size_t index : wanted) {
      if (!ready(index)) continue;
      slots_[index].taken = true;
      return index;
    }
    changed_.wait(lock);
  }
}

void Run::give_up(Error error) {
  {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  stop_.request_stop();
  changed_.notify_all();
}

std::optional<store::BuiltLayer> Run::recorded(std::size_t index) const {
  const auto& record = states_[index].record;
  if (!record || options_.ignore_records || options_.check) return std::nullopt;
  return recorded_layer(plan_.layers[index], *record);
}

LocalPlaces Run::local_places() const {
  return {.probe_file = options_.probe_file,
          .project_directory = options_.project_directory,
          .vendor_folders = place_.sources.addresses().settings().vendor_folders};
}

void Run::fetch_ahead() {
  for (const std::size_t index : order_of_fetches()) {
    if (stop_.stop_requested()) return;
    const PlannedLayer& layer = plan_.layers[index];
    if (!slots_[index].built) {
      const auto inputs = layer.recipe->inputs();
      if (auto brought = bring_local(inputs, local_places(), place_.store); !brought) {
        return give_up(std::move(brought.error()).context("layer " + layer.id));
      }
      if (auto fetched = place_.sources.fetch(inputs, options_.fetches, stop_.get_token());
          !fetched) {
        return give_up(std::move(fetched.error()).context("layer " + layer.id));
      }
    }
    {
      const std::lock_guard lock(mutex_);
      slots_[index].fetched = true;
    }
    changed_.notify_all();
  }
}

Result<std::vector<store::BuiltLayer>> Run::parents_of(std::size_t index) {
  std::vector<store::BuiltLayer> parents;
  {
    const std::lock_guard lock(mutex_);
    for (std::size_t below = 0; below < index; ++below) {
      if (plan_.layers[below].recipe->emits()) parents.push_back(*slots_[below].built);
    }
  }
  for (const store::BuiltLayer& parent : parents) {
    if (options_.bring) TRY(options_.bring(parent.blob, stop_.get_token()));
  }
  return parents;
}

void Run::tell(std::size_t index, const store::BuiltLayer& layer) const {
  if (options_.on_layer && plan_.layers[index].recipe->emits()) options_.on_layer(index, layer);
}

Result<store::BuiltLayer> Run::produce(std::size_t index, base::ProgressTask& task) {
  const PlannedLayer& layer = plan_.layers[index];
  const auto scratch = TRY(place_.store.scratch("build-" + layer.key.short_hex()));
  sandbox::Sandbox sandbox(options_.sandbox_program, scratch.path());
  std::vector<store::BuiltLayer> parents;
  if (layer.recipe->executed()) parents = TRY(parents_of(index));
  const layer::BuildContext context{.store = place_.store,
                                    .epoch = options_.epoch,
                                    .encoder = layer.encoder,
                                    .workers = options_.layer_threads,
                                    .held = held_,
                                    .scratch = scratch.path(),
                                    .project_directory = options_.project_directory,
                                    .sandbox = layer.recipe->executed() ? &sandbox : nullptr,
                                    .parents = std::move(parents),
                                    .recorded = recorded(index),
                                    .task = task,
                                    .stop = stop_.get_token(),
                                    .images = place_.images};
  return layer.recipe->produce(context);
}

Result<> Run::check_record(std::size_t index, const store::BuiltLayer& built) const {
  const auto& record = states_[index].record;
  if (!record || options_.ignore_records || record->digest == built.blob.digest.hex()) return {};
  return fail(
      Error(Errc::mismatch, fmt::format("the layer came out as {}, but the lock records sha256:{}",
                                        built.blob.digest.to_string(), record->digest))
          .hint("the build is not reproducible here: 'imgforge build --check' names files that "
                "differ between two runs; 'imgforge build --record' accepts the new digests"));
}

// `shared`: another build made it meanwhile.
Result<store::BuiltLayer> Run::build(std::size_t index, bool& shared) {
  const PlannedLayer& layer = plan_.layers[index];
  auto task = place_.progress.start("build", layer.id, layer.recipe->estimated_bytes());
  const auto lock = TRY(place_.store.lock_layer(
      layer.key, [&] { task->set_phase("waiting for another build of the same layer"); }));
  if (auto known = TRY(place_.store.find_layer(layer.key)); known && !options_.check) {
    task->finish("shared");
    shared = true;
    return *known;
  }
  store::BuiltLayer built = TRY(produce(index, *task));
  if (options_.check && layer.recipe->executed() && layer.recipe->emits()) {
    task->set_phase("building a second time");
    const store::BuiltLayer again = TRY(produce(index, *task));
    if (again.diff_id != built.diff_id) {
      const auto difference = TRY(first_difference(place_.store, built.blob, again.blob));
      return fail(Error(Errc::mismatch, "two builds of this layer differ: " + difference)
                      .hint("make the step deterministic, or leave the file out of the image"));
    }
  }
  TRY(check_record(index, built));
  TRY(place_.store.put_layer(layer.key, built));
  task->finish(options_.check && layer.recipe->executed() ? "built twice, identical" : "built");
  return built;
}

void Run::work(bool smallest_first) {
  while (const auto index = next(smallest_first)) {
    bool shared = false;
    auto built = build(*index, shared);
    if (!built) {
      return give_up(std::move(built.error()).context("layer " + plan_.layers[*index].id));
    }
    tell(*index, *built);
    {
      const std::lock_guard lock(mutex_);
      slots_[*index].built = std::move(*built);
      slots_[*index].reused = shared;
    }
    changed_.notify_all();
  }
}

Result<RunReport> Run::go() {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const bool again = options_.check && plan_.layers[i].recipe->executed();
    if (again) continue;
    if (states_[i].built) {
      TRY(base::with_context(check_record(i, *states_[i].built), "layer " + plan_.layers[i].id));
      slots_[i] = {.fetched = true, .taken = true, .built = states_[i].built, .reused = true};
      tell(i, *states_[i].built);
    } else if (states_[i].elsewhere) {
      slots_[i] = {.fetched = true, .taken = true, .built = states_[i].elsewhere, .reused = true};
    }
  }
  if (!all_taken()) {
    std::vector<std::jthread> threads;
    threads.emplace_back([this] { fetch_ahead(); });
    for (std::size_t i = 0; i < std::max<std::size_t>(options_.workers, 1); ++i) {
      // Where finished layers go on to somewhere, every second worker begins with the small ones,
      // so that there is something to send from the first moments on; they meet in the middle.
      const bool smallest_first = options_.on_layer && i % 2 == 1;
      threads.emplace_back([this, smallest_first] { work(smallest_first); });
    }
  }
  if (error_) return fail(std::move(*error_));
  if (place_.stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
  RunReport report;
  for (Slot& slot : slots_) {
    report.layers.push_back(std::move(*slot.built));
    report.reused.push_back(slot.reused);
  }
  return report;
}

}  // namespace

Result<RunReport> run(const Plan& plan, const std::vector<LayerState>& states,
                      const RunOptions& options, const Workplace& place) {
  return Run(plan, states, options, place).go();
}

}  // namespace imgforge::build

#include "content/pusher.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "base/task_group.h"
#include "oci/graph.h"

namespace imgforge::content {
namespace {

bool lacks_blobs(const Error& error) {
  const auto& facts = error.facts();
  return std::find(facts.begin(), facts.end(),
                   std::pair<std::string, std::string>("code", "MANIFEST_BLOB_UNKNOWN")) !=
         facts.end();
}

bool is_document(const oci::Descriptor& descriptor) {
  return oci::is_manifest(descriptor.media_type) || oci::is_index(descriptor.media_type);
}

std::string_view outcome(Taken taken, const std::string& verb) {
  if (taken == Taken::mounted) return "mounted";
  if (taken == Taken::there) return "there already";
  return verb == "pull" ? "pulled" : verb == "copy" ? "copied" : "pushed";
}

void count(Moved& moved, Taken taken, std::uint64_t bytes) {
  Counted& counted = taken == Taken::sent      ? moved.sent
                     : taken == Taken::mounted ? moved.mounted
                                               : moved.there;
  ++counted.blobs;
  counted.bytes += bytes;
}

}  // namespace

struct Pusher::State {
  State(Origin& origin_, Target& target_, Options options_, base::Progress& progress_,
        const std::stop_token& outer_)
      : origin(origin_),
        target(target_),
        options(std::move(options_)),
        progress(progress_),
        outer(outer_),
        forward(outer_, [this] { inner.request_stop(); }) {
    if (options.subject.empty()) options.subject = target.name();
    options.parallel = std::clamp<std::size_t>(options.parallel, 1, kMostParallel);
    ways.mount_from = options.mount_from;
  }

  Result<Taken> take(const oci::Descriptor& blob, bool again) {
    auto task = progress.start(
        options.verb, fmt::format("{} {}", options.subject, blob.digest.short_hex()), blob.size);
    Ways way = ways;
    way.again = again;
    const Taken taken = TRY(target.take_blob(blob, origin, way, *task, inner.get_token()));
    task->finish(outcome(taken, options.verb));
    return taken;
  }

  void fail_with(Error problem) {
    if (!error) error = std::move(problem);
    queue.clear();
    inner.request_stop();
    changed.notify_all();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      ++idle;
      changed.wait(lock, [&] { return ended || !queue.empty(); });
      --idle;
      if (queue.empty()) return;
      const oci::Descriptor blob = std::move(queue.front());
      queue.pop_front();
      ++busy;
      lock.unlock();
      auto taken = take(blob, /*again=*/false);
      lock.lock();
      --busy;
      if (taken) {
        count(moved, *taken, blob.size);
      } else {
        fail_with(std::move(taken.error()).context("blob " + blob.digest.to_string()));
      }
      changed.notify_all();
    }
  }

  Origin& origin;
  Target& target;
  Options options;
  base::Progress& progress;
  Ways ways;

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<oci::Descriptor> queue;
  std::set<oci::Digest> offered;
  std::size_t busy = 0, idle = 0;
  bool ended = false;
  std::optional<Error> error;
  Moved moved;

  std::stop_token outer;
  std::stop_source inner;
  std::stop_callback<std::function<void()>> forward;
  std::vector<std::jthread> threads;
};

Pusher::Pusher(Origin& origin, Target& target, Options options, base::Progress& progress,
               std::stop_token stop)
    : state_(std::make_unique<State>(origin, target, std::move(options), progress, stop)) {}

Pusher::~Pusher() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->ended = true;
    state_->queue.clear();
    state_->inner.request_stop();
  }
  state_->changed.notify_all();
  state_->threads.clear();  // joins
}

void Pusher::offer(const oci::Descriptor& blob) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.error || !state.offered.insert(blob.digest).second) return;
  state.queue.push_back(blob);
  if (state.idle < state.queue.size() && state.threads.size() < state.options.parallel) {
    state.threads.emplace_back([&state] { state.work(); });
  }
  state.changed.notify_all();
}

Result<> Pusher::settle() {
  State& state = *state_;
  std::unique_lock lock(state.mutex);
  state.changed.wait(lock, [&] { return state.busy == 0 && state.queue.empty(); });
  if (state.outer.stop_requested()) return fail(Errc::cancelled, "interrupted");
  if (state.error) return fail(*state.error);
  return {};
}

Moved Pusher::moved() const {
  const std::lock_guard lock(state_->mutex);
  return state_->moved;
}

Result<> Pusher::put(const Document& document, const std::string* tag) {
  State& state = *state_;
  const auto once = [&] {
    return tag != nullptr ? state.target.tag(document, *tag, state.inner.get_token())
                          : state.target.put_document(document, state.inner.get_token());
  };
  auto done = once();
  if (done || !lacks_blobs(done.error())) return done;
  // A collection of garbage came between our look and the document (Harbor; harbor#12975).
  state.progress.note(
      fmt::format("{} has lost blobs meanwhile: sending them again", state.target.name()));
  const auto children = TRY(oci::successors(document.descriptor.media_type, document.bytes));
  TRY(base::parallel_for(children.size(), state.options.parallel, state.inner.get_token(),
                         [&](std::size_t i, std::stop_token) -> Result<> {
                           if (!is_document(children[i])) TRY(state.take(children[i], true));
                           return {};
                         }));
  return once();
}

Result<> Pusher::publish(const std::vector<Document>& documents,
                         const std::vector<std::string>& tags) {
  State& state = *state_;
  std::vector<oci::Descriptor> blobs;
  for (const Document& document : documents) {
    for (oci::Descriptor& child :
         TRY(oci::successors(document.descriptor.media_type, document.bytes))) {
      if (!is_document(child)) blobs.push_back(std::move(child));
    }
  }
  // The largest first: the last to end is then a small one.
  std::stable_sort(blobs.begin(), blobs.end(),
                   [](const auto& a, const auto& b) { return a.size > b.size; });
  for (const oci::Descriptor& blob : blobs) offer(blob);
  TRY(settle());
  if (documents.empty()) return {};

  // The root comes with its tags.
  const std::size_t bare = documents.size() - (tags.empty() ? 0 : 1);
  std::vector<const Document*> images, indexes;
  for (std::size_t i = 0; i < bare; ++i) {
    (oci::is_index(documents[i].descriptor.media_type) ? indexes : images).push_back(&documents[i]);
  }
  TRY(base::parallel_for(images.size(), state.options.parallel, state.inner.get_token(),
                         [&](std::size_t i, std::stop_token) { return put(*images[i], nullptr); }));
  for (const Document* index : indexes) TRY(put(*index, nullptr));
  for (const std::string& tag : tags) TRY(put(documents.back(), &tag));
  return {};
}

}  // namespace imgforge::content

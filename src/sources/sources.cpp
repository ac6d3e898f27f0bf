#include "sources/sources.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "base/task_group.h"
#include "http/pool.h"
#include "http/url.h"
#include "sources/apt_resolve.h"
#include "sources/download.h"
#include "sources/places.h"
#include "sources/python_resolve.h"
#include "sources/remote_file.h"

namespace imgforge::sources {
namespace {

http::Settings network_settings(const Addresses& addresses) {
  http::Settings settings = http::settings_from(addresses.settings().environment);
  settings.allow_file = true;  // only for configured roles: places() refuses it for addresses
  return settings;
}

// Several failures as one: the first one's kind, all of their sentences.
Error together(std::vector<Error> errors, std::size_t of) {
  if (errors.size() == 1) return std::move(errors[0]);
  constexpr std::size_t kNamed = 20;
  std::string message = fmt::format("{} of {} inputs cannot be fetched", errors.size(), of);
  for (std::size_t i = 0; i < std::min(errors.size(), kNamed); ++i) {
    message += "\n    " + errors[i].summary();
  }
  if (errors.size() > kNamed) message += fmt::format("\n    and {} more", errors.size() - kNamed);
  // A kind that later may work must not hide one that will not.
  const auto worst = std::find_if(errors.begin(), errors.end(),
                                  [](const Error& error) { return !http::is_transient(error); });
  const Error& shown = worst == errors.end() ? errors[0] : *worst;
  return Error(shown.code(), std::move(message)).hint(shown.hint());
}

}  // namespace

struct Sources::State {
  Addresses addresses;
  store::Store& store;
  base::Progress& progress;
  http::Pool pool;
  PageCache pages;
  Downloader downloader;

  State(Addresses a, store::Store& s, base::Progress& p)
      : addresses(std::move(a)),
        store(s),
        progress(p),
        pool(network_settings(addresses)),
        pages(addresses, pool, progress),
        downloader(pool, store, progress) {}

  Result<bool> adopt(const Input& input);
  Result<> fetch_one(const Input& input, std::stop_token stop);
  Result<std::uint64_t> size_of(const std::string& url, std::stop_token stop);
};

// From a vendored folder, if one has it whole.
Result<bool> Sources::State::adopt(const Input& input) {
  for (const std::string& folder : addresses.settings().vendor_folders) {
    const std::string file = base::join_path(folder, "sha256/" + input.digest.hex());
    if (!base::exists(file)) continue;
    auto adopted = store.adopt_input(file, input.digest, input.size);
    if (adopted) return true;
    if (adopted.error().code() != Errc::mismatch) return fail(std::move(adopted.error()));
    progress.warn(fmt::format("{} is damaged and not used: {}", file, adopted.error().message()));
  }
  return false;
}

Result<> Sources::State::fetch_one(const Input& input, std::stop_token stop) {
  if (store.has_input(input.digest) || TRY(adopt(input))) return {};
  auto task = progress.start("fetch", input.name, input.size);
  const auto work = [&]() -> Result<> {
    const auto urls = TRY(places(input.origin, input.digest.hex(), addresses, pages, stop));
    const Wanted wanted{input.name, store::Ingest::Expected{input.digest, input.size}};
    auto done = downloader.fetch(urls, wanted, *task, stop);
    if (done) return {};
    if (done.error().code() == Errc::not_found) {
      return fail(vanished(input.origin, input.name));
    }
    return fail(std::move(done.error()));
  };
  auto done = work();
  task->finish(done ? "fetched" : "failed");
  return done;
}

Result<std::uint64_t> Sources::State::size_of(const std::string& url, std::stop_token stop) {
  auto lease = TRY(pool.borrow());
  return http::retrying(
      http::RetryPolicy{}, stop, announcing(progress), [&]() -> Result<std::uint64_t> {
        const http::Request request{.method = "HEAD", .url = url};
        const http::Response response = TRY(lease->send(request, stop));
        if (!response.ok()) return fail(http::status_error(request, response));
        if (const auto size = response.whole_size()) return *size;
        return fail(Errc::protocol, http::redacted(url) + " does not tell its size");
      });
}

Sources::Sources(Addresses addresses, store::Store& store, base::Progress& progress)
    : state_(std::make_unique<State>(std::move(addresses), store, progress)) {}
Sources::~Sources() = default;

const Addresses& Sources::addresses() const { return state_->addresses; }

Result<AptResolution> Sources::resolve_apt(const AptRequest& request, std::stop_token stop) {
  const base::TempDir scratch = TRY(state_->store.scratch("apt"));
  return sources::resolve_apt(request, state_->addresses, scratch.path(), state_->progress, stop);
}

Result<PythonResolution> Sources::resolve_python(const PythonRequest& request,
                                                 std::stop_token stop) {
  const base::TempDir scratch = TRY(state_->store.scratch("python"));
  return sources::resolve_python(
      request, state_->addresses, scratch.path(),
      [&](const std::string& role, const std::string& project, std::stop_token token) {
        return state_->pages.get(role, project, token);
      },
      [&](const std::string& url, std::stop_token token) { return state_->size_of(url, token); },
      stop);
}

Result<> Sources::fetch(std::span<const Input> inputs, std::size_t parallel, std::stop_token stop) {
  std::vector<const Input*> missing;
  std::set<oci::Digest> seen;
  for (const Input& input : inputs) {
    if (!state_->store.has_input(input.digest) && seen.insert(input.digest).second) {
      missing.push_back(&input);
    }
  }
  // The largest first: the end of the whole is then not one long transfer.
  std::stable_sort(missing.begin(), missing.end(),
                   [](const Input* a, const Input* b) { return a->size > b->size; });
  std::mutex mutex;
  std::map<std::size_t, Error> errors;  // by position, so that the order does not depend on time
  TRY(base::parallel_for(
      missing.size(), parallel, stop, [&](std::size_t i, std::stop_token token) -> Result<> {
        auto done = state_->fetch_one(*missing[i], token);
        if (done) return {};
        // A full disk or an interruption is everybody's.
        if (done.error().code() == Errc::io || done.error().code() == Errc::cancelled) return done;
        const std::lock_guard lock(mutex);
        errors.emplace(i, std::move(done.error()));
        return {};
      }));
  if (errors.empty()) return {};
  std::vector<Error> all;
  for (auto& [position, error] : errors) all.push_back(std::move(error));
  return fail(together(std::move(all), missing.size()));
}

Result<std::string> Sources::fetch_document(const Origin& origin, std::size_t limit,
                                            std::stop_token stop) {
  const auto urls = TRY(places(origin, "", state_->addresses, state_->pages, stop));
  auto lease = TRY(state_->pool.borrow());
  Result<std::string> last = fail(Errc::not_found, describe(origin) + " is served nowhere");
  for (const std::string& url : urls) {
    last = http::retrying(http::RetryPolicy{}, stop, announcing(state_->progress),
                          [&]() -> Result<std::string> {
                            return TRY(http::get_document(*lease, url, {}, limit, stop)).body;
                          });
    if (last || last.error().code() != Errc::not_found) break;
  }
  return base::with_context(std::move(last), "reading " + describe(origin));
}

Result<std::unique_ptr<base::RandomAccess>> Sources::open(const Input& input,
                                                          std::stop_token stop) {
  const auto from_store = [&]() -> Result<std::unique_ptr<base::RandomAccess>> {
    return std::make_unique<base::File>(TRY(state_->store.open_input(input.digest)));
  };
  if (state_->store.has_input(input.digest) || TRY(state_->adopt(input))) return from_store();
  for (const std::string& url :
       TRY(places(input.origin, input.digest.hex(), state_->addresses, state_->pages, stop))) {
    auto remote = RemoteFile::open(state_->pool, url, input.size, stop);
    if (remote) return std::move(*remote);
    const Errc code = remote.error().code();
    if (code == Errc::cancelled) return fail(std::move(remote.error()));
    if (code == Errc::unsupported) break;
  }
  // No ranges, or trouble that fetching knows how to handle and to report.
  TRY(state_->fetch_one(input, stop));
  return from_store();
}

Result<Input> Sources::pin(const Origin& origin, const std::string& name, std::stop_token stop) {
  const auto urls = TRY(places(origin, "", state_->addresses, state_->pages, stop));
  auto task = state_->progress.start("fetch", name, std::nullopt);
  auto done = state_->downloader.fetch(urls, Wanted{name, std::nullopt}, *task, stop);
  task->finish(done ? "fetched" : "failed");
  if (!done) return fail(std::move(done.error()));
  return Input{name, done->digest, done->size, origin};
}

}  // namespace imgforge::sources

#include "sources/download.h"

#include <fmt/format.h>

#include "http/url.h"
#include "sources/places.h"

namespace imgforge::sources {
namespace {

/// A connection that brought this much before it broke was no failed attempt.
constexpr std::uint64_t kWorthwhile = 1 << 20;

Error wrong_size(const std::string& name, const std::string& url, std::string_view how,
                 std::uint64_t expected) {
  return Error(Errc::mismatch, fmt::format("{} from {} is {} than the {} bytes that the lock names",
                                           name, http::redacted(url), how, expected))
      .with("url", http::redacted(url));
}

// Drops what the ingest has already, refuses more than was promised.
class ResumingSink final : public base::Sink {
 public:
  ResumingSink(const Wanted& wanted, const std::string& url, store::Ingest& ingest,
               base::ProgressTask& task)
      : wanted_(wanted), url_(url), ingest_(ingest), task_(task) {}
  void skip(std::uint64_t bytes) { skip_ = bytes; }
  Result<> write(base::Bytes bytes) override {
    const std::size_t dropped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= dropped;
    bytes = bytes.subspan(dropped);
    if (bytes.empty()) return {};
    if (wanted_.expected && wanted_.expected->size &&
        ingest_.written() + bytes.size() > *wanted_.expected->size) {
      return fail(wrong_size(wanted_.name, url_, "longer", *wanted_.expected->size));
    }
    TRY(ingest_.write(bytes));
    task_.advance(bytes.size());
    return {};
  }

 private:
  const Wanted& wanted_;
  const std::string& url_;
  store::Ingest& ingest_;
  base::ProgressTask& task_;
  std::uint64_t skip_ = 0;
};

}  // namespace

// Returns whether the transfer was resumed on the way.
Result<bool> Downloader::transfer(const std::string& url, const Wanted& wanted,
                                  store::Ingest& ingest, base::ProgressTask& task,
                                  std::stop_token stop) const {
  auto lease = TRY(pool_.borrow());
  ResumingSink sink(wanted, url, ingest, task);
  bool resumed = false;
  for (int attempt = 1;; ++attempt) {
    const std::uint64_t have = ingest.written();
    http::Request request;
    request.url = url;
    request.sink = &sink;
    if (have > 0) request.range = std::to_string(have) + "-";
    request.on_headers = [&](const http::Response& response) -> Result<> {
      if (!response.ok()) return {};
      const std::uint64_t start = response.range_start();
      if (start > have) {
        return fail(Errc::protocol, http::redacted(url) + " answers with another range than asked");
      }
      sink.skip(have - start);
      const auto whole = response.whole_size();
      if (whole && wanted.expected && wanted.expected->size && *whole != *wanted.expected->size) {
        return fail(wrong_size(wanted.name, url,
                               *whole < *wanted.expected->size ? "shorter" : "longer",
                               *wanted.expected->size));
      }
      return {};
    };
    auto response = lease->send(request, stop);
    std::optional<Error> error;
    if (!response) {
      error = std::move(response.error());
    } else if (!response->ok()) {
      error = http::status_error(request, *response);
    } else {
      return resumed;
    }
    if (!http::is_transient(*error)) return fail(std::move(*error));
    if (ingest.written() - have >= kWorthwhile) attempt = 0;
    const auto delay = http::retry_delay(policy_, std::max(attempt, 1), http::retry_after(*error),
                                         http::random_jitter());
    if (!delay) {
      return fail(std::move(*error).context(fmt::format("fetching {}", wanted.name)));
    }
    announcing(progress_)(*error, *delay);
    if (!http::sleep_for(*delay, stop)) return fail(Errc::cancelled, "interrupted");
    resumed = resumed || ingest.written() > 0;
  }
}

Result<Downloaded> Downloader::fetch_from(const std::string& url, const Wanted& wanted,
                                          base::ProgressTask& task, std::stop_token stop) const {
  for (int round = 0;; ++round) {
    store::Ingest ingest =
        TRY(store_.new_input(wanted.expected ? wanted.expected->size : std::nullopt));
    const bool resumed = TRY(transfer(url, wanted, ingest, task, stop));
    const std::uint64_t size = ingest.written();
    if (wanted.expected && wanted.expected->size && size < *wanted.expected->size) {
      return fail(wrong_size(wanted.name, url, "shorter", *wanted.expected->size));
    }
    auto digest = ingest.commit(wanted.expected);
    if (digest) return Downloaded{std::move(*digest), size};
    // Halves of two versions of a file: once more, in one piece.
    if (resumed && round == 0 && digest.error().code() == Errc::mismatch) continue;
    return fail(std::move(digest.error())
                    .with("url", http::redacted(url))
                    .context(fmt::format("fetching {} from {}", wanted.name, http::redacted(url))));
  }
}

Result<Downloaded> Downloader::fetch(const std::vector<std::string>& urls, const Wanted& wanted,
                                     base::ProgressTask& task, std::stop_token stop) const {
  std::optional<Error> error;
  for (const std::string& url : urls) {
    auto done = fetch_from(url, wanted, task, stop);
    if (done) return done;
    const Errc code = done.error().code();
    if (code == Errc::cancelled || code == Errc::io) return done;
    if (!error || error->code() != Errc::mismatch) error = std::move(done.error());
  }
  if (!error) return fail(Errc::not_found, "nobody serves " + wanted.name);
  return fail(std::move(*error));
}

}  // namespace imgforge::sources

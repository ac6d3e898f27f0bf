// Requests to one Harbor's REST API: Basic authentication, JSON, no cookies, no redirects, and one
// rule for trying again. Retried are answers and failures that may pass (429, 5xx, no connection)
// of requests that may be sent twice: everything but POST and PATCH; those only after a 429, when
// Harbor did nothing. All functions are safe from several threads.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "harbor/explain.h"
#include "http/pool.h"
#include "http/retry.h"

namespace imgforge::harbor {

struct Options {
  std::string host;  // "host[:port]": a Harbor below a path is not supported (harbor#19425)
  /// Without TLS: only where the user said so.
  bool plain_http = false;
  std::string user;  // "robot$ml+ci"; empty: nobody
  std::string password;
  http::RetryPolicy retry;
  /// Nothing is tried again when a request has taken this long.
  std::chrono::milliseconds patience = std::chrono::minutes(15);
};

struct Reply {
  int status = 0;
  http::Headers headers;
  std::string body;
  bool ok() const { return status >= 200 && status < 300; }
};

class Connection {
 public:
  /// Borrows `pool` and `progress`, to which waits are told. Errc::usage for a host with a path or
  /// a scheme.
  static Result<Connection> open(Options options, http::Pool& pool, base::Progress& progress);
  const Options& options() const { return options_; }

  /// `path` below /api/v2.0, with its query. 2xx demanded; else the explained Error.
  /// `what` as in Attempt.
  Result<Reply> send(const char* method, const std::string& path, const std::string& body,
                     const std::string& what, std::stop_token stop = {}) const;
  Result<std::string> get(const std::string& path, const std::string& what,
                          std::stop_token stop = {}) const;
  /// Every page of a list, in order: 100 entries each, to the end by Link and X-Total-Count.
  Result<std::vector<std::string>> get_pages(const std::string& path, const std::string& what,
                                             std::stop_token stop = {}) const;

 private:
  Connection(Options options, http::Pool& pool, base::Progress& progress)
      : options_(std::move(options)), pool_(&pool), progress_(&progress) {}
  Result<Reply> send_once(const char* method, const std::string& path, const std::string& body,
                          const std::string& what, std::stop_token stop) const;

  Options options_;
  http::Pool* pool_;
  base::Progress* progress_;
};

}  // namespace imgforge::harbor

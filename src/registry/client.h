// The reading side of the distribution specification (v1.1.1) for one registry: manifests and blobs
// as they are, verified against the digest they were asked for or announced with. Logs in by
// itself, tries again by one rule, goes on with a broken transfer where it stopped. All functions
// are safe from several threads; memory is bounded by one manifest.
#pragma once

#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "base/progress.h"
#include "http/pool.h"
#include "http/retry.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/answer.h"
#include "registry/authenticator.h"

namespace imgforge::registry {

struct Options {
  std::string host;     // as in references; credentials go by it
  std::string address;  // where it is served (a mirror), "host[:port]"; empty: at `host`
  /// Without TLS: only where the user said so, and then never with it.
  bool plain_http = false;
  CredentialBook credentials;
  http::RetryPolicy retry;
};

/// 127.0.0.0/8, ::1 and localhost, with or without a port: the only hosts that may be spoken to
/// without TLS unless the user says so.
bool is_loopback(std::string_view host);

/// A document whose identity is its bytes.
struct RawManifest {
  oci::Descriptor descriptor;  // media type, digest, size
  std::string bytes;
};

class Client {
 public:
  /// Borrows `pool` and `progress`, to which waits and the server's warnings are told.
  Client(Options options, http::Pool& pool, base::Progress& progress);
  const std::string& host() const { return options_.host; }

  /// end-1: is there a registry, and does it take our credentials?
  Result<> ping(std::stop_token stop = {});

  /// end-3: a manifest or an index by digest, else by tag, else by the tag "latest"; at most 4 MiB.
  /// mismatch: the bytes are not what the reference or the server's Docker-Content-Digest says.
  Result<RawManifest> get_manifest(const oci::RegistryReference& reference,
                                   std::stop_token stop = {});

  /// end-2: the blob's bytes, in order, each once, resumed where a connection broke. Size and
  /// digest are verified at the end: after an Error (mismatch) what the sink got is worthless. The
  /// fact "resumed" stands in a mismatch that may come from two halves. `task` hears of the bytes.
  Result<> get_blob(const std::string& repository, const oci::Descriptor& blob, base::Sink& sink,
                    base::ProgressTask& task, std::stop_token stop = {});

 private:
  struct Transfer;
  Result<http::Response> send(http::Request request, const Access& access, std::stop_token stop);
  Result<RawManifest> try_manifest(const oci::RegistryReference& reference, std::stop_token stop);
  Result<> try_blob(Transfer& transfer, std::stop_token stop);
  std::string url(std::string_view path) const;
  Error refusal(const http::Request& request, const http::Response& response,
                const std::string& repository, const std::string& what) const;
  Error explained(Error error) const;
  /// How long to wait before trying again; nullopt: give up.
  std::optional<std::chrono::milliseconds> patience(const Error& error, int attempt) const;
  Result<> wait(const Error& error, std::chrono::milliseconds delay, std::stop_token stop);
  void pass_warnings(const http::Response& response);

  Options options_;
  http::Pool& pool_;
  base::Progress& progress_;
  Authenticator authenticator_;
  std::mutex warned_mutex_;
  std::set<std::string> warned_;
};

}  // namespace imgforge::registry

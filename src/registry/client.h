// The distribution specification (v1.1.1) for one registry: manifests and blobs as they are,
// verified against the digest they were asked for or announced with. Logs in by itself, tries again
// by one rule, goes on with a broken transfer where it stopped as far as the server can. All
// functions are safe from several threads; memory is bounded by one manifest. Errors name the
// registry, what was wanted of it, what it said and what to do; their facts are those of
// registry/answer.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/progress.h"
#include "content/document.h"
#include "http/pool.h"
#include "http/retry.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/answer.h"
#include "registry/authenticator.h"
#include "registry/upload_journal.h"

namespace imgforge::registry {

struct Options {
  std::string host;     // as in references; credentials go by it
  std::string address;  // where it is served (a mirror), "host[:port]"; empty: at `host`
  /// Without TLS: only where the user said so, and then never with it.
  bool plain_http = false;
  CredentialBook credentials;
  http::RetryPolicy retry;
  /// No request and no blob is tried again when this long has passed without anything arriving.
  std::chrono::milliseconds patience = std::chrono::minutes(15);
  Explain explain;  // may be unset
};

/// 127.0.0.0/8, ::1 and localhost, with or without a port: the only hosts that may be spoken to
/// without TLS unless the user says so.
bool is_loopback(std::string_view host);

using RawManifest = content::Document;

enum class Right { pull, push };

struct UploadOptions {
  /// Bytes per request; 0: each blob in one. A server that finds that too much (413), or a proxy
  /// that breaks it twice, gets pieces anyway.
  std::uint64_t chunk_size = 0;
  /// Repositories of this registry that may have the blob, tried in order.
  std::vector<std::string> mount_from;
  /// Where uploads in pieces are noted, so that another process can go on; null: nowhere.
  const UploadJournal* journal = nullptr;
};

class Client {
 public:
  /// Borrows `pool` and `progress`, to which waits and the server's warnings are told.
  Client(Options options, http::Pool& pool, base::Progress& progress);
  const std::string& host() const { return options_.host; }

  /// end-1: is there a registry, and does it take our credentials? They are shown without asking
  /// for a right to anything: Harbor gives a token for nobody to wrong ones otherwise. False: it
  /// asks nobody who they are.
  Result<bool> ping(std::stop_token stop = {});

  // Manifests.
  /// end-3: a manifest or an index by digest, else by tag, else by the tag "latest"; at most 4 MiB.
  /// mismatch: the bytes are not what the reference or the server's Docker-Content-Digest says.
  Result<RawManifest> get_manifest(const oci::RegistryReference& reference,
                                   std::stop_token stop = {});
  /// end-3 with HEAD: nullopt when it is not there. A server whose answer lacks digest or size is
  /// asked for the manifest itself. With Right::push the token will do for what follows.
  Result<std::optional<oci::Descriptor>> head_manifest(const oci::RegistryReference& reference,
                                                       Right right = Right::pull,
                                                       std::stop_token stop = {});
  /// end-7a: under the tag, else under its digest. False: the server knows nothing of subjects, or
  /// does not say that it does. refused: an immutable tag (one that has this digest already is
  /// success), a quota, a policy. What it names must be there ("code" MANIFEST_BLOB_UNKNOWN).
  Result<bool> put_manifest(const std::string& repository, const RawManifest& manifest,
                            const std::optional<oci::Tag>& tag, std::stop_token stop = {});
  /// end-9: with every tag that points at it.
  Result<> delete_manifest(const std::string& repository, const oci::Digest& digest,
                           std::stop_token stop = {});
  /// end-9 by tag: unsupported by distribution and Harbor (which has its own interface for it).
  Result<> delete_tag(const std::string& repository, const oci::Tag& tag,
                      std::stop_token stop = {});
  /// end-8: all of them, sorted. not_found: no such repository.
  Result<std::vector<std::string>> list_tags(const std::string& repository,
                                             std::stop_token stop = {});

  // Referrers.
  /// end-12: what has that subject, from the referrers interface or, where there is none, from the
  /// tag that stands in for it. `artifact_type` and annotations are those of the manifests: lists
  /// of other tools are wrong about them.
  Result<std::vector<oci::Descriptor>> referrers(const std::string& repository,
                                                 const oci::Digest& subject,
                                                 std::stop_token stop = {});
  /// The same as the list has it, for whoever reads the manifests anyway: types and annotations may
  /// be wrong, and what it names may be gone.
  Result<std::vector<oci::Descriptor>> listed_referrers(const std::string& repository,
                                                        const oci::Digest& subject,
                                                        std::stop_token stop = {});
  /// Puts a manifest that has a subject, and lists it under the stand-in tag unless the server does
  /// that itself. unavailable: others wrote the list again and again meanwhile.
  Result<> put_referrer(const std::string& repository, const RawManifest& manifest,
                        std::stop_token stop = {});

  // Blobs.
  /// end-2 with HEAD. Asks with the right to push: whoever asks is about to.
  Result<bool> has_blob(const std::string& repository, const oci::Descriptor& blob,
                        std::stop_token stop = {});
  /// end-2: the blob's bytes, in order, each once, resumed where a connection broke. Size and
  /// digest are verified at the end: after an Error (mismatch) what the sink got is worthless. The
  /// fact "resumed" stands in a mismatch that may come from two halves. `task` hears of the bytes.
  Result<> get_blob(const std::string& repository, const oci::Descriptor& blob, base::Sink& sink,
                    base::ProgressTask& task, std::stop_token stop = {});
  /// The same from `offset` on; then the digest is not verified.
  Result<> get_blob_from(const std::string& repository, const oci::Descriptor& blob,
                         std::uint64_t offset, base::Sink& sink, base::ProgressTask& task,
                         std::stop_token stop = {});

  enum class Upload { mounted, sent };
  /// A mount where one goes (end-11), else the blob's bytes (end-4a, 5, 6), opened only then. The
  /// server verifies the digest. `task` hears of each byte once, however often it is sent.
  using OpenBlob = std::function<Result<std::unique_ptr<base::RandomAccess>>()>;
  Result<Upload> put_blob(const std::string& repository, const oci::Descriptor& blob,
                          const OpenBlob& open, const UploadOptions& options,
                          base::ProgressTask& task, std::stop_token stop = {});

 private:
  friend class Uploader;
  struct Transfer;
  using Doing = Asked::Action;

  /// `access` unset: a request to somebody else's address, which gets no credentials.
  Result<http::Response> send(http::Request request, const std::optional<Access>& access,
                              std::stop_token stop);
  struct Question {
    http::Request request;
    Access access;
    std::string what;  // for messages: "tag 1 of library/tool"
    Doing doing = Doing::read;
    /// Receives the body of a good answer, at most `limit` bytes.
    std::string* body = nullptr;
    std::size_t limit = 0;
    /// Which answers are none of the errors; unset: 2xx. `attempt` counts from 1, also those that
    /// brought no answer.
    std::function<bool(const http::Response&, int attempt)> fine = {};
  };
  /// send() with the waits of `options_.retry`.
  Result<http::Response> ask(const Question& question, std::stop_token stop);
  Result<RawManifest> try_manifest(const oci::RegistryReference& reference, std::stop_token stop);
  Result<> try_blob(Transfer& transfer, std::stop_token stop);
  Result<> finish_blob(Transfer& transfer, std::stop_token stop);
  Result<> remove(const std::string& repository, const std::string& name, const std::string& what,
                  std::stop_token stop);
  Result<std::optional<std::vector<oci::Descriptor>>> referrers_by_interface(
      const std::string& repository, const oci::Digest& subject, std::stop_token stop);
  Result<std::vector<oci::Descriptor>> referrers_by_tag(const std::string& repository,
                                                        const oci::Digest& subject,
                                                        std::stop_token stop);
  Result<> list_by_tag(const std::string& repository, const oci::Digest& subject,
                       const oci::Descriptor& referrer, std::stop_token stop);
  std::string url(std::string_view path) const;
  Error refusal(const http::Request& request, const http::Response& response,
                const std::string& repository, const std::string& what, Doing doing);
  Error explained(Error error) const;
  /// The last failure of something that was tried again and again, with what to do about it.
  static Error given_up(Error error);
  Result<> wait(const Error& error, std::chrono::milliseconds delay, std::stop_token stop);
  void pass_warnings(const http::Response& response);

  Options options_;
  http::Pool& pool_;
  base::Progress& progress_;
  Authenticator authenticator_;
  std::mutex warned_mutex_;
  std::set<std::string> warned_;
  std::mutex list_mutex_;                  // one stand-in list of referrers at a time
  std::atomic<std::uint64_t> piece_{0};    // learnt from a 413; 0: no limit known
  std::atomic<bool> no_referrers_{false};  // learnt from a 404
  std::mutex mounts_mutex_;
  std::set<std::string> refused_mounts_;  // "to from": no right there
};

}  // namespace imgforge::registry

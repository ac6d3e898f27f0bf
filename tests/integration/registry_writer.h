// What the tests share that write to registry_server.py: blobs that a seed names, and a client.
#pragma once

#include <atomic>
#include <chrono>
#include <random>

#include "content/copy.h"
#include "integration/registry_fixture.h"
#include "registry/repository.h"
#include "store/ends.h"

namespace imgforge::test {

using namespace std::chrono_literals;
using content::CopyOptions;
using registry::Client;
using registry::Credentials;
using registry::Repository;
using registry::UploadOptions;

inline std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// A blob with its content, which the test names by a seed so that no two tests share one.
struct Blob {
  explicit Blob(std::size_t size, unsigned seed)
      : content(noise(size, seed)),
        descriptor{.media_type = "application/octet-stream",
                   .digest = oci::Digest::of(content),
                   .size = size} {}
  std::string content;
  oci::Descriptor descriptor;
};

// A client of the server, and its images as a layout, for one test case.
struct Writer {
  explicit Writer(RegistryServer& server, std::optional<Credentials> who = {},
                  registry::Options more = {})
      : host(server.host()),
        pool({.stall_timeout = 3s}),
        client(options(server.host(), std::move(who), std::move(more)), pool, notes),
        origin(server.scratch() + "/layout") {}

  static registry::Options options(const std::string& host, std::optional<Credentials> who,
                                   registry::Options options) {
    options.host = host;
    options.plain_http = true;
    options.retry.base = 1ms;
    options.retry.cap = 5ms;
    if (who) options.credentials.set(host, std::move(*who));
    return options;
  }
  Result<content::CopyReport> push(const std::string& name, const std::string& repository,
                                   CopyOptions options = {.tags = {"1"}}) {
    Repository target(client, repository);
    options.verb = "push";
    return content::copy(origin, name, target, options, notes, {});
  }
  Error push_fails(const std::string& repository) {
    auto pushed = push("single", repository);
    if (pushed) FAIL("the push to " << repository << " succeeded");
    return pushed.error();
  }
  Result<Client::Upload> put(const std::string& repository, const Blob& blob,
                             const UploadOptions& options = {}, std::stop_token stop = {}) {
    auto task = notes.start("push", repository, blob.content.size());
    return client.put_blob(
        repository, blob.descriptor,
        [&] {
          ++opened;
          return Result<std::unique_ptr<base::RandomAccess>>(
              std::make_unique<base::TextAccess>(blob.content));
        },
        options, *task, stop);
  }
  bool has(const std::string& repository, const Blob& blob) {
    return REQUIRE_OK(client.has_blob(repository, blob.descriptor));
  }
  oci::RegistryReference reference(const std::string& name) const {
    const auto parsed = REQUIRE_OK(oci::Reference::parse(host + "/" + name));
    return *parsed.registry();
  }
  std::optional<oci::Descriptor> head(const std::string& name) {
    return REQUIRE_OK(client.head_manifest(reference(name)));
  }

  std::string host;
  Notes notes;
  http::Pool pool;
  Client client;
  store::LayoutOrigin origin;
  std::atomic<int> opened = 0;
};

inline std::uint64_t bytes_of(const std::vector<Seen>& log, const std::string& method) {
  std::uint64_t bytes = 0;
  for (const Seen& seen : log) bytes += seen.method == method ? seen.length : 0;
  return bytes;
}

}  // namespace imgforge::test

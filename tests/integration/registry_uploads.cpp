// Uploads of blobs to a real docker-registry, whole and in pieces, through a proxy that breaks what
// it can.
#include <chrono>
#include <thread>

#include "catch.h"
#include "integration/registry_writer.h"
#include "registry/repository.h"

using namespace imgforge;
using namespace imgforge::test;

TEST_CASE("an empty blob, and one of one byte") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  for (const std::uint64_t chunk : {0, 1}) {
    for (const std::size_t size : {0, 1, 2}) {
      const Blob blob(size, 31 + static_cast<unsigned>(size));
      const std::string repository = "push/tiny" + std::to_string(chunk);
      REQUIRE_OK(writer.put(repository, blob, {.chunk_size = chunk}));
      CHECK(writer.has(repository, blob));
    }
  }
}

TEST_CASE("in pieces: contiguous, each byte once, and never mixed with a whole body") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const Blob blob(1'000'000, 41);
  REQUIRE_OK(writer.put("push/pieces", blob, {.chunk_size = 300'000}));
  CHECK(writer.has("push/pieces", blob));
  CHECK(writer.notes.bytes == 1'000'000);
  std::vector<std::string> ranges;
  for (const Seen& seen : registry.log()) {
    if (seen.method == "PATCH") ranges.push_back(seen.content_range);
    if (seen.method == "PUT") CHECK(seen.length == 0);
  }
  CHECK(ranges ==
        std::vector<std::string>{"0-299999", "300000-599999", "600000-899999", "900000-999999"});
}

TEST_CASE("the server's smallest piece is kept") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const Blob blob(1'000'000, 42);
  registry.fault("^POST /v2/push/smallest", 1, "header",
                 {{"headers", {{"OCI-Chunk-Min-Length", "400000"}}}});
  REQUIRE_OK(writer.put("push/smallest", blob, {.chunk_size = 100'000}));
  CHECK(count(registry.log(), "PATCH", "") == 3);
}

TEST_CASE("a proxy that limits requests gets pieces, and later blobs know") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry.limit(600'000);
  const Blob blob(3'000'000, 43), next(2'000'000, 44);
  REQUIRE_OK(writer.put("push/limited", blob));
  CHECK(writer.has("push/limited", blob));
  registry.log();
  REQUIRE_OK(writer.put("push/limited", next));
  const auto log = registry.log();
  CHECK(count(log, "PUT", "") == 1);
  for (const Seen& seen : log) CHECK(seen.length <= 600'000);
  SECTION("several blobs learn it at the same time") {
    Writer fresh(registry);
    std::vector<Blob> blobs;
    for (unsigned i = 0; i < 6; ++i) blobs.emplace_back(1'000'000, 300 + i);
    std::atomic<int> good = 0;
    {
      std::vector<std::jthread> threads;
      for (const Blob& one : blobs) {
        threads.emplace_back([&] { good += fresh.put("push/limited", one).has_value(); });
      }
    }
    CHECK(good == 6);
  }
  SECTION("one that lets nothing through is named") {
    registry.limit(1000);
    Writer fresh(registry);
    const auto put = fresh.put("push/limited", Blob(1'000'000, 45));
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::refused);
    CHECK(put.error().summary().find("too large for one request (HTTP 413)") != std::string::npos);
    CHECK(put.error().hint().find("limit") != std::string::npos);
  }
}

TEST_CASE("broken uploads begin again or go on, and are whole") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const Blob blob(1'000'000, 51);
  const auto pieces = UploadOptions{.chunk_size = 250'000};
  SECTION("a reset in the middle of a whole body") {
    registry.fault("^PUT /v2/push/broken1/blobs", 2, "cut");
    REQUIRE_OK(writer.put("push/broken1", blob));
    CHECK(writer.has("push/broken1", blob));
    CHECK(writer.notes.bytes == 1'000'000);  // each byte is told once
  }
  SECTION("the answer to a whole body is lost") {
    registry.fault("^PUT /v2/push/broken2/blobs", 1, "lost");
    REQUIRE_OK(writer.put("push/broken2", blob));
    CHECK(count(registry.log(), "PUT", "/blobs/") == 1);  // a look was enough
  }
  SECTION("a reset in the middle of a piece: the server says where it is") {
    registry.fault("^PATCH /v2/push/broken3/blobs", 1, "cut");
    REQUIRE_OK(writer.put("push/broken3", blob, pieces));
    CHECK(writer.has("push/broken3", blob));
    CHECK(count(registry.log(), "POST", "/blobs/uploads/") == 1);
  }
  SECTION("the answer to a piece is lost: distribution does not say, so it begins again") {
    registry.fault("^PATCH /v2/push/broken4/blobs", 1, "lost");
    REQUIRE_OK(writer.put("push/broken4", blob, pieces));
    CHECK(writer.has("push/broken4", blob));
    CHECK(count(registry.log(), "POST", "/blobs/uploads/") == 2);
  }
  SECTION("the answer to the last request is lost") {
    registry.fault("^PUT /v2/push/broken5/blobs", 1, "lost");
    REQUIRE_OK(writer.put("push/broken5", blob, pieces));
    CHECK(count(registry.log(), "PATCH", "") == 4);
  }
  SECTION("the upload is gone") {
    for (const char* method : {"PUT", "PATCH"}) {
      registry.fault(std::string("^") + method + " /v2/push/broken6/blobs", 1, "answer",
                     {{"status", 404},
                      {"body", R"({"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"no"}]})"}});
    }
    REQUIRE_OK(writer.put("push/broken6", blob, pieces));
    CHECK(writer.has("push/broken6", blob));
  }
  SECTION("out of step: the server says where it is") {
    registry.fault("^PATCH /v2/push/brokenc/blobs", 1, "answer",
                   {{"status", 416}, {"content_range", "^500000-"}});
    REQUIRE_OK(writer.put("push/brokenc", blob, pieces));
    CHECK(writer.has("push/brokenc", blob));
    CHECK(count(registry.log(), "POST", "") == 1);
  }
  SECTION("out of step for ever") {
    registry.fault("^PATCH /v2/push/brokend/blobs", 1000, "answer", {{"status", 416}});
    CHECK(writer.put("push/brokend", blob, pieces).error().code() == Errc::unavailable);
  }
  SECTION("it is gone every time") {
    registry.fault("^PUT /v2/push/broken7/blobs", 100, "answer",
                   {{"status", 404},
                    {"body", R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"no"}]})"}});
    const auto put = writer.put("push/broken7", blob);
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::unavailable);
    CHECK(put.error().summary().find("has lost the upload") != std::string::npos);
    CHECK(put.error().hint().find("replicas") != std::string::npos);
    CHECK(count(registry.log(), "PUT", "/blobs/") == 6);
  }
  SECTION("its last piece is lost every time, however far it got before") {
    registry.fault("^PATCH .*", 1000, "answer", {{"status", 404}, {"content_range", "^750000-"}});
    const auto put = writer.put("push/broken8", blob, pieces);
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::unavailable);
    CHECK(count(registry.log(), "PATCH", "") == 6 * 4);
  }
  SECTION("busy for a while") {
    for (const char* method : {"POST", "PUT"}) {
      for (const int status : {429, 503, 502}) {
        registry.fault(std::string("^") + method + " /v2/push/broken9/blobs", 1, "answer",
                       {{"status", status},
                        {"body", "<html>busy</html>"},
                        {"headers", {{"Retry-After", "0"}, {"Content-Type", "text/html"}}}});
      }
    }
    registry.fault("^PUT /v2/push/broken9/manifests", 2, "answer", {{"status", 500}});
    CHECK_FALSE(writer.push("single", "push/broken9", {.tags = {"1"}, .parallel = 1}));
    registry.clear();
    registry.fault("^(POST|PUT) /v2/push/brokena/", 4, "answer",
                   {{"status", 503}, {"headers", {{"Retry-After", "0"}}}});
    REQUIRE_OK(writer.push("single", "push/brokena", {.tags = {"1"}, .parallel = 1}));
  }
  SECTION("a blob that two whole attempts broke goes in pieces") {
    const Blob large((32 << 20) + 1, 52);
    registry.fault("^PUT /v2/push/brokenb/blobs", 2, "cut");
    REQUIRE_OK(writer.put("push/brokenb", large));
    CHECK(count(registry.log(), "PATCH", "") > 1);
    CHECK(writer.has("push/brokenb", large));
  }
}

TEST_CASE("content that is damaged on its way, or at home") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  Blob blob(100'000, 61);
  SECTION("on its way: sent again") {
    registry.fault("^PUT /v2/push/damaged/blobs", 1, "damaged");
    REQUIRE_OK(writer.put("push/damaged", blob));
    CHECK(writer.has("push/damaged", blob));
  }
  SECTION("at home: said so, at once") {
    blob.content[7] = static_cast<char>(blob.content[7] ^ 1);
    const auto put = writer.put("push/damaged2", blob);
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::mismatch);
    CHECK(put.error().summary().find("the source is damaged") != std::string::npos);
    CHECK(count(registry.log(), "PUT", "/blobs/") == 1);
  }
  SECTION("a registry that calls a manifest by another name") {
    registry.fault("^PUT /v2/push/damaged3/manifests", 1, "header",
                   {{"headers", {{"Docker-Content-Digest", registry.layer(0)}}}});
    CHECK(writer.push_fails("push/damaged3").code() == Errc::mismatch);
  }
}

TEST_CASE("an upload elsewhere gets the bytes and no credentials") {
  REQUIRE_SERVER(registry, "token");
  Writer writer(registry, kAlice);
  const Blob blob(100'000, 71);
  REQUIRE_OK(writer.put("private/foreign", Blob(3, 72)));  // so that there is a token
  registry.fault("^POST /v2/private/foreign/blobs", 1, "foreign");
  registry.log();
  REQUIRE_OK(writer.put("private/foreign", blob));
  CHECK(writer.has("private/foreign", blob));
  std::size_t elsewhere = 0;
  for (const Seen& seen : registry.log()) {
    if (!seen.storage) continue;
    ++elsewhere;
    CHECK(seen.authorization.empty());
    CHECK(seen.length == blob.content.size());
  }
  CHECK(elsewhere == 1);
}

TEST_CASE("an answer that drips is given up") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry.fault("GET /v2/public/single/blobs/", 100, "drip");
  const auto started = std::chrono::steady_clock::now();
  auto reading = registry::Options{.retry = {.attempts = 2}};
  Writer hasty(registry, std::nullopt, reading);
  std::string got;
  base::StringSink sink(got);
  auto task = hasty.notes.start("", "", std::nullopt);
  const auto blob = hasty.client.get_blob(
      "public/single",
      {.digest = REQUIRE_OK(oci::Digest::parse(registry.layer(1))), .size = registry.big_size()},
      sink, *task);
  REQUIRE_FALSE(blob);
  CHECK(blob.error().code() == Errc::timed_out);
  CHECK(blob.error().summary().find("less than") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - started < 20s);
}

TEST_CASE("patience ends, also with a server that always has another excuse") {
  REQUIRE_SERVER(registry, "none");
  auto options = registry::Options{.retry = {.attempts = 1000}, .patience = 300ms};
  Writer writer(registry, std::nullopt, options);
  registry.fault("^POST /v2/push/excuses", 100'000, "answer", {{"status", 503}});
  const auto started = std::chrono::steady_clock::now();
  CHECK(writer.put("push/excuses", Blob(10, 81)).error().code() == Errc::unavailable);
  CHECK(std::chrono::steady_clock::now() - started < 3s);
}

TEST_CASE("an upload in pieces goes on in another process") {
  REQUIRE_SERVER(registry, "none");
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "journal"));
  const registry::UploadJournal journal(folder / "uploads");
  const UploadOptions options{.chunk_size = 200'000, .journal = &journal};
  const Blob blob(1'000'000, 91);
  {
    // The process that dies: three pieces arrive, then nothing goes any more.
    Writer first(registry, std::nullopt, registry::Options{.retry = {.attempts = 1}});
    registry.fault("^PATCH .*", 3, "none");
    registry.fault("^(PATCH|GET|DELETE) .*", 100, "drop");
    CHECK_FALSE(first.put("push/journal", blob, options));
    registry.clear();
  }
  const auto place = journal.find(registry.host(), "push/journal", blob.descriptor.digest);
  REQUIRE(place);
  CHECK(place->offset == 600'000);
  Writer second(registry);
  SECTION("where the server still has it") {
    REQUIRE_OK(second.put("push/journal", blob, options));
    CHECK(second.has("push/journal", blob));
    const auto log = registry.log();
    CHECK(count(log, "POST", "") == 0);
    CHECK(count(log, "PATCH", "") == 2);
    CHECK(second.notes.bytes == 1'000'000);
  }
  SECTION("where it has forgotten it") {
    registry.fault("^GET /v2/push/journal/blobs/uploads/", 1, "answer", {{"status", 404}});
    REQUIRE_OK(second.put("push/journal", blob, options));
    CHECK(second.has("push/journal", blob));
    CHECK(count(registry.log(), "PATCH", "") == 5);
  }
  CHECK_FALSE(journal.find(registry.host(), "push/journal", blob.descriptor.digest));
}

TEST_CASE("what is given up is cancelled at the server") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry.fault("^PUT /v2/push/cancelled/blobs", 100, "answer", {{"status", 403}});
  CHECK(writer.put("push/cancelled", Blob(1000, 95)).error().code() == Errc::forbidden);
  CHECK(count(registry.log(), "DELETE", "/v2/push/cancelled/blobs/uploads/") == 1);
}

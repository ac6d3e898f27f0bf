#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "catch.h"
#include "http/client.h"
#include "http/pool.h"
#include "http/retry.h"
#include "unit/http/fault_server.h"

using namespace imgforge;
using namespace std::chrono_literals;
using http::Client;
using http::Request;
using http::Response;
using test::FaultServer;

namespace {

struct Answer {
  Response response;
  std::string body;
};

Result<Answer> get(const std::string& url, http::Settings settings = {}, Request request = {}) {
  Client client = TRY(Client::create(std::move(settings)));
  Answer answer;
  base::StringSink sink(answer.body);
  request.url = url;
  request.sink = &sink;
  answer.response = TRY(client.send(request));
  return answer;
}

base::Json get_json(const std::string& url) {
  return REQUIRE_OK(base::parse_json(REQUIRE_OK(get(url)).body, "the answer"));
}

}  // namespace

TEST_CASE("a body is streamed to the sink, with its headers") {
  FaultServer server;
  const Answer answer = REQUIRE_OK(get(server.url("bytes/1000000")));
  CHECK(answer.response.status == 200);
  CHECK(answer.body.size() == 1'000'000);
  CHECK(answer.response.written == 1'000'000);
  CHECK(answer.response.whole_size() == 1'000'000u);
  CHECK(answer.response.headers.get("etag"));
  CHECK(answer.response.headers.get("Content-Type") == "application/octet-stream");
}

TEST_CASE("ranges, and servers that have none") {
  FaultServer server;
  const std::string whole = REQUIRE_OK(get(server.url("bytes/1000"))).body;
  const Answer part = REQUIRE_OK(get(server.url("bytes/1000"), {}, {.range = "100-199"}));
  CHECK(part.response.status == 206);
  CHECK(part.body == whole.substr(100, 100));
  CHECK(part.response.range_start() == 100);
  CHECK(part.response.whole_size() == 1000u);
  const Answer rest = REQUIRE_OK(get(server.url("bytes/1000"), {}, {.range = "900-"}));
  CHECK(rest.body == whole.substr(900));
  const Answer all = REQUIRE_OK(get(server.url("@noranges/bytes/1000"), {}, {.range = "900-"}));
  CHECK(all.response.status == 200);
  CHECK(all.response.range_start() == 0);
  CHECK(all.body == whole);
  CHECK(REQUIRE_OK(get(server.url("bytes/1000"), {}, {.range = "5000-"})).response.status == 416);
}

TEST_CASE("a status is a value, and its body stays out of the sink") {
  FaultServer server;
  const Answer answer = REQUIRE_OK(get(server.url("@status=503,,7/bytes/10")));
  CHECK(answer.response.status == 503);
  CHECK(answer.body.empty());
  CHECK(answer.response.error_body == "no luck");
  const Error error = http::status_error({.url = server.url("x?secret=1")}, answer.response);
  CHECK(error.code() == Errc::unavailable);
  CHECK(http::retry_after(error) == 7s);
  CHECK(error.message().find("secret") == std::string::npos);
}

TEST_CASE("every status has its kind") {
  const auto kind = [](int status) {
    Response response;
    response.status = status;
    return http::status_error({.url = "http://a.example/"}, response).code();
  };
  CHECK(kind(401) == Errc::unauthorized);
  CHECK(kind(403) == Errc::forbidden);
  CHECK(kind(404) == Errc::not_found);
  CHECK(kind(410) == Errc::not_found);
  CHECK(kind(408) == Errc::timed_out);
  CHECK(kind(429) == Errc::rate_limited);
  CHECK(kind(500) == Errc::unavailable);
  CHECK(kind(501) == Errc::unsupported);
  CHECK(kind(504) == Errc::timed_out);
  CHECK(kind(400) == Errc::protocol);
}

TEST_CASE("broken transfers are unavailable, stalled ones are timed out") {
  FaultServer server;
  const auto code = [&](const std::string& path) {
    http::Settings settings;
    settings.stall_timeout = 1s;
    const auto answer = get(server.url(path), settings);
    REQUIRE_FALSE(answer);
    CHECK(answer.error().message().find("127.0.0.1") != std::string::npos);
    return answer.error().code();
  };
  CHECK(code("@reset=9/bytes/100000") == Errc::unavailable);
  CHECK(code("@close=9/bytes/100000") == Errc::unavailable);
  CHECK(code("@drop/bytes/100000") == Errc::unavailable);
  CHECK(code("@stall=9/bytes/100000") == Errc::timed_out);
}

TEST_CASE("a trickle is a stall") {
  FaultServer server;
  http::Settings settings;
  settings.stall_timeout = 1s;
  const auto begun = std::chrono::steady_clock::now();
  const auto dripping = get(server.url("@drip/bytes/1000"), settings);
  REQUIRE_FALSE(dripping);
  CHECK(dripping.error().code() == Errc::timed_out);
  CHECK(dripping.error().message().find("less than") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
  settings.slowest = 1;
  CHECK(REQUIRE_OK(get(server.url("@drip/bytes/30"), settings)).body.size() == 30);
}

TEST_CASE("a server may think about a body for as long as the request allows") {
  FaultServer server;
  http::Settings settings;
  settings.stall_timeout = 1s;
  const std::string text(100'000, 'x');
  const base::TextAccess data(text);
  Request request{.method = "PUT", .body = http::Body{.data = &data, .size = text.size()}};
  CHECK(get(server.url("@think=4/echo"), settings, request).error().code() == Errc::timed_out);
  request.answer_timeout = 20s;
  CHECK(REQUIRE_OK(get(server.url("@think=4/echo"), settings, request)).response.status == 200);
}

TEST_CASE("no connection and no such host are unavailable, a malformed URL is invalid") {
  std::string unused;
  {
    FaultServer server;
    unused = server.url("x");
  }
  CHECK(get(unused).error().code() == Errc::unavailable);
  const auto unknown = get("http://nobody.invalid/x");
  CHECK(unknown.error().code() == Errc::unavailable);
  CHECK(unknown.error().hint().find("proxy") != std::string::npos);
  CHECK(get("nonsense nonsense").error().code() == Errc::invalid);
  CHECK(get("ftp://a.example/x").error().code() == Errc::invalid);
}

TEST_CASE("redirects are followed up to the limit") {
  FaultServer server;
  CHECK(REQUIRE_OK(get(server.url("@redirect=5/bytes/100"))).body.size() == 100);
  const auto many = get(server.url("@redirect=6/bytes/100"));
  REQUIRE_FALSE(many);
  CHECK(many.error().code() == Errc::protocol);
  const Answer unfollowed =
      REQUIRE_OK(get(server.url("@redirect=1/bytes/101"), {}, {.follow_redirects = false}));
  CHECK(unfollowed.response.status == 302);
  CHECK(unfollowed.response.headers.get("Location"));
}

TEST_CASE("credentials stay with their host") {
  FaultServer first, second;
  Request request;
  request.headers = {{"Authorization", "Bearer t0ken"}, {"X-Plain", "1"}};
  const auto headers_at = [&](const std::string& url) {
    return REQUIRE_OK(base::parse_json(REQUIRE_OK(get(url, {}, request)).body, "headers"));
  };
  CHECK(headers_at(first.url("@redirect=1/headers")).contains("Authorization"));
  const base::Json foreign = headers_at(first.url("@to=" + second.port() + "/headers"));
  CHECK_FALSE(foreign.contains("Authorization"));
  CHECK(foreign.contains("X-Plain"));
  // Those in the URL too.
  const std::string with_user = "http://u:p@127.0.0.1:" + first.port();
  CHECK(headers_at(with_user + "/headers").contains("Authorization"));
  request.headers = {};
  CHECK(headers_at(with_user + "/@redirect=1/headers").contains("Authorization"));
  CHECK_FALSE(
      headers_at(with_user + "/@to=" + second.port() + "/headers").contains("Authorization"));
}

TEST_CASE("TLS: the authority is checked, and a redirect to plain http is refused") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "http-tls"));
  const std::string key = folder / "key.pem", cert = folder / "cert.pem";
  const auto made =
      base::run_checked({.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
                                  "-keyout", key, "-out", cert, "-days", "2", "-subj",
                                  "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"}});
  if (!made) SKIP_TEST("no openssl program: " + made.error().summary());
  FaultServer secure({"--tls", cert, key}), plain;
  http::Settings trusting;
  trusting.ca_file = cert;
  CHECK(REQUIRE_OK(get(secure.url("bytes/10", "https"), trusting)).body.size() == 10);
  const auto untrusted = get(secure.url("bytes/10", "https"));
  REQUIRE_FALSE(untrusted);
  CHECK(untrusted.error().code() == Errc::mismatch);
  CHECK(untrusted.error().hint().find("SSL_CERT_FILE") != std::string::npos);
  const auto down = get(secure.url("@to=" + plain.port() + "/bytes/10", "https"), trusting);
  REQUIRE_FALSE(down);
  CHECK(down.error().code() == Errc::refused);
}

TEST_CASE("file URLs only where they are allowed") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "http-file"));
  REQUIRE_OK(base::write_file_atomic(folder / "x", "0123456789"));
  CHECK(get("file://" + (folder / "x")).error().code() == Errc::invalid);
  http::Settings settings;
  settings.allow_file = true;
  const Answer whole = REQUIRE_OK(get("file://" + (folder / "x"), settings));
  CHECK(whole.response.status == 200);
  CHECK(whole.body == "0123456789");
  const Answer part = REQUIRE_OK(get("file://" + (folder / "x"), settings, {.range = "4-"}));
  CHECK(part.response.status == 206);
  CHECK(part.response.range_start() == 4);
  CHECK(part.body == "456789");
  CHECK(get("file://" + (folder / "y"), settings).error().code() == Errc::not_found);
}

TEST_CASE("a sink's error and a refusal by headers end the transfer as they are") {
  FaultServer server;
  class Full final : public base::Sink {
    Result<> write(base::Bytes) override { return fail(Errc::io, "the disk is full"); }
  } full;
  Client client = REQUIRE_OK(Client::create({}));
  const auto refused = client.send({.url = server.url("bytes/100000"), .sink = &full});
  CHECK(refused.error().message() == "the disk is full");
  int calls = 0;
  const auto unwanted = client.send({.url = server.url("@redirect=2/bytes/100000"),
                                     .on_headers = [&](const Response& response) -> Result<> {
                                       ++calls;
                                       CHECK(response.status == 200);
                                       return fail(Errc::mismatch, "not what I want");
                                     }});
  CHECK(unwanted.error().message() == "not what I want");
  CHECK(calls == 1);
  // The client is usable afterwards.
  CHECK(REQUIRE_OK(client.send({.url = server.url("bytes/7")})).written == 7);
}

TEST_CASE("a stop request ends a transfer that hangs") {
  FaultServer server;
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(300ms);
    stop.request_stop();
  });
  Client client = REQUIRE_OK(Client::create({}));
  const auto begun = std::chrono::steady_clock::now();
  const auto answer = client.send({.url = server.url("@stall=1/bytes/100000")}, stop.get_token());
  REQUIRE_FALSE(answer);
  CHECK(answer.error().code() == Errc::cancelled);
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
}

TEST_CASE("bodies go out by PUT, POST and PATCH, also after a redirect; HEAD has none") {
  FaultServer server;
  const std::string text(3'000'000, 'x');
  const base::TextAccess data(text);
  for (const char* method : {"PUT", "POST", "PATCH"}) {
    Request request{.method = method, .body = http::Body{&data, 1, text.size() - 1}};
    request.headers.set("Content-Type", "application/octet-stream");
    const std::string path =
        std::string(method) == "PUT" ? "@to=" + server.port() + "/echo" : "echo";
    const Answer answer = REQUIRE_OK(get(server.url(path), {}, request));
    const base::Json echo = REQUIRE_OK(base::parse_json(answer.body, "echo"));
    CHECK(echo["method"] == method);
    CHECK(echo["sha256"] == base::sha256_hex(text.substr(1)));
    CHECK(echo["headers"]["Content-Length"] == std::to_string(text.size() - 1));
    CHECK_FALSE(echo["headers"].contains("Expect"));
  }
  // Followed, it would become a GET and lose its body.
  const Answer moved =
      REQUIRE_OK(get(server.url("@redirect=1/echo"), {},
                     {.method = "POST", .body = http::Body{&data, 0, text.size()}}));
  CHECK(moved.response.status == 302);
  const Answer empty = REQUIRE_OK(get(server.url("echo"), {}, {.method = "POST"}));
  const base::Json echo = REQUIRE_OK(base::parse_json(empty.body, "echo"));
  CHECK(echo["method"] == "POST");
  CHECK(echo["headers"]["Content-Length"] == "0");
  const Answer head = REQUIRE_OK(get(server.url("bytes/1000"), {}, {.method = "HEAD"}));
  CHECK(head.response.headers.number("Content-Length") == 1000u);
  CHECK(head.body.empty());
}

TEST_CASE("proxies come from the settings alone") {
  FaultServer proxy;
  http::Settings settings;
  settings.http_proxy = proxy.url("");
  // The fault server as a proxy is asked for the absolute URL, which it does not have.
  CHECK(REQUIRE_OK(get("http://nobody.invalid/x", settings)).response.status == 404);
  settings.no_proxy = "127.0.0.1";
  CHECK(REQUIRE_OK(get(proxy.url("bytes/5"), settings)).body.size() == 5);
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  CHECK(REQUIRE_OK(get(proxy.url("bytes/5"))).body.size() == 5);
  ::unsetenv("http_proxy");
}

TEST_CASE("settings out of an environment") {
  const http::Settings settings = http::settings_from({{"https_proxy", "http://p.example:3128"},
                                                       {"all_proxy", "http://all.example"},
                                                       {"NO_PROXY", "a,b"},
                                                       {"SSL_CERT_FILE", "/ca.pem"}});
  CHECK(settings.https_proxy == "http://p.example:3128");
  CHECK(settings.http_proxy == "http://all.example");
  CHECK(settings.no_proxy == "a,b");
  CHECK(settings.ca_file == "/ca.pem");
}

TEST_CASE("documents are bounded") {
  FaultServer server;
  Client client = REQUIRE_OK(Client::create({}));
  const http::Document small =
      REQUIRE_OK(http::get_document(client, server.url("bytes/100"), {}, 100, {}));
  CHECK(small.body.size() == 100);
  const auto large = http::get_document(client, server.url("bytes/101"), {}, 100, {});
  REQUIRE_FALSE(large);
  CHECK(large.error().code() == Errc::invalid);
  CHECK(http::get_document(client, server.url("nothing"), {}, 100, {}).error().code() ==
        Errc::not_found);
}

TEST_CASE("a pool serves several threads and keeps its clients") {
  FaultServer server;
  http::Pool pool({});
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int round = 0; round < 5; ++round) {
          auto lease = pool.borrow();
          if (!lease) return;
          const auto answer = (*lease)->send({.url = server.url("bytes/1000")});
          if (answer && answer->written == 1000) ++good;
        }
      });
    }
  }
  CHECK(good == 40);
  CHECK(get_json(server.url("log")).size() == 41);
}

// A Harbor to test against: the stand-in (tests/tools/harbor_stand_in.py) in front of a real
// docker-registry, or a real one that the environment names. What only the stand-in can do (faults,
// a clock) is in its own class, so that no test asks a real Harbor for it.
#pragma once

#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/text.h"
#include "harbor/artifacts.h"
#include "harbor/client.h"
#include "http/url.h"

namespace imgforge::test {

template <class T>
T taken(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().summary());
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

/// One Harbor, its administrator, and an image pusher of our own that needs no other room.
class HarborUnderTest {
 public:
  virtual ~HarborUnderTest() = default;
  /// Why tests cannot run here, if they cannot.
  virtual std::optional<std::string> lacks() = 0;

  const std::string& host() const { return host_; }
  const std::string& user() const { return user_; }
  const std::string& password() const { return password_; }
  bool plain_http() const { return plain_http_; }

  harbor::Connection connection(const std::string& user, const std::string& password) {
    return taken(harbor::Connection::open({.host = host_,
                                           .plain_http = plain_http_,
                                           .user = user,
                                           .password = password,
                                           .retry = {.attempts = 3,
                                                     .base = std::chrono::milliseconds(1),
                                                     .cap = std::chrono::milliseconds(5)}},
                                          pool_, base::silent_progress()));
  }
  harbor::Client client() { return harbor::Client(connection(user_, password_)); }
  harbor::Artifacts artifacts() { return harbor::Artifacts(connection(user_, password_)); }

  /// A name that no earlier run has used.
  std::string fresh(const std::string& prefix) {
    return prefix + "-" + std::to_string(::getpid()) + "-" + std::to_string(++serial_);
  }

  struct Answer {
    int status = 0;
    std::string body;
    http::Headers headers;
  };
  /// One request with Basic authentication to any path; never an Error for a status.
  Answer request(const std::string& method, const std::string& path, const std::string& body,
                 http::Headers headers, const std::string& user, const std::string& password) {
    auto client = taken(pool_.borrow());
    Answer answer;
    base::StringSink sink(answer.body);
    const base::TextAccess data(body);
    const bool absolute = path.starts_with("http");
    http::Request request{
        .method = method,
        .url = absolute ? path : (plain_http_ ? "http://" : "https://") + host_ + path,
        .headers = std::move(headers),
        .sink = &sink};
    if (!user.empty()) {
      request.headers.add("Authorization",
                          "Basic " + base::to_base64(base::as_bytes(user + ":" + password)));
    }
    if (method != "GET" && method != "HEAD") {
      request.body = http::Body{.data = &data, .size = body.size()};
    }
    auto response = taken(client->send(request));
    answer.status = response.status;
    if (!response.ok()) answer.body = response.error_body;
    answer.headers = std::move(response.headers);
    return answer;
  }

  /// An image of one layer that holds `content`; returns the manifest's answer. `digest` receives
  /// the manifest's digest.
  Answer push(const std::string& repository, const std::string& tag, const std::string& content,
              std::string* digest, const std::string& user, const std::string& password) {
    const std::string config = R"({"architecture":"amd64","os":"linux","config":{},"rootfs":{)"
                               R"("type":"layers","diff_ids":[")" +
                               sha256(content) + R"("]}})";
    for (const std::string& blob : {config, content}) {
      const Answer answer = upload(repository, blob, user, password);
      if (answer.status != 201) return answer;
    }
    const auto descriptor = [](const char* type, const std::string& blob) {
      return base::Json{{"mediaType", type}, {"digest", sha256(blob)}, {"size", blob.size()}};
    };
    const std::string manifest = base::canonical_json(
        {{"schemaVersion", 2},
         {"mediaType", kManifest},
         {"config", descriptor("application/vnd.oci.image.config.v1+json", config)},
         {"layers",
          base::Json::array({descriptor("application/vnd.oci.image.layer.v1.tar", content)})}});
    if (digest != nullptr) *digest = sha256(manifest);
    return request("PUT", "/v2/" + repository + "/manifests/" + tag, manifest,
                   {{"Content-Type", kManifest}}, user, password);
  }
  Answer pull(const std::string& repository, const std::string& reference, const std::string& user,
              const std::string& password) {
    return request("GET", "/v2/" + repository + "/manifests/" + reference, "",
                   {{"Accept", kManifest}}, user, password);
  }
  /// With its rules, which keep tags from being deleted, and its repositories.
  void remove_project(const std::string& name) {
    const auto admin = [&](const char* method, const std::string& path) {
      return request(method, "/api/v2.0" + path, "", {{"X-Is-Resource-Name", "true"}}, user_,
                     password_);
    };
    const harbor::Client client = this->client();
    if (const auto rules = client.immutable_rules(name)) {
      for (const auto& rule : *rules) (void)client.delete_rule(name, rule.id);
    }
    const std::string project = harbor::project_path(name);
    const auto listed = base::parse_json(admin("GET", project + "/repositories?page_size=100").body,
                                         "the repositories");
    if (listed && listed->is_array()) {
      for (const base::Json& row : *listed) {
        const auto repository = harbor::Repository::parse(row["name"].get<std::string>());
        if (repository) admin("DELETE", harbor::repository_path(*repository));
      }
    }
    admin("DELETE", project);
  }

  static std::string sha256(const std::string& text) { return "sha256:" + base::sha256_hex(text); }

 protected:
  static constexpr const char* kManifest = "application/vnd.oci.image.manifest.v1+json";

  Answer upload(const std::string& repository, const std::string& blob, const std::string& user,
                const std::string& password) {
    const Answer begun =
        request("POST", "/v2/" + repository + "/blobs/uploads/", "", {}, user, password);
    if (begun.status != 202) return begun;
    const std::string base = (plain_http_ ? "http://" : "https://") + host_ + "/v2/";
    std::string where = taken(http::resolve(base, begun.headers.get("Location").value_or("")));
    where += (where.find('?') == std::string::npos ? "?" : "&") + ("digest=" + sha256(blob));
    return request("PUT", where, blob, {{"Content-Type", "application/octet-stream"}}, user,
                   password);
  }

  std::string host_, user_, password_;
  bool plain_http_ = false;
  http::Pool pool_{http::Settings{.user_agent = "imgforge-test"}};
  int serial_ = 0;
};

/// IMGFORGE_TEST_HARBOR_URL (http:// or https://), _USER (an administrator), _PASSWORD.
class RealHarbor final : public HarborUnderTest {
 public:
  RealHarbor() {
    const auto variable = [](const char* name) {
      const char* value = std::getenv(name);
      return std::string(value == nullptr ? "" : value);
    };
    const std::string url = variable("IMGFORGE_TEST_HARBOR_URL");
    user_ = variable("IMGFORGE_TEST_HARBOR_USER");
    password_ = variable("IMGFORGE_TEST_HARBOR_PASSWORD");
    plain_http_ = url.starts_with("http://");
    const auto slashes = url.find("://");
    if (slashes != std::string::npos) host_ = url.substr(slashes + 3);
    while (host_.ends_with('/')) host_.pop_back();
  }
  std::optional<std::string> lacks() override {
    if (!host_.empty() && !user_.empty()) return std::nullopt;
    return "no real Harbor: set IMGFORGE_TEST_HARBOR_URL, _USER and _PASSWORD";
  }
};

class StandIn final : public HarborUnderTest {
 public:
  StandIn() : StandIn("{}") {}
  explicit StandIn(const std::string& config)
      : scratch_(taken(base::TempDir::create("/tmp", "harbor"))) {
    user_ = "admin";
    password_ = "Harbor12345";
    plain_http_ = true;
    const std::string port_file = scratch_ / "port";
    const base::Command command{.argv = {"python3",
                                         IMGFORGE_SOURCE_DIR "/tests/tools/harbor_stand_in.py",
                                         "--port-file", port_file, "--config", config}};
    thread_ = std::jthread([this, command](std::stop_token stop) {
      auto result = base::run_command(command, stop);
      const std::lock_guard lock(mutex_);
      ended_ = true;
      if (result) status_ = result->status;
      trouble_ = result ? result->err : result.error().summary();
    });
    for (int i = 0; i < 600 && !base::exists(port_file); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      const std::lock_guard lock(mutex_);
      if (ended_) break;
    }
    if (base::exists(port_file)) {
      host_ = "127.0.0.1:" + std::string(base::trim(taken(base::read_file(port_file))));
    } else if (!lacks()) {
      throw std::runtime_error("no stand-in for Harbor: " + trouble_);
    }
  }

  std::optional<std::string> lacks() override {
    const std::lock_guard lock(mutex_);
    if (status_ != kMissing) return std::nullopt;
    return std::string(base::trim(trouble_));
  }

  base::Json control(const std::string& what, const base::Json& body) {
    const Answer answer = request("POST", "/@" + what, body.dump(), {}, "", "");
    if (answer.status != 200) throw std::runtime_error("the stand-in refuses " + what);
    return taken(base::parse_json(answer.body, "the stand-in's answer"));
  }
  /// "METHOD PATH" of each request since the last time.
  std::vector<std::string> log() {
    std::vector<std::string> lines;
    const auto seen =
        taken(base::parse_json(request("GET", "/@log", "", {}, "", "").body, "the log"));
    for (const auto& one : seen) {
      lines.push_back(one["method"].get<std::string>() + " " + one["path"].get<std::string>());
    }
    return lines;
  }

 private:
  static constexpr int kMissing = 77;
  base::TempDir scratch_;
  std::mutex mutex_;
  std::string trouble_;
  bool ended_ = false;
  int status_ = 0;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace imgforge::test

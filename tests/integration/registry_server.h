// registry_server.py as an object: a real docker-registry behind a misbehaving proxy, ended by the
// destructor.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "http/client.h"

namespace imgforge::test {

/// What the proxy saw.
struct Seen {
  std::string method, path, authorization, range, content_range;
  std::uint64_t length = 0;  // of the body
  std::string certificate;   // the client's
  bool storage = false;
};

class RegistryServer {
 public:
  /// `authentication`: none, basic, token or tls.
  explicit RegistryServer(const std::string& authentication)
      : scratch_(take(base::TempDir::create("/tmp", "registry"))) {
    base::Command command{.argv = {"python3",
                                   IMGFORGE_SOURCE_DIR "/tests/integration/registry_server.py",
                                   scratch_.path(), authentication}};
    command.on_stdout = [this](base::Bytes bytes) -> Result<> {
      const std::lock_guard lock(mutex_);
      output_ += base::as_text(bytes);
      changed_.notify_all();
      return {};
    };
    thread_ = std::jthread([this, command](std::stop_token stop) {
      auto result = base::run_command(command, stop);
      const std::lock_guard lock(mutex_);
      ended_ = true;
      if (result) status_ = result->status;
      trouble_ = result ? result->err : result.error().summary();
      changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || output_.find('\n') != std::string::npos; });
    if (!ended_) found_ = take(base::parse_json(output_, "the registry's announcement"));
    if (ended_ && status_ != kMissing) throw std::runtime_error("no registry: " + trouble_);
  }

  /// The program without which these tests cannot run here, if one is missing.
  std::optional<std::string> lacks() {
    const std::lock_guard lock(mutex_);
    if (status_ != kMissing) return std::nullopt;
    return std::string(base::trim(trouble_));
  }

  std::string host() const { return "127.0.0.1:" + found_["port"].dump(); }
  std::string storage() const { return "127.0.0.1:" + found_["storage"].dump(); }
  std::string digest(const char* name) const { return found_[name].get<std::string>(); }
  std::string layer(std::size_t i) const { return found_["layers"][i].get<std::string>(); }
  std::uint64_t big_size() const { return found_["big"].get<std::uint64_t>(); }

  /// See registry_server.py; `more` are further members of the fault.
  void fault(const std::string& match, int times, const std::string& kind, base::Json more = {}) {
    more["match"] = match;
    more["times"] = times;
    more["do"] = kind;
    control("fault", more.dump());
  }
  void revoke_tokens() { control("revoke", ""); }
  /// Longer bodies are refused with 413; 0: none.
  void limit(std::uint64_t bytes) { control("limit", std::to_string(bytes)); }
  /// Where the server keeps its certificates and its images (layout/).
  const std::string& scratch() const { return scratch_.path(); }
  void clear() { control("clear", ""); }
  /// Since the last call or clear().
  std::vector<Seen> log() {
    std::vector<Seen> seen;
    for (const base::Json& row : take(base::parse_json(control("log", ""), "the log"))) {
      seen.push_back({row["method"], row["path"], row["authorization"], row["range"],
                      row["content_range"], row["length"], row["certificate"],
                      row["port"] == found_["storage"]});
    }
    return seen;
  }

 private:
  static constexpr int kMissing = 77;

  template <class T>
  static T take(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().summary());
    return *std::move(result);
  }

  std::string control(const std::string& command, const std::string& body) {
    http::Client client = take(http::Client::create({}));
    std::string answer;
    base::StringSink sink(answer);
    const base::TextAccess data(body);
    http::Request request{.url = "http://" + storage() + "/@" + command, .sink = &sink};
    if (!body.empty()) {
      request.method = "POST";
      request.body = http::Body{.data = &data, .size = body.size()};
    }
    if (!take(client.send(request)).ok()) throw std::runtime_error("the proxy refuses " + command);
    return answer;
  }

  base::TempDir scratch_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_, trouble_;
  bool ended_ = false;
  int status_ = 0;
  base::Json found_;
  std::jthread thread_;  // last: it uses the rest
};

}  // namespace imgforge::test

// Where the secrets of robots go: to a file that only its owner reads, or to a program (a vault's).
// Each goes there once and nowhere else; no error of this unit contains one.
#pragma once

#include <string>
#include <vector>

#include "harbor/types.h"

namespace imgforge::harbor {

class SecretSink {
 public:
  virtual ~SecretSink() = default;
  /// Before anything is changed: can it take one?
  virtual Result<> ready() = 0;
  virtual Result<> deliver(const RobotSecret& secret) = 0;
};

/// A JSON document, mode 0600, written atomically:
/// {"robots": {"robot$ml+ci": {"secret": "...", "expires": "2026-01-01T00:00:00Z"}}}
/// What stands there of other robots stays. Errc::refused when the file may be read by others.
class SecretFile final : public SecretSink {
 public:
  explicit SecretFile(std::string path) : path_(std::move(path)) {}
  Result<> ready() override;
  Result<> deliver(const RobotSecret& secret) override;

 private:
  std::string path_;
};

/// A program without a shell, once per robot, that reads {"name", "secret", "expires"} as one line
/// of JSON from its standard input. Its status must be 0.
class SecretCommand final : public SecretSink {
 public:
  explicit SecretCommand(std::vector<std::string> argv) : argv_(std::move(argv)) {}
  Result<> ready() override;
  Result<> deliver(const RobotSecret& secret) override;

 private:
  std::vector<std::string> argv_;
};

/// For plans without new robots: refuses.
class NoSecretSink final : public SecretSink {
 public:
  Result<> ready() override;
  Result<> deliver(const RobotSecret& secret) override;
};

}  // namespace imgforge::harbor

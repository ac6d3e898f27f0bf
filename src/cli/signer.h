// The private key of one invocation, opened once. Its passphrase comes from a file, the environment
// or the terminal, never from argv.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "sign/certificate.h"
#include "sign/key.h"
#include "sign/verify.h"

namespace imgforge::cli {

class App;

class Signer {
 public:
  /// By --key, else the settings' `signing_key`; Errc::usage when neither names one,
  /// Errc::unauthorized when the passphrase is wrong, or missing with nobody to ask.
  static Result<std::unique_ptr<Signer>> open(const App& app);

  const sign::SigningKey& key() const { return key_; }
  /// As people know it: its file, or its URI.
  const std::string& name() const { return name_; }
  /// What --format says, else the settings. `app` must be that of a command with such an option.
  static Result<std::vector<sign::Format>> formats(const App& app);
  /// Leaf first, by --certificate-chain, else the settings; Errc::usage when neither names a file.
  static Result<std::vector<sign::Certificate>> certificates(const App& app);

 private:
  Signer(sign::SigningKey key, std::string name) : key_(std::move(key)), name_(std::move(name)) {}
  sign::SigningKey key_;
  std::string name_;
};

/// Whether it is a key's URI and no path: "pkcs11:token=x", "file:/key", but not "keys/a:b".
bool is_key_uri(const std::string& text);

/// A key by its file or URI, under a passphrase that is known already.
Result<sign::SigningKey> open_key_with(const std::string& name, const sign::Secret& passphrase);
/// What stands in the file, without the end of its line; nullopt without a file.
Result<std::optional<sign::Secret>> passphrase_in(const std::optional<std::string>& file);
/// --passphrase-file, IMGFORGE_KEY_PASSPHRASE, COSIGN_PASSWORD (which may be empty, as cosign has
/// it); nullopt: nobody said.
Result<std::optional<sign::Secret>> given_passphrase(const App& app);

}  // namespace imgforge::cli

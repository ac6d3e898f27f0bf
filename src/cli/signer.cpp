#include "cli/signer.h"

#include "base/file.h"
#include "cli/app.h"
#include "cli/terminal.h"
#include "sign/key_file.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kMaximumFile = 1 << 20;
constexpr const char* kPassphraseHint =
    "set IMGFORGE_KEY_PASSPHRASE or COSIGN_PASSWORD, or give --passphrase-file";

std::string key_name(const App& app) {
  return app.args().value("key").value_or(app.settings().signing.key);
}

Result<sign::Secret> ask_passphrase(const std::string& name) {
  auto typed = ask_secret("Passphrase of " + name + ": ");
  if (typed) return sign::Secret(*std::move(typed));
  if (typed.error().code() != Errc::usage) return fail(std::move(typed.error()));
  return fail(Error(Errc::unauthorized,
                    name + " is encrypted, and there is no terminal to ask for its passphrase on")
                  .hint(kPassphraseHint));
}

/// `passphrase` null: not known.
Result<sign::SigningKey> open_with(const std::string& name, const sign::Secret* passphrase) {
  if (is_key_uri(name)) return sign::open_signing_key(name, passphrase);
  std::string text =
      TRY(base::with_context(base::read_file(name, kMaximumFile), "reading the signing key"));
  const sign::Secret pem(std::move(text));
  return sign::parse_signing_key(pem.view(), passphrase, name);
}

Result<sign::SigningKey> open_key(const App& app, const std::string& name) {
  const auto given = TRY(given_passphrase(app));
  if (given) return open_with(name, &*given);
  auto opened = open_with(name, nullptr);
  // Only a key that needs one is unauthorized without a passphrase.
  if (opened || opened.error().code() != Errc::unauthorized) return opened;
  const sign::Secret typed = TRY(ask_passphrase(name));
  return open_with(name, &typed);
}

}  // namespace

bool is_key_uri(const std::string& text) {
  const std::size_t colon = text.find(':');
  return colon != std::string::npos && colon > 1 && text.find('/') > colon && !base::exists(text);
}

Result<sign::SigningKey> open_key_with(const std::string& name, const sign::Secret& passphrase) {
  return open_with(name, &passphrase);
}

Result<std::optional<sign::Secret>> passphrase_in(const std::optional<std::string>& file) {
  if (!file) return std::nullopt;
  std::string text =
      TRY(base::with_context(base::read_file(*file, 64 << 10), "reading the passphrase"));
  // Blanks may belong to it; the end of the line does not.
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  return sign::Secret(std::move(text));
}

Result<std::optional<sign::Secret>> given_passphrase(const App& app) {
  auto written = TRY(passphrase_in(app.args().value("passphrase-file")));
  if (written) return written;
  const auto& environment = app.settings().addresses.environment;
  for (const char* name : {"IMGFORGE_KEY_PASSPHRASE", "COSIGN_PASSWORD"}) {
    const auto found = environment.find(name);
    if (found != environment.end()) return sign::Secret(found->second);
  }
  return std::nullopt;
}

Result<std::unique_ptr<Signer>> Signer::open(const App& app) {
  const std::string name = key_name(app);
  if (name.empty()) {
    return fail(Error(Errc::usage, "no key is named to sign with")
                    .hint("give --key FILE, set IMGFORGE_SIGNING_KEY, or write signing_key: FILE "
                          "in the configuration; 'imgforge keygen' makes a key"));
  }
  sign::SigningKey key = TRY(open_key(app, name));
  return std::unique_ptr<Signer>(new Signer(std::move(key), name));
}

Result<std::vector<sign::Format>> Signer::formats(const App& app) {
  std::vector<sign::Format> formats;
  for (const std::string& text : app.args().values("format")) {
    auto format = sign::parse_format(text);
    if (!format) {
      return fail(Error(Errc::usage, format.error().message()).hint(format.error().hint()));
    }
    formats.push_back(*format);
  }
  return formats.empty() ? app.settings().signing.formats : formats;
}

Result<std::vector<sign::Certificate>> Signer::certificates(const App& app) {
  const std::string file =
      app.args().value("certificate-chain").value_or(app.settings().signing.certificates);
  if (file.empty()) {
    return fail(Error(Errc::usage, "a notation signature needs the certificates of its key")
                    .hint("give --certificate-chain FILE, or write signing_certificates: FILE in "
                          "the configuration; docs/howto/signing.md says how to make them"));
  }
  const std::string text =
      TRY(base::with_context(base::read_file(file, kMaximumFile), "reading the certificates"));
  return sign::parse_certificates(text, file);
}

}  // namespace imgforge::cli

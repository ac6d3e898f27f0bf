// keygen: a key pair to sign with, in cosign's files.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "sign/key_file.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"output", 'o', "PREFIX", "write PREFIX.key and PREFIX.pub (default: imgforge)"},
    {"import", 0, "FILE", "take this private key (cosign's, PEM, or a URI) and make none"},
    {"import-passphrase-file", 0, "FILE", "its passphrase (default: the same)"},
    {"passphrase-file", 0, "FILE",
     "the passphrase of the new file (default: IMGFORGE_KEY_PASSPHRASE, COSIGN_PASSWORD, or asked "
     "for twice)"},
};

Result<sign::Secret> new_passphrase(const App& app) {
  auto given = TRY(given_passphrase(app));
  if (given) return *std::move(given);
  auto first = ask_secret("Passphrase of the new key: ");
  if (!first && first.error().code() == Errc::usage) {
    return fail(Error(Errc::unauthorized,
                      "there is no terminal to ask for the passphrase of the new key on")
                    .hint("set IMGFORGE_KEY_PASSPHRASE, or give --passphrase-file"));
  }
  sign::Secret typed(TRY(std::move(first)));
  const sign::Secret again(TRY(ask_secret("The same again: ")));
  if (typed.view() != again.view()) return fail(Errc::usage, "the two passphrases differ");
  return typed;
}

Result<sign::SigningKey> find_key(const App& app, const sign::Secret& passphrase) {
  const auto file = app.args().value("import");
  if (!file && app.args().flag("import-passphrase-file")) {
    return fail(Errc::usage, "--import-passphrase-file goes with --import");
  }
  if (!file) return sign::SigningKey::generate();
  const auto own = TRY(passphrase_in(app.args().value("import-passphrase-file")));
  return open_key_with(*file, own ? *own : passphrase);
}

/// A file that was not there: an old key is worth more than a new one.
Result<> write_new(const std::string& path, std::string_view content, mode_t mode) {
  base::File file = TRY(base::File::create(path, mode));
  TRY(file.write(base::as_bytes(content)));
  TRY(file.sync());
  return file.close();
}

Result<> refuse_existing(const std::string& path) {
  if (!base::exists(path)) return {};
  return fail(Error(Errc::refused, path + " is there already")
                  .hint("keys are never overwritten: choose another --output"));
}

Result<int> run(App& app) {
  TRY(expect_words(app, 0, "keygen", "no words but options"));
  const std::string prefix = app.args().value("output").value_or("imgforge");
  const std::string private_file = prefix + ".key";
  const std::string public_file = prefix + ".pub";
  TRY(refuse_existing(private_file));
  TRY(refuse_existing(public_file));
  const sign::Secret passphrase = TRY(new_passphrase(app));
  const sign::SigningKey key = TRY(find_key(app, passphrase));
  const std::string text = TRY(sign::write_signing_key(key, passphrase));
  TRY(write_new(private_file, text, 0600));
  TRY(write_new(public_file, key.public_key().pem(), 0644));
  app.close_progress();
  if (passphrase.empty()) {
    std::fprintf(stderr, "warning: %s has an empty passphrase: whoever reads the file can sign\n",
                 private_file.c_str());
  }
  if (app.json()) {
    TRY(print(base::pretty_json({{"private_key", private_file},
                                 {"public_key", public_file},
                                 {"type", key.public_key().describe()},
                                 {"fingerprint", key.public_key().fingerprint()}})));
    return 0;
  }
  TRY(print(fmt::format("{}\n{}\n{} {}\n", private_file, public_file, key.public_key().describe(),
                        key.public_key().fingerprint())));
  return 0;
}

}  // namespace

Command keygen_command() {
  return {
      .name = "keygen",
      .summary = "make a key pair to sign with",
      .synopsis = "[--output PREFIX]",
      .details =
          "PREFIX.key is an encrypted private key that cosign reads, too (mode 0600); PREFIX.pub "
          "is for those who verify.\n"
          "Nothing is overwritten. The passphrase is never an argument. Notation's certificates "
          "are made with openssl:\n"
          "docs/howto/signing.md.\n\n"
          "Examples:\n"
          "  imgforge keygen --output keys/release\n"
          "  IMGFORGE_KEY_PASSPHRASE=\"$(cat secret)\" imgforge keygen -o ci\n"
          "  imgforge keygen -o release --import old.pem",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

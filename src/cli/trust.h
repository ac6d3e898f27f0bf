// Keys and trust of one invocation: who is believed (a trust policy, or keys named on the command
// line), and with which key this command signs. Passphrases come from the environment, a file or the
// terminal, never from argv.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/app.h"
#include "release/repository.h"
#include "release/trust.h"

namespace imgforge::cli {

/// Options of every command that signs, as rows of its table.
#define IMGFORGE_SIGNING_OPTIONS                                                            \
  {"key", 'k', "FILE", "the private key: cosign's, PEM, or a URI that OpenSSL opens"}, {    \
    "passphrase-file", 0, "FILE", "its passphrase (default: IMGFORGE_KEY_PASSPHRASE, "      \
                                  "COSIGN_PASSWORD, or asked on the terminal)"              \
  }
/// Options of every command that verifies.
#define IMGFORGE_TRUST_OPTIONS \
  { "trust-policy", 0, "FILE", "who must have signed (default: `trust_policy` of the configuration)" }

/// By --trust-policy, the configuration (`trust_policy`), or nothing known. Reads files at once.
Result<release::Verifier> make_verifier(App& app);

/// By --key, the configuration (`signing_key`), in the forms that `signing_formats` or --format ask
/// for. Errc::usage when no key is named anywhere. Asks for the passphrase at most once.
Result<release::RecordSigner> make_record_signer(App& app);
/// Whether a key is named anywhere (nothing is read).
bool has_signing_key(const App& app);

/// Signs an image that is in `repository` in the wished formats and attaches the signatures. One
/// sentence per signature written; those that are there already are left alone.
Result<std::vector<std::string>> sign_image(App& app, release::Repository& repository,
                                            const oci::Descriptor& image,
                                            const std::map<std::string, std::string>& annotations);

}  // namespace imgforge::cli

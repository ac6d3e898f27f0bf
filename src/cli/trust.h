// Keys and trust of one invocation: who is believed (a trust policy, or keys named on the command
// line), and with which key this command signs. Passphrases come from the environment, a file or
// the terminal, never from argv.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/app.h"
#include "release/repository.h"
#include "release/trust.h"
#include "sign/trust_policy.h"

namespace imgforge::cli {

/// Options of every command that signs, as rows of its table.
#define IMGFORGE_SIGNING_OPTIONS                                                         \
  {"key", 'k', "FILE", "the private key: cosign's, PEM, or a URI that OpenSSL opens"}, { \
    "passphrase-file", 0, "FILE",                                                        \
        "its passphrase (default: IMGFORGE_KEY_PASSPHRASE, "                             \
        "COSIGN_PASSWORD, or asked on the terminal)"                                     \
  }
/// Options of every command that verifies.
#define IMGFORGE_TRUST_OPTIONS                                                \
  {                                                                           \
    "trust-policy", 0, "FILE",                                                \
        "who must have signed (default: `trust_policy` of the configuration)" \
  }

/// The policy by --trust-policy, else the configuration. Errc::usage when neither names one.
Result<sign::TrustPolicy> load_trust(const App& app);
bool has_trust(const App& app);

/// What verifying everything beside an image came to.
struct Judged {
  sign::Verification found;
  sign::Decision decision;
};
Result<Judged> judge_image(App& app, release::Repository& repository, const oci::Descriptor& image,
                           const sign::TrustPolicy& policy);
/// Errc::mismatch, in one sentence, when the image is not accepted.
Result<> require_accepted(const Judged& judged, const release::Repository& repository,
                          const oci::Digest& image);

/// Verifies by the trust policies that a channel policy names. A name with a slash or that ends in
/// .yaml, .yml or .json is a file, relative to the folder of `channel_policy`; any other name
/// stands for the file of the configuration. --trust-policy goes before both. Reads files once: the
/// configured one at once, others when they are asked for.
Result<release::Verifier> make_verifier(App& app, const std::string& channel_policy = {});

/// By --key, else the configuration (`signing_key`): sigstore bundles, whatever the formats of
/// signatures. Errc::usage when no key is named anywhere. Asks for the passphrase at most once,
/// and at once. Borrows the app. The key may still be being opened: App::signer() waits for it.
Result<release::RecordSigner> make_record_signer(App& app);
/// Whether a key is named anywhere (nothing is read).
bool has_signing_key(const App& app);

/// Signs an image that is in `repository` in the wished formats and attaches the signatures. One
/// sentence per format; signatures that are there already are left alone.
Result<std::vector<std::string>> sign_image(App& app, release::Repository& repository,
                                            const oci::Descriptor& image,
                                            const std::map<std::string, std::string>& annotations);

}  // namespace imgforge::cli

// sign: signatures of an image, beside it in its registry.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/signing.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    IMGFORGE_SIGNING_OPTIONS,
    {"annotation", 'a', "KEY=VALUE", "sign this along", true},
    {"format", 0, "FORMAT",
     "legacy, bundle or notation (default: `signing_formats` of the configuration, else legacy and "
     "bundle)",
     true},
    {"certificate-chain", 0, "FILE",
     "for notation: the certificates of the key in PEM, from its own to the root"},
    {"dry-run", 'n', "", "open the key and find the image; write nothing"},
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "sign", "HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST"));
  const auto annotations = TRY(key_values(app, "annotation"));
  const std::vector<sign::Format> formats = TRY(Signer::formats(app));
  const bool notation =
      std::find(formats.begin(), formats.end(), sign::Format::notation) != formats.end();
  if (app.args().flag("certificate-chain") && !notation) {
    return fail(Error(Errc::usage, "--certificate-chain is for notation, which is not asked for")
                    .hint("add --format notation"));
  }
  // The key first: a wrong passphrase costs no request.
  const Signer* signer = TRY(app.signer());
  const RegistryImage image = TRY(open_registry_image(app, app.args().positional()[0]));
  std::vector<Written> written;
  if (app.args().flag("dry-run")) {
    if (notation) TRY(Signer::certificates(app));
    for (const sign::Format format : formats) {
      written.push_back({.format = format, .what = "signature", .signer = signer->name()});
    }
  } else {
    written =
        TRY(sign_in_formats(app, *image.repository, image.descriptor(), annotations, formats));
  }
  app.close_progress();
  const std::string digest = image.descriptor().digest.to_string();
  const bool dry = app.args().flag("dry-run");
  if (app.json()) {
    base::Json signatures = base::Json::array();
    for (const Written& one : written) {
      signatures.push_back({{"format", std::string(sign::to_string(one.format))},
                            {"key", one.signer},
                            {"already_there", one.already}});
    }
    TRY(print(base::pretty_json({{"image", image.repository->name()},
                                 {"digest", digest},
                                 {"annotations", annotations},
                                 {"signatures", signatures},
                                 {"dry_run", dry}})));
    return 0;
  }
  std::string text = fmt::format("{}@{}\n", image.repository->name(), digest);
  for (const Written& one : written) text += (dry ? "would be " : "") + sentence(one) + "\n";
  TRY(print(text));
  return 0;
}

}  // namespace

Command sign_command() {
  return {
      .name = "sign",
      .summary = "sign an image in a registry",
      .synopsis = "HOST/REPOSITORY:TAG|@DIGEST [options]",
      .details =
          "What is signed is the digest, also when a tag is given. Signatures of several keys "
          "stand "
          "beside each other; one\n"
          "that this key has made already is left alone. legacy is what every Harbor and cosign 1 "
          "to 3 read, bundle what\n"
          "cosign 3 looks for first. The passphrase is never an argument.\n\n"
          "Examples:\n"
          "  imgforge sign harbor.example/ml/app:v1 --key keys/release.key\n"
          "  imgforge sign harbor.example/ml/app@sha256:4f1e... -k ci.key -a commit=4f1e -a "
          "pipeline=812\n"
          "  imgforge sign harbor.example/ml/app:v1 -k leaf.pem --format notation "
          "--certificate-chain chain.pem",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

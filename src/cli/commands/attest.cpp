// attest: signed statements about an image.
#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/probe_evidence.h"
#include "cli/signing.h"
#include "cli/trust.h"
#include "evidence/probe_report.h"
#include "sign/statement.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"type", 't', "TYPE", "spdx, cyclonedx, slsaprovenance1, probe, vuln, openvex, or a URI"},
    {"predicate", 'p', "FILE", "the statement's content, JSON; - is standard input"},
    {"probed-at", 0, "TIME", "with --type probe: when it ran, RFC 3339 (default: now)"},
    IMGFORGE_SIGNING_OPTIONS,
    {"format", 0, "FORMAT",
     "legacy or bundle (default: `signing_formats` of the configuration, else both)", true},
    {"dry-run", 'n', "", "check the predicate, open the key, find the image; write nothing"},
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<std::string> predicate_type(const std::string& name) {
  if (name == "probe") return std::string(evidence::kProbeReportPredicate);
  if (name == "spdx") return std::string(sign::predicate_type::kSpdx);
  if (name == "provenance") return std::string(sign::predicate_type::kSlsaProvenance1);
  auto type = sign::predicate_type_of(name);
  if (type) return type;
  return fail(Error(Errc::usage, type.error().message())
                  .hint("give spdx, cyclonedx, slsaprovenance1, probe, vuln, openvex, or a URI"));
}

/// A document under another's type would be believed by nobody, late.
Result<> check_content(const std::string& type, const std::string& text) {
  const base::Json json = TRY(base::parse_json(text, "the predicate"));
  if (!json.is_object()) return fail(Errc::invalid, "the predicate is not a JSON object");
  const auto demand = [&](const char* key, const char* what) -> Result<> {
    if (json.contains(key)) return {};
    Error error(Errc::invalid, fmt::format("the predicate is no {}: it has no \"{}\"", what, key));
    if (json.contains("predicateType")) {
      return fail(std::move(error).hint("this is a whole statement: give its \"predicate\" alone"));
    }
    return fail(std::move(error));
  };
  if (type == sign::predicate_type::kSpdx) return demand("spdxVersion", "SPDX document");
  if (type == sign::predicate_type::kCycloneDx) return demand("bomFormat", "CycloneDX document");
  if (type == sign::predicate_type::kSlsaProvenance1) {
    TRY(demand("buildDefinition", "SLSA v1 provenance"));
    return demand("runDetails", "SLSA v1 provenance");
  }
  return {};
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "attest", "HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST"));
  const auto type_name = app.args().value("type");
  const auto file = app.args().value("predicate");
  if (!type_name || !file) {
    return fail(Error(Errc::usage, "attest needs --type and --predicate")
                    .hint("imgforge attest HOST/REPOSITORY:TAG --type spdx --predicate sbom.json"));
  }
  const std::string type = TRY(predicate_type(*type_name));
  const bool probe = type == evidence::kProbeReportPredicate;
  if (app.args().flag("probed-at") && !probe) {
    return fail(Errc::usage, "--probed-at goes with --type probe");
  }
  const std::vector<sign::Format> formats = TRY(Signer::formats(app));
  std::string predicate = TRY(read_predicate(*file));
  if (probe) predicate = evidence::format_probe_predicate(TRY(read_probed(app, predicate)));
  TRY(check_content(type, predicate));
  TRY(app.signer());
  const RegistryImage image = TRY(open_registry_image(app, app.args().positional()[0]));
  const bool dry = app.args().flag("dry-run");
  std::vector<Written> written;
  if (!dry) {
    written = TRY(
        attest_in_formats(app, *image.repository, image.descriptor(), type, predicate, formats));
  }
  app.close_progress();
  const std::string digest = image.descriptor().digest.to_string();
  if (app.json()) {
    base::Json rows = base::Json::array();
    for (const Written& one : written) {
      rows.push_back({{"format", std::string(sign::to_string(one.format))},
                      {"key", one.signer},
                      {"already_there", one.already}});
    }
    TRY(print(base::pretty_json({{"image", image.repository->name()},
                                 {"digest", digest},
                                 {"type", type},
                                 {"attestations", rows},
                                 {"dry_run", dry}})));
    return 0;
  }
  std::string text = fmt::format("{}@{}\n", image.repository->name(), digest);
  if (dry) text += fmt::format("would be attested: {}\n", type);
  for (const Written& one : written) text += sentence(one) + "\n";
  TRY(print(text));
  return 0;
}

}  // namespace

Command attest_command() {
  return {
      .name = "attest",
      .summary = "sign a statement about an image in a registry",
      .synopsis = "HOST/REPOSITORY:TAG|@DIGEST --type TYPE --predicate FILE [options]",
      .details =
          "An attestation says something of an image; it is no signature of the image. For "
          "--type probe the file is what\n"
          "'imgforge probe --json' printed; it is checked, and attested whatever its verdict is. "
          "The same statement by the\n"
          "same key is written once.\n\n"
          "Examples:\n"
          "  imgforge attest harbor.example/ml/app:v1 --type probe --predicate report.json -k "
          "gpu-farm.key\n"
          "  imgforge probe --json | imgforge attest harbor.example/ml/app@sha256:4f1e... -t "
          "probe -p - -k gpu-farm.key\n"
          "  imgforge attest harbor.example/ml/app:v1 -t https://example.com/review/v1 -p "
          "review.json -k team.key",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

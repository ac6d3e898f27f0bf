// sbom: what an image consists of and how it was built, as documents.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "build/define.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/evidence_documents.h"
#include "cli/output.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", 'f', "FORMAT",
     "spdx, cyclonedx or provenance (default: spdx; with --attach and --attest all three)", true},
    {"output", 'o', "FILE", "write it here and not to standard output"},
    {"attach", 0, "IMAGE", "attach the documents to HOST/REPOSITORY:TAG|@DIGEST, unsigned"},
    {"attest", 0, "IMAGE", "attach them to it as attestations, signed with --key"},
    IMGFORGE_SIGNING_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

struct Subject {
  std::string name;  // in the store
  oci::Descriptor image;
  build::Plan plan;
};

/// What the spec's last build is called here.
Result<Subject> find_built(App& app, const std::string& spec_file) {
  const auto spec = TRY(build::load_image(spec_file, app.settings().layer_paths));
  const std::string lock_file = spec::lock_path(spec_file);
  const auto lock = TRY(spec::load_lock(lock_file));
  TRY(spec::check_lock(lock, spec, lock_file));
  build::Plan plan = TRY(build::make_plan(spec, lock));
  const std::string name = spec.image + ":" + plan.tag.to_string();
  const auto image = TRY(TRY(app.store())->find_image(name));
  if (!image) {
    return fail(Error(Errc::not_found, fmt::format("{} is not in the store", name))
                    .hint("imgforge build " + spec_file));
  }
  return Subject{name, *image, std::move(plan)};
}

/// The image in the registry must be the one that the documents are about.
Result<RegistryImage> find_target(App& app, const std::string& text, const Subject& subject) {
  RegistryImage target = TRY(open_registry_image(app, text));
  if (target.descriptor().digest == subject.image.digest) return target;
  return fail(Error(Errc::mismatch, fmt::format("{} is {}, and {} in the store is {}", text,
                                                target.descriptor().digest.to_string(),
                                                subject.name, subject.image.digest.to_string()))
                  .hint("documents are about one digest: push this image, or name the one that was "
                        "built here"));
}

Result<std::vector<DocumentKind>> kinds_of(const App& app) {
  std::vector<DocumentKind> kinds;
  for (const std::string& text : app.args().values("format")) {
    kinds.push_back(TRY(parse_document_kind(text)));
  }
  return kinds;
}

Result<int> write_one(App& app, DocumentRequest request) {
  if (request.kinds.size() > 1) {
    return fail(Error(Errc::usage, "one document at a time")
                    .hint("give one --format; --attach and --attest take several"));
  }
  if (request.kinds.empty()) request.kinds = {DocumentKind::spdx};
  const auto documents = TRY(write_documents(app, request));
  app.close_progress();
  const auto output = app.args().value("output");
  if (!output || *output == "-") {
    TRY(print(documents[0].content));
    return 0;
  }
  TRY(base::write_file_atomic(*output, documents[0].content));
  if (app.json()) {
    TRY(print(base::pretty_json({{"file", *output},
                                 {"format", std::string(to_string(documents[0].kind))},
                                 {"digest", request.image.digest.to_string()}})));
    return 0;
  }
  TRY(print(*output + "\n"));
  return 0;
}

Result<int> publish(App& app, DocumentRequest request, const Subject& subject) {
  const auto attach = app.args().value("attach");
  const auto attest = app.args().value("attest");
  if (app.args().flag("output")) {
    return fail(
        Error(Errc::usage, "--output does not go with --attach and --attest").hint("run it twice"));
  }
  if (attest) TRY(app.signer());
  if (request.kinds.empty())
    request.kinds.assign(std::begin(kAllDocuments), std::end(kAllDocuments));
  base::Json attached = base::Json::array();
  std::string text;
  const auto each = [&](const std::string& where, bool is_signed) -> Result<> {
    const RegistryImage target = TRY(find_target(app, where, subject));
    request.repository = target.repository->name();
    const auto documents = TRY(write_documents(app, request));
    text += fmt::format("{}@{}\n", target.repository->name(), subject.image.digest.to_string());
    if (!is_signed) {
      for (const std::string& line :
           TRY(attach_documents(app, *target.repository, subject.image, documents))) {
        text += line + "\n";
      }
      for (const EvidenceDocument& one : documents) {
        attached.push_back({{"format", std::string(to_string(one.kind))}, {"signed", false}});
      }
      return {};
    }
    for (const Written& one :
         TRY(attest_documents(app, *target.repository, subject.image, documents))) {
      text += sentence(one) + "\n";
      attached.push_back({{"format", one.what},
                          {"signed", true},
                          {"as", std::string(sign::to_string(one.format))},
                          {"already_there", one.already}});
    }
    return {};
  };
  if (attach) TRY(each(*attach, false));
  if (attest) TRY(each(*attest, true));
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"image", subject.name},
                                 {"digest", subject.image.digest.to_string()},
                                 {"documents", attached}})));
    return 0;
  }
  TRY(print(text));
  return 0;
}

Result<int> run(App& app) {
  const std::string spec_file = TRY(spec_argument(app));
  std::vector<DocumentKind> kinds = TRY(kinds_of(app));
  const Subject subject = TRY(find_built(app, spec_file));
  DocumentRequest request{.spec_file = spec_file,
                          .image = subject.image,
                          .plan = &subject.plan,
                          .kinds = std::move(kinds)};
  if (app.args().flag("attach") || app.args().flag("attest")) {
    return publish(app, std::move(request), subject);
  }
  return write_one(app, std::move(request));
}

}  // namespace

Command sbom_command() {
  return {
      .name = "sbom",
      .summary = "write what an image consists of: SPDX, CycloneDX, provenance",
      .synopsis = "SPEC [options]",
      .details =
          "From the spec's lock and the layers of its last build in the store. The same image and "
          "repository give the same\n"
          "bytes. --attest signs the documents; the image in the registry must be the one that was "
          "built here.\n\n"
          "Examples:\n"
          "  imgforge sbom specs/app.yaml -o app.spdx.json\n"
          "  imgforge sbom specs/app.yaml --format cyclonedx | grep purl\n"
          "  imgforge sbom specs/app.yaml --attest harbor.example/ml/app:v1 --key ci.key",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

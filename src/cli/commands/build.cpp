#include "build/build.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "cli/branch.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/destination.h"
#include "cli/output.h"
#include "cli/trust.h"
#include "release/build_tag.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"output", 'o', "REF",
     "write the image here too: oci:DIR[:tag], oci-archive:FILE, docker-archive:FILE", true},
    {"workers", 'j', "N", "layers built at the same time (default: the processors)"},
    {"check", 0, "", "build executed layers twice and name the first difference"},
    {"record", 0, "", "write what the layers became into the lock"},
    {"ignore-records", 0, "", "do not compare with what the lock records"},
    {"build-id", 0, "ID", "instead of the spec's `build:`, as v2.6.2"},
    {"dry-run", 'n', "", "the same as 'imgforge plan'"},
    IMGFORGE_PUSH_OPTIONS,
    IMGFORGE_SIGNING_OPTIONS,
    IMGFORGE_POLICY_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_UPLOAD_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

std::string name_of(const oci::RegistryReference& image) {
  return image.host + "/" + image.repository;
}

Result<std::size_t> workers(const App& app) {
  const auto text = app.args().value("workers");
  if (!text) return app.workers();
  const auto number = base::parse_uint(*text);
  if (!number || *number == 0 || *number > 256) {
    return fail(Errc::usage,
                fmt::format("--workers takes a number from 1 to 256, not '{}'", *text));
  }
  return static_cast<std::size_t>(*number);
}

base::Json pushed_json(const build::Published& published, const std::string& repository) {
  return {{"repository", repository},
          {"tag", published.tag},
          {"there_already", published.present},
          {"sent", counted_json(published.moved.sent)},
          {"mounted", counted_json(published.moved.mounted)},
          {"there", counted_json(published.moved.there)},
          {"layers_found", published.layers_found},
          {"cache_entries", published.cache_entries}};
}

base::Json result_json(const build::BuiltImage& image, const std::string& store,
                       const BuildDestination* destination) {
  base::Json layers = base::Json::array();
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    if (!image.plan.layers[i].recipe->emits()) continue;
    layers.push_back({{"id", image.plan.layers[i].id},
                      {"digest", image.layers[i].blob.digest.to_string()},
                      {"size", image.layers[i].blob.size},
                      {"diff_id", image.layers[i].diff_id.to_string()},
                      {"reused", static_cast<bool>(image.reused[i])},
                      {"from_registry", image.states[i].elsewhere.has_value()}});
  }
  base::Json json = {{"image", image.image},
                     {"tag", image.tag},
                     {"digest", image.manifest.digest.to_string()},
                     {"bytes", image.compressed_bytes},
                     {"layers", layers},
                     {"store", store},
                     {"in_store", image.in_store}};
  if (image.published) {
    json["pushed"] = pushed_json(*image.published, name_of(destination->reference()));
    json["evidence"] = destination->evidence();
    json["kept"] = to_json(destination->kept());
  }
  return json;
}

std::string result_text(const build::BuiltImage& image, const build::BuildRequest& request,
                        const BuildDestination* destination) {
  std::size_t reused = 0;
  for (const bool one : image.reused) reused += one ? 1 : 0;
  std::string text = fmt::format("{}:{}\n{}\n{} layers ({} reused), {}\n", image.image, image.tag,
                                 image.manifest.digest.to_string(), image.layers.size(), reused,
                                 base::human_bytes(image.compressed_bytes));
  for (const oci::Reference& output : request.outputs) text += "wrote " + output.to_string() + "\n";
  if (!image.published) return text;
  const build::Published& published = *image.published;
  text += fmt::format("pushed {}:{}", name_of(destination->reference()), published.tag);
  std::string evidence;
  for (const std::string& sentence : destination->evidence()) evidence += sentence + "\n";
  for (const std::string& sentence : sentences(destination->kept())) evidence += sentence + "\n";
  if (published.present) return text + ": was there already, nothing sent\n" + evidence;
  text += fmt::format(": {} blobs sent ({}), {} mounted, {} there already",
                      published.moved.sent.blobs, base::human_bytes(published.moved.sent.bytes),
                      published.moved.mounted.blobs, published.moved.there.blobs);
  if (published.layers_found > 0) {
    text += fmt::format("; {} layers found there, not built", published.layers_found);
  }
  return text + "\n" + evidence;
}

Result<int> run(App& app) {
  build::BuildRequest request;
  request.spec_file = TRY(spec_argument(app));
  request.layer_paths = app.settings().layer_paths;
  request.record = app.args().flag("record");
  for (const std::string& output : app.args().values("output")) {
    oci::Reference reference = TRY(oci::Reference::parse(output));
    if (reference.registry() != nullptr) {
      return fail(
          Error(Errc::usage, "'" + output + "' is not a place on this machine")
              .hint("outputs are oci:DIR[:tag], oci-archive:FILE[:tag] and docker-archive:FILE"));
    }
    request.outputs.push_back(std::move(reference));
  }
  if (app.args().flag("dry-run")) return plan_command().run(app);
  request.run.workers = TRY(workers(app));
  // Measured: on as many processors as layers are built at once, threads within a layer only cost.
  const std::size_t per_layer = app.processors() / request.run.workers;
  request.run.layer_threads = per_layer > 0 ? per_layer - 1 : 0;
  request.run.check = app.args().flag("check");
  request.run.ignore_records = app.args().flag("ignore-records") || request.record;
  request.run.probe_file = app.settings().probe_file;
  request.run.sandbox_program = app.self();
  request.build_id = app.args().value("build-id").value_or("");
  if (!request.build_id.empty() && !release::is_build_id(request.build_id)) {
    return fail(Errc::usage, "--build-id takes an id like v2.6.2, not '" + request.build_id + "'");
  }
  const spec::ImageSpec spec = push_wanted(app)
                                   ? TRY(build::load_image(request.spec_file, request.layer_paths))
                                   : spec::ImageSpec();
  const auto destination = TRY(BuildDestination::make(app, spec));
  if (destination) request.destination = &destination->destination();
  request.bump = app.args().flag("bump");
  TRY(expect_push(app, "build SPEC"));
  auto branch = TRY(BranchChannel::make(app, spec));
  const build::Workplace place{*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                               &app.images()};
  const build::BuiltImage image = TRY(build::build(request, place));
  std::string channel;
  if (branch) {
    channel = TRY(branch->follow(app, destination->repository(), image.manifest.digest));
  }
  app.close_progress();
  if (app.json()) {
    base::Json json = result_json(image, place.store.directory(), destination.get());
    if (branch) json["channel"] = {{"name", branch->channel()}, {"what", channel}};
    TRY(print(base::pretty_json(json)));
    return 0;
  }
  TRY(print(result_text(image, request, destination.get()) +
            (channel.empty() ? "" : channel + "\n")));
  return 0;
}

}  // namespace

Command build_command() {
  return {
      .name = "build",
      .summary = "build an image from its locked spec",
      .synopsis = "SPEC [options]",
      .details =
          "Nothing is resolved here: the lock says what goes in. Layers that are in the store "
          "are reused, the rest is\n"
          "built in parallel; a build that was interrupted goes on where it stopped. The image "
          "is named\n"
          "image:build-tag in the store (an OCI layout), and written to every --output.\n\n"
          "Examples:\n"
          "  imgforge build specs/pytorch2.6-cuda12.4-debian12.yaml\n"
          "  imgforge build specs/app.yaml -o oci:out/app -o docker-archive:out/app.tar\n"
          "  imgforge build specs/app.yaml --check              are the executed layers "
          "deterministic?\n"
          "  imgforge build specs/app.yaml --record             pin the digests in the lock\n"
          "  imgforge build specs/app.yaml --push --bump        into the spec's registry, under "
          "the next free build id\n"
          "  imgforge build specs/app.yaml --push --attest --keep-inputs     so that others can "
          "build it again:\n"
          "                                                     'imgforge reproduce'\n\n"
          "With --push, layers that the registry has are not built, finished layers leave while "
          "later ones are built, and\n"
          "the build tag is written last: once. With this digest again it is success and "
          "nothing is sent; a tag that\n"
          "another image has is refused before anything is built where that is certain, and "
          "before anything is sent else.",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

#include "cli/rebuilding.h"

#include <fmt/format.h>

#include <algorithm>

#include "archive/encoder.h"
#include "base/file.h"
#include "base/task_group.h"
#include "base/text.h"
#include "build/build.h"
#include "build/inputs.h"
#include "cli/commands/shared.h"
#include "cli/kept_documents.h"
#include "cli/version.h"
#include "env/git.h"
#include "registry/repository.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kTransfers = 6;

bool needs_project(const spec::ImageSpec& spec) {
  return std::any_of(spec.layers.begin(), spec.layers.end(),
                     [](const spec::LayerUse& layer) { return layer.kind == "files"; });
}

Error no_project(const spec::ImageSpec& spec, const build::BuildDocuments& documents) {
  std::vector<std::string> names;
  for (const spec::LayerUse& layer : spec.layers) {
    if (layer.kind == "files") names.push_back(layer.id);
  }
  std::string hint =
      "give the project's folder, --source DIR; or run this in a clone that has the "
      "commit, where the spec names one";
  if (!documents.source.empty()) {
    const std::string address =
        documents.source.starts_with("git+") ? documents.source.substr(4) : documents.source;
    hint = fmt::format(
        "git clone {} DIR && git -C DIR checkout {}, then --source DIR or run this in it",
        base::shell_quote(address), documents.commit);
  }
  return Error(Errc::not_found, fmt::format("{} {} of files of the project, which are not beside "
                                            "the image",
                                            names.size() == 1 ? "layer" : "layers",
                                            base::join(names, ", ") +
                                                (names.size() == 1 ? " is made" : " are made")))
      .hint(std::move(hint));
}

bool is_from_folder(const spec::LayerUse& layer) {
  const auto from = layer.entry.find("from");
  return layer.kind == "files" && from && from->is_scalar();
}

/// This working folder or the top of the clone around it, where it has the commits of all `files`
/// layers: they are pinned by object name, so another repository cannot be mistaken for it.
Result<std::optional<std::string>> clone_here(const App& app, const LockedSpec& loaded) {
  const auto& layers = loaded.spec.layers;
  if (std::any_of(layers.begin(), layers.end(), is_from_folder)) return std::nullopt;
  std::vector<std::string> folders;
  if (auto here = base::absolute_path(".")) folders.push_back(*std::move(here));
  if (auto git = env::Git::open(".", app.stop())) folders.push_back(git->top());
  for (std::string& folder : folders) {
    spec::ImageSpec spec = loaded.spec;
    spec.project_directory = folder;
    auto plan = build::make_plan(spec, loaded.lock, /*ignore_local_changes=*/true);
    if (plan) return folder;
    if (plan.error().code() == Errc::cancelled) return fail(std::move(plan.error()));
  }
  return std::nullopt;
}

void note_layers(const LockedSpec& loaded, const build::Plan& plan,
                 build::BuildCircumstances& circumstances) {
  for (const spec::LayerUse& layer : loaded.spec.layers) {
    if (is_from_folder(layer)) circumstances.folder_layers.push_back(layer.id);
  }
  for (const build::PlannedLayer& layer : plan.layers) {
    if (layer.recipe->executed()) circumstances.executed_layers.push_back(layer.id);
  }
  const auto encoder = loaded.lock.tools.find("encoder");
  if (encoder != loaded.lock.tools.end()) circumstances.lock_encoder = encoder->second;
  if (const auto ours = archive::parse_encoder(loaded.spec.compression)) {
    circumstances.our_encoder = archive::encoder_id(*ours);
  }
  circumstances.rebuilt_by = kVersion;
}

/// Folders with DIR/sha256/HEX: those of the options and the configuration, and the inputs of the
/// user's own store, which are of the same form. What is taken from there is hashed again.
std::vector<std::string> vendor_folders(const App& app, const RebuildOptions& options,
                                        const std::string& store) {
  std::vector<std::string> folders = options.vendor_folders;
  const auto& configured = app.settings().addresses.vendor_folders;
  folders.insert(folders.end(), configured.begin(), configured.end());
  folders.push_back(base::join_path(store, "inputs"));
  return folders;
}

InputPlace place_of(const sources::Input& input, const RebuildPlan& plan,
                    const RebuildOptions& options, const App& app, const store::Store& store) {
  using Kind = InputPlace::Kind;
  if (store.has_input(input.digest)) return {Kind::store, "the store"};
  for (const std::string& folder : vendor_folders(app, options, store.directory())) {
    if (base::exists(base::join_path(folder, "sha256/" + input.digest.hex()))) {
      return {Kind::vendored, folder};
    }
  }
  if (plan.kept.contains(input.digest)) return {Kind::kept, "beside the image"};
  if (input.origin.kind == sources::Origin::Kind::builtin) return {Kind::local, "this imgforge"};
  if (input.origin.kind == sources::Origin::Kind::project) {
    return {Kind::local, base::join_path(plan.project, input.origin.path)};
  }
  return {Kind::outside, sources::describe(input.origin)};
}

/// What `imgforge lock` would do about it is no remedy here, and a source that has other content
/// now says nothing about the image.
Error cannot_be_had(Error error) {
  const Errc code = error.code() == Errc::mismatch ? Errc::not_found : error.code();
  if (code != Errc::not_found && code != Errc::refused) return error;
  return Error(code, error.summary())
      .hint(
          "what is gone has to come from somebody who kept it: --vendor DIR, written by 'imgforge "
          "fetch SPEC --vendor DIR'; an archive's history under 'snapshot:' in the configuration; "
          "'imgforge build --push --keep-inputs' keeps inputs beside the next image");
}

Result<> bring_inputs(App& app, const RegistryImage& image, const RebuildPlan& plan,
                      const std::vector<std::string>& vendored, store::Store& store,
                      sources::Sources& sources) {
  // A vendored folder and this store cost no transfer; then what the registry keeps.
  const auto is_local = [&](const sources::Input& input) {
    return std::any_of(vendored.begin(), vendored.end(), [&](const std::string& folder) {
      return base::exists(base::join_path(folder, "sha256/" + input.digest.hex()));
    });
  };
  std::vector<sources::Input> far;
  for (const sources::Input& input : plan.inputs) {
    if (!store.has_input(input.digest) && !is_local(input)) far.push_back(input);
  }
  TRY(take_beside(app, image, far, plan.kept, store));
  auto local = build::bring_local(plan.inputs,
                                  {.probe_file = app.settings().probe_file,
                                   .project_directory = plan.project,
                                   .vendor_folders = vendored},
                                  store);
  if (!local) return fail(cannot_be_had(std::move(local.error())));
  auto fetched = sources.fetch(plan.inputs, kTransfers, app.stop());
  if (!fetched) return fail(cannot_be_had(std::move(fetched.error())));
  return {};
}

Result<build::ImageDocuments> documents_of(store::Store& store, const std::string& manifest_json) {
  build::ImageDocuments documents;
  documents.manifest = TRY(oci::parse_manifest(manifest_json));
  if (!documents.manifest.config) return fail(Errc::invalid, "the image has no config");
  documents.config =
      TRY(oci::parse_image_config(TRY(store.read_blob(documents.manifest.config->digest))));
  return documents;
}

Result<> bring_blobs(App& app, const RegistryImage& image, std::vector<oci::Descriptor> blobs,
                     store::Store& store) {
  return base::parallel_for(
      blobs.size(), kTransfers, app.stop(), [&](std::size_t i, std::stop_token stop) -> Result<> {
        if (store.has_blob(blobs[i].digest)) return {};
        auto task = app.progress().start("pull", blobs[i].digest.short_hex(), blobs[i].size);
        TRY(app.images().pull_blob(image.reference, blobs[i], store, *task, stop));
        task->finish("pulled");
        return {};
      });
}

Result<Rebuilt> rebuild_in(App& app, const RegistryImage& image, const RebuildPlan& plan,
                           const RebuildOptions& options, store::Store& store) {
  sources::AddressSettings settings = app.settings().addresses;
  settings.vendor_folders = vendor_folders(app, options, TRY(app.store())->directory());
  const std::vector<std::string> vendored = settings.vendor_folders;
  sources::Sources sources(TRY(sources::Addresses::load(std::move(settings))), store,
                           app.progress());
  const auto held = TRY(store.hold());
  TRY(bring_inputs(app, image, plan, vendored, store, sources));

  build::BuildRequest request;
  request.spec_file = plan.spec_file;
  request.layer_paths = plan.layer_paths;
  request.build_id = plan.build_id;
  request.project_directory = plan.project;
  request.ignore_local_changes = true;
  request.outputs = options.outputs;
  request.run.workers = app.workers();
  request.run.ignore_records = true;  // a record would let a layer be copied instead of made
  request.run.probe_file = app.settings().probe_file;
  request.run.sandbox_program = app.self();
  const build::BuiltImage built =
      TRY(build::build(request, {store, sources, app.progress(), app.stop(), &app.images()}));
  Rebuilt rebuilt{.digest = built.manifest.digest, .divergence = std::nullopt, .cause = {}};
  if (rebuilt.digest == image.descriptor().digest) return rebuilt;

  // Another image: of the original come the layers that differ, and nothing else.
  const oci::Manifest original = TRY(oci::parse_manifest(image.manifest.bytes));
  if (!original.config) return fail(Errc::invalid, image.name + " has no config");
  TRY(bring_blobs(app, image, {*original.config}, store));
  const auto theirs = TRY(documents_of(store, image.manifest.bytes));
  const auto ours = TRY(documents_of(store, TRY(store.read_blob(built.manifest.digest))));
  TRY(bring_blobs(app, image, build::differing_layers(theirs.manifest, ours.manifest), store));
  rebuilt.divergence = TRY(build::compare_images(theirs, ours, store, options.listed));
  rebuilt.cause = build::explain(*rebuilt.divergence, plan.circumstances);
  return rebuilt;
}

}  // namespace

Result<std::map<oci::Digest, build::KeptInput>> inputs_beside(const RegistryImage& image) {
  return TRY(look_for_kept(*image.repository, image.descriptor().digest)).inputs;
}

Result<std::size_t> take_beside(App& app, const RegistryImage& image,
                                const std::vector<sources::Input>& wanted,
                                const std::map<oci::Digest, build::KeptInput>& kept,
                                store::Store& store) {
  registry::Client& client = *TRY(app.images().client(image.reference.host));
  registry::Repository origin(client, image.reference.repository);
  return build::take_kept(wanted, kept, origin, store, kTransfers, app.progress(), app.stop());
}

Result<RebuildPlan> plan_rebuild(App& app, const RegistryImage& image,
                                 const RebuildOptions& options, const std::string& scratch) {
  const oci::Manifest manifest = TRY(oci::parse_manifest(image.manifest.bytes));
  KeptBeside kept = TRY(look_for_kept(*image.repository, image.descriptor().digest));
  auto attached = open_documents(*image.repository, image.name, image.manifest, kept, scratch);
  RebuildPlan plan;
  LockedSpec loaded;
  build::BuildDocuments documents;
  if (options.spec_file.empty()) {
    if (!attached) return fail(std::move(attached.error()));
    loaded = std::move(attached->locked);
    documents = std::move(attached->documents);
    plan.documents = "beside the image, " + attached->digest;
    plan.build_id = documents.build_id;
    plan.project = options.source;
  } else {
    plan.layer_paths = app.settings().layer_paths;
    loaded = TRY(load_locked(options.spec_file, plan.layer_paths));
    plan.documents = options.spec_file;
    plan.circumstances.other_documents =
        !build::check_documents_of_image(manifest, loaded.spec, loaded.lock).has_value();
    if (attached) {
      plan.circumstances.other_layers =
          build::layers_that_differ(attached->locked.lock, loaded.lock);
      documents = std::move(attached->documents);
      // The id may be the next free one instead of the spec's.
      if (!plan.circumstances.other_documents) plan.build_id = documents.build_id;
    }
    plan.project = options.source.empty() ? loaded.spec.project_directory : options.source;
  }
  plan.spec_file = loaded.spec_file;
  plan.circumstances.built_by = documents.version;
  plan.kept = std::move(kept.inputs);
  plan.takes_files = needs_project(loaded.spec);
  if (plan.project.empty() && plan.takes_files) {
    auto clone = TRY(clone_here(app, loaded));
    if (!clone) return fail(no_project(loaded.spec, documents));
    plan.project = *std::move(clone);
  }
  if (!plan.project.empty()) loaded.spec.project_directory = plan.project;
  if (!plan.build_id.empty()) loaded.spec.build = plan.build_id;
  auto made = build::make_plan(loaded.spec, loaded.lock, /*ignore_local_changes=*/true);
  if (!made && made.error().code() == Errc::not_found && plan.project.empty()) {
    return fail(Error(Errc::not_found, made.error().summary())
                    .hint("the spec takes files of its project: give its folder, --source DIR"));
  }
  if (!made) return fail(std::move(made.error()));
  note_layers(loaded, *made, plan.circumstances);
  plan.inputs = all_inputs(*made);
  plan.layers = made->layers.size();
  const store::Store& store = *TRY(app.store());
  for (const sources::Input& input : plan.inputs) {
    plan.places.push_back(place_of(input, plan, options, app, store));
  }
  return plan;
}

Result<Rebuilt> rebuild(App& app, const RegistryImage& image, const RebuildPlan& plan,
                        const RebuildOptions& options, const std::string& scratch) {
  if (options.reuse) return rebuild_in(app, image, plan, options, *TRY(app.store()));
  const std::string folder = base::join_path(scratch, "store");
  auto store = TRY(store::Store::open(folder));
  auto rebuilt = rebuild_in(app, image, plan, options, store);
  // Trees of an ordinary user belong to subordinate ids, which only the sandbox can act for.
  sandbox::Sandbox sandbox(app.self(), scratch);
  const std::string trees = base::join_path(folder, "trees");
  for (const std::string& name : base::list_directory(trees).value_or(std::vector<std::string>())) {
    const std::string tree = base::join_path(trees, name);
    if (auto removed = sandbox.remove_tree(tree); !removed) {
      app.progress().warn("left behind: " + tree + ": " + removed.error().message());
    }
  }
  return rebuilt;
}

}  // namespace imgforge::cli

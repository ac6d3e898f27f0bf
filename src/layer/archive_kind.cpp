#include "layer/archive_kind.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "layer/unpack.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

struct Settings {
  sources::Origin origin;
  std::string name;    // of the file, for people
  std::string sha256;  // as the author gave it; may be empty
  UnpackRules rules;
  std::vector<std::string> include, exclude;  // as written, for the key
  std::string title;
  document::Node place;  // of `url` or `file`
};

Result<sources::Input> parse_part(const std::string& text, const Settings& settings) {
  const auto json = TRY(base::parse_json(text, "the lock's part of an archive layer"));
  base::JsonReader reader(json, "archive");
  const auto kind = reader.text("kind");
  const auto input = reader.object("input");
  TRY(reader.finish());
  if (!input || kind != "archive") {
    return fail(Errc::invalid, "the lock's part of an archive layer has no input");
  }
  auto found = TRY(sources::input_from_json(*input));
  if (found.origin != settings.origin ||
      (!settings.sha256.empty() && found.digest.hex() != settings.sha256)) {
    return fail(Error(Errc::refused, "the lock's archive layer was made for another archive")
                    .hint("run imgforge lock"));
  }
  return found;
}

class ArchiveRecipe final : public WrittenRecipe {
 public:
  ArchiveRecipe(Settings settings, sources::Input input)
      : settings_(std::move(settings)), input_(std::move(input)) {}

  std::string key_material() const override {
    base::Json json = {{"kind", "archive"},
                       {"revision", kRevision},
                       {"sha256", input_.digest.hex()},
                       {"strip", settings_.rules.strip},
                       {"dest", settings_.rules.dest},
                       {"include", settings_.include},
                       {"exclude", settings_.exclude},
                       {"uid", settings_.rules.owner.uid},
                       {"gid", settings_.rules.owner.gid}};
    if (settings_.rules.mode) json["mode"] = *settings_.rules.mode;
    return base::canonical_json(json);
  }

  std::string title() const override {
    return settings_.title.empty() ? input_.name : settings_.title;
  }

  /// A file of the project is taken from there while the layer is made.
  std::vector<sources::Input> inputs() const override {
    if (input_.origin.kind == sources::Origin::Kind::project) return {};
    return {input_};
  }

  std::uint64_t estimated_bytes() const override { return input_.size * 3; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    if (input_.origin.kind == sources::Origin::Kind::project &&
        !context.store.has_input(input_.digest)) {
      TRY(context.store.adopt_input(base::join_path(context.project_directory, input_.origin.path),
                                    input_.digest, input_.size));
    }
    auto file = std::make_shared<base::File>(TRY(context.store.open_input(input_.digest)));
    if (TRY(is_zip(*file))) {
      const auto zip = TRY(archive::ZipArchive::open(*file, input_.name));
      const archive::Settled settled(out);
      TreeEntries entries(context.epoch);
      TRY(unpack_zip(zip, settings_.rules, entries, context.stop));
      TRY(not_empty(entries));
      return entries.emit(out, &context.task, context.stop);
    }
    ReadingPlace place(context.held, context.scratch);
    context.task.set_phase("looking into the archive");
    TreeEntries entries(context.epoch, TreeEntries::Repeat::replace);
    TRY(unpack_tar(place, std::move(file), input_.name, settings_.rules, entries, context.stop));
    TRY(not_empty(entries));
    context.task.set_phase("");
    return entries.emit(out, &context.task, context.stop);
  }

 private:
  Result<> not_empty(const TreeEntries& entries) const {
    if (entries.size() > 0) return {};
    return fail(Error(Errc::invalid,
                      fmt::format("nothing of {} is left to put into the image", input_.name))
                    .hint("look at `strip`, `include` and `exclude`"));
  }

  Settings settings_;
  sources::Input input_;
};

class ArchiveDefinition final : public Definition {
 public:
  explicit ArchiveDefinition(Settings settings) : settings_(std::move(settings)) {}

  std::vector<std::string> project_paths() const override {
    if (settings_.origin.kind != sources::Origin::Kind::project) return {};
    return {settings_.origin.path};
  }

  Result<std::string> resolve(const ResolveContext& context) const override {
    const auto input = TRY(find(context));
    if (!settings_.sha256.empty() && input.digest.hex() != settings_.sha256) {
      return fail(
          Error(Errc::mismatch, fmt::format("{} has sha256 {}, and the spec says {}",
                                            settings_.name, input.digest.hex(), settings_.sha256))
              .at(settings_.place.where())
              .hint("find out who changed it before you change the spec"));
    }
    return base::canonical_json({{"kind", "archive"}, {"input", sources::to_json(input)}});
  }

  Result<> contribute(const std::string& part, Facts&) const override {
    TRY(parse_part(part, settings_));
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext&) const override {
    std::vector<std::unique_ptr<Recipe>> made;
    made.push_back(std::make_unique<ArchiveRecipe>(settings_, TRY(parse_part(part, settings_))));
    return made;
  }

 private:
  Result<sources::Input> find(const ResolveContext& context) const {
    if (settings_.origin.kind == sources::Origin::Kind::project) return find_in_project(context);
    // An older lock's answer stays unless this run may change it, and always under a known hash.
    if (context.previous_part) {
      const bool fixed = !settings_.sha256.empty() ||
                         (!context.update.empty() && !context.update.contains(settings_.name));
      if (auto old = parse_part(*context.previous_part, settings_); fixed && old) return *old;
    }
    return context.sources.pin(settings_.origin, settings_.name, context.stop);
  }

  Result<sources::Input> find_in_project(const ResolveContext& context) const {
    const std::string path = base::join_path(context.project_directory, settings_.origin.path);
    auto file = base::File::open_read(path);
    if (!file) {
      return fail(Error(file.error().code(), file.error().message()).at(settings_.place.where()));
    }
    base::HashingSink hash;
    TRY(base::copy(*file, hash));
    const std::uint64_t size = hash.size();
    const auto digest = TRY(oci::Digest::from_sha256_hex(hash.finish_hex()));
    TRY(context.store.adopt_input(path, digest, size));
    return sources::Input{settings_.name, digest, size, settings_.origin};
  }

  Settings settings_;
};

void read_origin(LayerFields& fields, Settings& settings) {
  const auto url = fields.optional_text("url");
  const auto file = fields.optional_text("file");
  if (url.has_value() == file.has_value()) {
    return fields.reject(
        url ? "file" : "url",
        url ? "an archive comes from `url` or from `file`, not from both"
            : "an archive needs `url` (an address) or `file` (a path in the project)");
  }
  if (url) {
    settings.place = *fields.optional_node("url");
    const std::string path = url->substr(0, url->find_first_of("?#"));
    settings.origin = {.kind = sources::Origin::Kind::url, .path = *url};
    settings.name = base::base_name(path);
    if (!url->starts_with("https://") && !url->starts_with("http://") &&
        !url->starts_with("file://")) {
      return fields.reject("url", fmt::format("\"{}\" is no address", *url),
                           "write https://…, or `file:` for a file of the project");
    }
  } else {
    settings.place = *fields.optional_node("file");
    const auto normal = archive::normal_path(*file);
    if (!normal || normal->empty() || file->starts_with('/')) {
      return fields.reject("file", fmt::format("\"{}\" is not a file inside the project", *file),
                           "name it relative to the project's folder, without \"..\"");
    }
    settings.origin = {.kind = sources::Origin::Kind::project, .path = *normal};
    settings.name = base::base_name(*normal);
  }
  if (settings.name.empty()) settings.name = "archive";
}

}  // namespace

Result<std::unique_ptr<Definition>> decode_archive(const document::Node& entry) {
  LayerFields fields(entry);
  Settings settings;
  read_origin(fields, settings);
  settings.sha256 = base::to_lower(fields.text_or("sha256", ""));
  if (!settings.sha256.empty() && !oci::Digest::from_sha256_hex(settings.sha256)) {
    fields.reject("sha256", "a sha256 has 64 hexadecimal digits");
  }
  const auto strip = fields.integer_or("strip", 0);
  if (strip < 0 || strip > 100)
    fields.reject("strip", "\"strip\" counts leading folders: 0 to 100");
  settings.rules.strip = static_cast<std::uint64_t>(std::max<std::int64_t>(strip, 0));
  settings.rules.dest = folder_field(fields, "dest", "/");
  settings.rules.include = patterns_field(fields, "include", &settings.include);
  settings.rules.exclude = patterns_field(fields, "exclude", &settings.exclude);
  settings.rules.owner = owner_field(fields, "owner");
  settings.rules.mode = mode_field(fields, "mode");
  settings.title = fields.title();
  TRY(fields.finish());
  return std::make_unique<ArchiveDefinition>(std::move(settings));
}

}  // namespace imgforge::layer

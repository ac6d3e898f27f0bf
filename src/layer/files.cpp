#include "layer/files.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"
#include "document/secrets.h"
#include "layer/file_list.h"
#include "layer/file_rules.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

struct Settings {
  std::string folder;    // relative to the project
  std::string revision;  // git: what the author wrote; empty: the folder as it is
  std::string dest;
  FileSelection selection;
  GlobSet executable;
  Owner owner;
  std::optional<std::uint32_t> mode;
  std::string id, title;
  document::Node place;

  bool from_git() const { return !revision.empty(); }
};

/// What the lock says of a `files` layer.
struct Part {
  std::string commit;  // empty for folders
  std::string tree;
};

std::string format_part(const Settings& settings, const Part& part) {
  base::Json json = {{"kind", "files"}, {"from", settings.folder}};
  if (settings.from_git()) {
    json["revision"] = settings.revision;
    json["commit"] = part.commit;
    json["tree"] = part.tree;
  }
  return base::canonical_json(json);
}

Result<Part> parse_part(const std::string& text, const Settings& settings) {
  const auto json = TRY(base::parse_json(text, "the lock's part of a files layer"));
  base::JsonReader reader(json, "files");
  Part part;
  const auto kind = reader.text("kind");
  const auto from = reader.text("from");
  const auto revision = reader.text_or("revision", "");
  part.commit = reader.text_or("commit", "");
  part.tree = reader.text_or("tree", "");
  TRY(reader.finish());
  if (kind != "files" || from != settings.folder || revision != settings.revision ||
      (settings.from_git() && (part.commit.empty() || part.tree.empty()))) {
    return fail(Error(Errc::refused, "the lock's files layer was made for another `from`")
                    .hint("run imgforge lock"));
  }
  return part;
}

/// Looks for secrets in what passes; the read that completes the file fails when there is one.
class GuardedSource final : public base::Source {
 public:
  GuardedSource(std::unique_ptr<base::Source> inner, const ProjectFile& file)
      : inner_(std::move(inner)), path_(file.path), rest_(file.size) {}

  Result<std::size_t> read(base::MutableBytes buffer) override {
    const std::size_t n = TRY(inner_->read(buffer));
    if (first_ && base::as_text(buffer.first(n)).starts_with(kLfsPointer)) {
      return fail(Error(Errc::unsupported,
                        path_ + " is kept in git LFS; the commit has only a pointer to it")
                      .hint("take the files from a checked-out folder (`from: FOLDER`)"));
    }
    first_ = false;
    scanner_.feed(buffer.first(n));
    rest_ -= std::min<std::uint64_t>(rest_, n);
    if (rest_ == 0) {
      if (const auto finding = scanner_.finish()) {
        return fail(document::secret_error(path_, *finding));
      }
    }
    return n;
  }

 private:
  // Git LFS specification, "The Pointer".
  static constexpr std::string_view kLfsPointer = "version https://git-lfs.github.com/spec/";

  std::unique_ptr<base::Source> inner_;
  std::string path_;
  std::uint64_t rest_;
  bool first_ = true;
  document::SecretScanner scanner_;
};

class FilesRecipe final : public WrittenRecipe {
 public:
  FilesRecipe(Settings settings, Part part, std::vector<ProjectFile> files)
      : settings_(std::move(settings)), part_(std::move(part)), files_(std::move(files)) {}

  std::string key_material() const override {
    base::Sha256 hash;
    for (const ProjectFile& file : files_) {
      const std::string row =
          fmt::format("{:o} {} {}", mode_of(file), file.is_link ? "link" : "file", file.content) +
          '\0' + file.path + '\0' + file.target + '\0';
      hash.update(base::as_bytes(row));
    }
    return base::canonical_json({{"kind", "files"},
                                 {"revision", kRevision},
                                 {"dest", settings_.dest},
                                 {"uid", settings_.owner.uid},
                                 {"gid", settings_.owner.gid},
                                 {"files", hash.finish_hex()}});
  }

  std::string title() const override {
    if (!settings_.title.empty()) return settings_.title;
    const std::string count =
        files_.size() == 1 ? "1 file" : fmt::format("{} files", files_.size());
    const std::string from = settings_.folder == "." ? "the project" : settings_.folder;
    if (!settings_.from_git()) return fmt::format("{} of {}", count, from);
    return fmt::format("{} of {} at {}", count, from, part_.commit.substr(0, 12));
  }

  std::vector<sources::Input> inputs() const override { return {}; }

  std::uint64_t estimated_bytes() const override {
    std::uint64_t sum = 0;
    for (const ProjectFile& file : files_) {
      sum += archive::kTarBlock + file.size + archive::tar_padding(file.size);
    }
    return sum;
  }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    const std::string folder = base::join_path(context.project_directory, settings_.folder);
    TreeEntries entries(context.epoch);
    std::shared_ptr<base::File> contents;
    if (settings_.from_git()) {
      // git streams objects in one go: they wait in a file for their turn.
      auto scratch = TRY(base::TempDir::create(context.scratch, "git"));
      contents = std::make_shared<base::File>(TRY(base::File::create(scratch / "contents", 0600)));
      TRY(read_tree(folder, files_, *contents, context.stop));
    }
    if (!settings_.dest.empty()) TRY(add_folders(entries));
    std::uint64_t offset = 0;
    for (const ProjectFile& file : files_) {
      const std::string path = inside(settings_.dest, file.path);
      TRY(refuse_driver_library(path, settings_.folder));
      if (file.is_link) {
        TRY(check_link(path, file.target, settings_.dest, settings_.folder));
        TRY(entries.add({.path = path,
                         .type = archive::EntryType::symlink,
                         .mode = 0777,
                         .uid = settings_.owner.uid,
                         .gid = settings_.owner.gid,
                         .link_target = file.target},
                        settings_.folder));
        continue;
      }
      auto open = [folder, contents, offset, &file]() -> Result<std::unique_ptr<base::Source>> {
        std::unique_ptr<base::Source> source;
        if (contents) {
          source = std::make_unique<base::RangeSource>(*contents, offset, file.size);
        } else {
          source = TRY(open_scanned(folder, file));
        }
        return std::make_unique<GuardedSource>(std::move(source), file);
      };
      TRY(entries.add({.path = path,
                       .mode = mode_of(file),
                       .uid = settings_.owner.uid,
                       .gid = settings_.owner.gid,
                       .size = file.size},
                      std::move(open), settings_.folder));
      offset += file.size;
    }
    return entries.emit(out, &context.task, context.stop);
  }

 private:
  std::uint32_t mode_of(const ProjectFile& file) const {
    if (file.is_link) return 0777;
    const bool executable = file.executable || settings_.executable.matches(file.path, false);
    if (!settings_.mode) return executable ? 0755 : 0644;
    // Whoever may read an executable file may run it.
    return executable ? *settings_.mode | (*settings_.mode & 0444) >> 2 : *settings_.mode;
  }

  // The folders from `dest` down belong to the owner; those above it to root.
  Result<> add_folders(TreeEntries& entries) const {
    const auto add = [&](const std::string& path) {
      return entries.add({.path = path,
                          .type = archive::EntryType::directory,
                          .mode = 0755,
                          .uid = settings_.owner.uid,
                          .gid = settings_.owner.gid},
                         settings_.folder);
    };
    TRY(add(settings_.dest));
    for (const ProjectFile& file : files_) {
      for (std::size_t slash = file.path.find('/'); slash != std::string::npos;
           slash = file.path.find('/', slash + 1)) {
        TRY(add(inside(settings_.dest, file.path.substr(0, slash))));
      }
    }
    return {};
  }

  Settings settings_;
  Part part_;
  std::vector<ProjectFile> files_;
};

class FilesDefinition final : public Definition {
 public:
  explicit FilesDefinition(Settings settings) : settings_(std::move(settings)) {}

  std::vector<std::string> project_paths() const override { return {settings_.folder}; }

  Result<std::string> resolve(const ResolveContext& context) const override {
    const std::string folder = base::join_path(context.project_directory, settings_.folder);
    if (!base::is_directory(folder)) {
      return fail(
          settings_.place.error(fmt::format("the project has no folder {}", settings_.folder)));
    }
    if (!settings_.from_git()) return format_part(settings_, {});
    const auto previous = TRY(kept(context));
    if (previous) return format_part(settings_, *previous);
    const auto found = TRY(find_commit(folder, settings_.revision, context.stop));
    return format_part(settings_, {found.commit, found.tree});
  }

  Result<> contribute(const std::string& part, Facts& facts) const override {
    const auto locked = TRY(parse_part(part, settings_));
    if (!settings_.from_git()) return {};
    facts.set({.name = "source",
               .version = locked.commit,
               .detail = {{"dest", "/" + settings_.dest}},
               .source = settings_.id});
    return {};
  }

  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& part,
                                                       const PlanContext& context) const override {
    const auto locked = TRY(parse_part(part, settings_));
    const std::string folder = base::join_path(context.project_directory, settings_.folder);
    std::vector<ProjectFile> files;
    if (settings_.from_git()) {
      if (settings_.revision == "HEAD" && !context.ignore_local_changes) {
        TRY(refuse_local_changes(folder, locked.commit));
      }
      files = TRY(list_tree(folder, locked.tree, settings_.selection, {}));
    } else {
      files = TRY(with_context(scan_folder(folder, settings_.selection, {}),
                               fmt::format("reading the files of {}", settings_.folder)));
    }
    if (files.empty()) {
      return fail(Error(settings_.place.error(fmt::format(
                            "no file of {} is left to put into the image", settings_.folder)))
                      .hint("look at `include` and `ignore`"));
    }
    std::vector<std::unique_ptr<Recipe>> made;
    made.push_back(std::make_unique<FilesRecipe>(settings_, locked, std::move(files)));
    return made;
  }

 private:
  /// The commit of the older lock, when this run may change other things only.
  Result<std::optional<Part>> kept(const ResolveContext& context) const {
    if (!context.previous_part || context.update.empty() || context.update.contains("source")) {
      return std::nullopt;
    }
    auto part = parse_part(*context.previous_part, settings_);
    if (!part) return std::nullopt;  // made for another `from`
    return *std::move(part);
  }

  Result<> refuse_local_changes(const std::string& folder, const std::string& commit) const {
    const auto changed = TRY(local_changes(folder, commit, settings_.selection, {}));
    if (changed.empty()) return {};
    const std::string others =
        changed.size() == 1 ? "" : fmt::format(" and {} more", changed.size() - 1);
    return fail(
        Error(Errc::refused,
              fmt::format("{}{} in {} differs from the commit {} that the lock names, so the "
                          "image would not have what stands there",
                          changed.front(), others, settings_.folder, commit.substr(0, 12)))
            .hint("commit the changes and lock again, or build with "
                  "--ignore-local-changes to get the locked commit"));
  }

  Settings settings_;
};

void read_from(LayerFields& fields, Settings& settings) {
  const auto from = fields.node("from");
  settings.place = from;
  if (from.is_map()) {
    document::Fields git(from, "from");
    settings.folder = git.text("git");
    settings.revision = git.text_or("commit", "HEAD");
    if (auto done = git.finish(); !done) return fields.fail_with(std::move(done).error());
    if (settings.revision.empty() || settings.revision.starts_with('-')) {
      return fields.reject("from", fmt::format("\"{}\" is no commit", settings.revision));
    }
  } else if (from.is_scalar()) {
    settings.folder = from.text();
  } else {
    return fields.reject("from", "\"from\" must be a folder, or {git: FOLDER, commit: REVISION}");
  }
  auto normal = archive::normal_path(settings.folder);
  if (!normal || settings.folder.starts_with('/')) {
    return fields.reject("from",
                         fmt::format("\"{}\" is not a folder inside the project", settings.folder),
                         "name it relative to the project's folder, without \"..\"");
  }
  settings.folder = normal->empty() ? "." : *normal;
}

}  // namespace

Result<std::unique_ptr<Definition>> decode_files(const document::Node& entry) {
  LayerFields fields(entry);
  Settings settings;
  read_from(fields, settings);
  settings.dest = folder_field(fields, "dest", "/app");
  settings.selection.include = patterns_field(fields, "include");
  settings.selection.ignore = patterns_field(fields, "ignore");
  settings.executable = patterns_field(fields, "executable");
  settings.owner = owner_field(fields, "owner");
  settings.mode = mode_field(fields, "mode");
  settings.id = fields.id();
  settings.title = fields.title();
  TRY(fields.finish());
  return std::make_unique<FilesDefinition>(std::move(settings));
}

}  // namespace imgforge::layer

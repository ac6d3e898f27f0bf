#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/process.h"
#include "base/text.h"
#include "layer/file_list.h"

namespace imgforge::layer {

namespace {

// Large enough for lists of a million files; contents are streamed.
base::Command git(const std::string& folder, std::vector<std::string> arguments) {
  std::vector<std::string> argv = {
      "git", "--no-replace-objects", "--no-optional-locks", "--literal-pathspecs", "-C", folder};
  argv.insert(argv.end(), std::make_move_iterator(arguments.begin()),
              std::make_move_iterator(arguments.end()));
  return {.argv = std::move(argv)};
}

Error git_failed(const std::string& what, const base::CommandResult& result) {
  const auto said = base::lines(result.err);
  std::string reason;
  for (const std::string_view line : said) {
    if (!base::trim(line).empty()) {
      reason = std::string(base::trim(line));
      break;
    }
  }
  return Error(Errc::not_found, fmt::format("{}: git says \"{}\"", what, reason));
}

Result<std::string> one_line(const std::string& folder, std::vector<std::string> arguments,
                             const std::string& what, std::stop_token stop) {
  const auto result = TRY(base::run_command(git(folder, std::move(arguments)), stop));
  if (result.status != 0) return fail(git_failed(what, result));
  return std::string(base::trim(result.out));
}

bool is_object_name(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && base::from_hex(text).has_value();
}

// "MODE TYPE OBJECT SIZE\tPATH", git-ls-tree(1) with --long.
struct TreeRow {
  std::string_view mode, type, object, path;
  std::uint64_t size = 0;
};

std::optional<TreeRow> parse_row(std::string_view row) {
  const std::size_t tab = row.find('\t');
  if (tab == std::string_view::npos) return std::nullopt;
  TreeRow out{.path = row.substr(tab + 1)};
  std::vector<std::string_view> words;
  for (const std::string_view word : base::split(row.substr(0, tab), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  if (words.size() != 4 || out.path.empty() || !is_object_name(words[2])) return std::nullopt;
  out.mode = words[0];
  out.type = words[1];
  out.object = words[2];
  if (words[3] == "-") return out;  // not a blob
  const auto size = base::parse_uint(words[3]);
  if (!size) return std::nullopt;
  out.size = *size;
  return out;
}

/// Takes the answer of `git cat-file --batch` apart as it comes: "OBJECT blob SIZE\n", content,
/// "\n" for each.
class BatchReader {
 public:
  BatchReader(const std::vector<const ProjectFile*>& files, base::Sink& out)
      : files_(files), out_(out) {}

  Result<> feed(base::Bytes bytes) {
    while (!bytes.empty()) {
      if (rest_ > 0) {
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(rest_, bytes.size()));
        TRY(out_.write(bytes.first(n)));
        rest_ -= n;
        bytes = bytes.subspan(n);
        continue;
      }
      const char c = static_cast<char>(bytes.front());
      bytes = bytes.subspan(1);
      if (after_content_) {
        if (c != '\n') return fail(unexpected());
        after_content_ = false;
      } else if (c == '\n') {
        TRY(begin());
      } else if (header_.size() >= 200) {
        return fail(unexpected());
      } else {
        header_ += c;
      }
    }
    return {};
  }

  Result<> finish() const {
    if (next_ != files_.size() || rest_ > 0) {
      return fail(Errc::io, "git cat-file ended before all files were read");
    }
    return {};
  }

 private:
  Result<> begin() {
    if (next_ >= files_.size()) return fail(unexpected());
    const ProjectFile& file = *files_[next_];
    if (header_ != fmt::format("{} blob {}", file.content.substr(4), file.size)) {
      return fail(Errc::not_found,
                  fmt::format("git cannot give the content of {}: \"{}\"", file.path, header_));
    }
    ++next_;
    header_.clear();
    rest_ = file.size;
    after_content_ = true;
    return {};
  }
  Error unexpected() const {
    return Error(Errc::protocol, "git cat-file answered something that is no object");
  }

  const std::vector<const ProjectFile*>& files_;
  base::Sink& out_;
  std::size_t next_ = 0;
  std::string header_;
  std::uint64_t rest_ = 0;
  bool after_content_ = false;
};

}  // namespace

Result<GitCommit> find_commit(const std::string& folder, const std::string& revision,
                              std::stop_token stop) {
  GitCommit found;
  found.commit = TRY(one_line(
      folder, {"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"},
      fmt::format("there is no commit \"{}\" in the repository of {}", revision, folder), stop));
  if (!is_object_name(found.commit)) {
    return fail(Errc::protocol, "git rev-parse named no commit for " + revision);
  }
  found.tree = TRY(one_line(
      folder, {"rev-parse", "--verify", "--end-of-options", found.commit + ":./"},
      fmt::format("the commit {} has no folder {}", found.commit.substr(0, 12), folder), stop));
  return found;
}

Result<std::vector<ProjectFile>> list_tree(const std::string& folder, const std::string& tree,
                                           const FileSelection& selection, std::stop_token stop) {
  const auto listed = TRY(
      base::run_command(git(folder, {"ls-tree", "-r", "-z", "--long", "--full-tree", tree}), stop));
  if (listed.status != 0) {
    return fail(git_failed(fmt::format("the tree {} is not in the repository of {}",
                                       tree.substr(0, 12), folder),
                           listed)
                    .hint("fetch the commit that the lock names, or lock again"));
  }
  std::vector<ProjectFile> files;
  std::vector<const ProjectFile*> links;
  for (const std::string_view text : base::split(listed.out, '\0')) {
    if (text.empty()) continue;
    const auto row = parse_row(text);
    if (!row) return fail(Errc::protocol, "git ls-tree answered a line that is no entry");
    if (!selection.takes_alone(row->path)) continue;
    if (row->type != "blob") {
      return fail(
          Error(Errc::unsupported,
                fmt::format("{} is a submodule; its files are not in this commit", row->path))
              .hint("name it under `ignore`, and add a layer of its own for it"));
    }
    files.push_back({.path = std::string(row->path),
                     .executable = row->mode == "100755",
                     .is_link = row->mode == "120000",
                     .size = row->size,
                     .content = fmt::format("git:{}", row->object)});
  }
  std::sort(files.begin(), files.end(),
            [](const ProjectFile& a, const ProjectFile& b) { return a.path < b.path; });

  std::vector<ProjectFile> link_files;
  for (const ProjectFile& file : files) {
    if (file.is_link) link_files.push_back(file);
  }
  std::string targets;
  base::StringSink sink(targets);
  for (ProjectFile& link : link_files) link.is_link = false;  // their content is the target
  TRY(read_tree(folder, link_files, sink, stop));
  std::size_t at = 0;
  for (ProjectFile& file : files) {
    if (!file.is_link) continue;
    file.target = targets.substr(at, file.size);
    at += file.size;
    file.size = 0;
    file.content.clear();
  }
  return files;
}

Result<> read_tree(const std::string& folder, const std::vector<ProjectFile>& files,
                   base::Sink& out, std::stop_token stop) {
  std::vector<const ProjectFile*> wanted;
  std::string objects;
  for (const ProjectFile& file : files) {
    if (file.is_link) continue;
    wanted.push_back(&file);
    objects += file.content.substr(4) + "\n";
  }
  if (wanted.empty()) return {};
  BatchReader reader(wanted, out);
  auto command = git(folder, {"cat-file", "--batch"});
  command.input = std::move(objects);
  command.on_stdout = [&](base::Bytes bytes) { return reader.feed(bytes); };
  TRY(base::run_checked(command, stop));
  return reader.finish();
}

Result<std::vector<std::string>> local_changes(const std::string& folder, const std::string& commit,
                                               const FileSelection& selection,
                                               std::stop_token stop) {
  const auto result = TRY(
      base::run_command(git(folder, {"diff", "--name-only", "--no-ext-diff", "--no-renames",
                                     "--relative", "-z", "--end-of-options", commit, "--", "."}),
                        stop));
  if (result.status != 0) {
    return fail(git_failed(fmt::format("the commit {} that the lock names is not in the repository "
                                       "of {}",
                                       commit.substr(0, 12), folder),
                           result)
                    .hint("fetch it, or lock again"));
  }
  std::vector<std::string> changed;
  for (const std::string_view path : base::split(result.out, '\0')) {
    if (path.empty() || path.ends_with(".lock.json") || !selection.takes_alone(path)) continue;
    changed.emplace_back(path);
  }
  std::sort(changed.begin(), changed.end());
  return changed;
}

}  // namespace imgforge::layer

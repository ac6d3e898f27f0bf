#include "env/git.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "env/printable.h"

namespace imgforge::env {
namespace {

using Words = std::vector<std::string>;

base::Command command(const std::string& folder, Words words) {
  Words argv = {"git", "--no-replace-objects", "--no-optional-locks", "--literal-pathspecs"};
  argv.insert(argv.end(), std::make_move_iterator(words.begin()),
              std::make_move_iterator(words.end()));
  return {.argv = std::move(argv), .directory = folder};
}

Result<base::CommandResult> run(const std::string& folder, Words words, std::stop_token stop) {
  auto done = base::run_command(command(folder, std::move(words)), stop);
  if (!done && done.error().code() == Errc::not_found) {
    return fail(Error(Errc::not_found, "git is not installed here").hint("apt-get install git"));
  }
  return done;
}

std::string first_words(const base::CommandResult& done) {
  for (const std::string_view line : base::lines(done.err)) {
    if (!base::trim(line).empty()) return std::string(base::trim(line));
  }
  return fmt::format("exit code {}", done.status);
}

/// Paths may end with blanks: only git's own line end goes.
std::string one_line(std::string text) {
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

bool is_object_name(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && base::from_hex(text).has_value();
}

struct Object {
  std::string type, content;
};

/// The objects that `names` name, nullopt for what is not there, through one `git cat-file
/// --batch`.
Result<std::vector<std::optional<Object>>> objects(const std::string& folder, const Words& names,
                                                   std::stop_token stop) {
  auto asked = command(folder, {"cat-file", "--batch"});
  for (const std::string& name : names) asked.input += name + "\n";
  const auto done = TRY(base::run_checked(asked, stop));
  const std::string_view out = done.out;
  const Error nonsense(Errc::protocol, "git cat-file answered something that is no object");
  std::vector<std::optional<Object>> found;
  std::size_t at = 0;
  while (found.size() < names.size()) {
    const std::size_t end = out.find('\n', at);
    if (end == std::string_view::npos) return fail(nonsense);
    const std::string_view header = out.substr(at, end - at);
    at = end + 1;
    const auto words = base::split(header, ' ');
    const auto size = words.size() == 3 ? base::parse_uint(words[2]) : std::nullopt;
    if (!size || !is_object_name(words[0])) {
      if (!header.ends_with(" missing")) return fail(nonsense);
      found.emplace_back(std::nullopt);
      continue;
    }
    if (*size > out.size() - at) return fail(nonsense);
    found.push_back(Object{std::string(words[1]), std::string(out.substr(at, *size))});
    at += *size + 1;
  }
  return found;
}

std::string message_of(const Object& commit) {
  const std::size_t end = commit.content.find("\n\n");  // the headers hold no empty line
  return end == std::string::npos ? std::string() : commit.content.substr(end + 2);
}

}  // namespace

std::string Commit::subject() const {
  constexpr std::size_t kLongest = 60;
  std::string text;
  for (const std::string_view line : base::lines(message)) {
    if (base::trim(line).empty()) continue;
    text = printable(base::trim(line));
    break;
  }
  if (text.size() <= kLongest) return text;
  std::size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

Result<Git> Git::open(const std::string& folder, std::stop_token stop) {
  const auto done = TRY(run(folder, {"rev-parse", "--show-toplevel"}, stop));
  if (done.status != 0) {
    const bool bare = done.err.find("work tree") != std::string::npos;
    return fail(Error(bare ? Errc::unsupported : Errc::not_found,
                      fmt::format("{}: git says \"{}\"",
                                  bare ? "this repository has no working tree"
                                       : "this is no git repository",
                                  first_words(done)))
                    .hint("go into a clone of the repository"));
  }
  return Git(one_line(done.out), std::move(stop));
}

Result<std::string> Git::common_directory() const {
  const auto done = TRY(base::run_checked(
      command(top_, {"rev-parse", "--path-format=absolute", "--git-common-dir"}), stop_));
  return one_line(done.out);
}

Result<std::string> Git::path_of(const std::string& name) const {
  const auto done = TRY(base::run_checked(
      command(top_, {"rev-parse", "--path-format=absolute", "--git-path", name}), stop_));
  return one_line(done.out);
}

Result<std::optional<std::string>> Git::branch() const {
  constexpr std::string_view kHeads = "refs/heads/";
  const auto done = TRY(run(top_, {"symbolic-ref", "--quiet", "HEAD"}, stop_));
  std::string name = one_line(done.out);
  if (done.status != 0) {
    for (const char* const file : {"rebase-merge/head-name", "rebase-apply/head-name"}) {
      const std::string path = TRY(path_of(file));
      if (base::exists(path)) name = one_line(TRY(base::read_file(path, 64 << 10)));
    }
  }
  if (!name.starts_with(kHeads)) return std::nullopt;
  return name.substr(kHeads.size());
}

Result<std::string> Git::commit(const std::string& revision) const {
  const auto done = TRY(
      run(top_, {"rev-parse", "--verify", "--quiet", "--end-of-options", revision + "^{commit}"},
          stop_));
  const std::string id = one_line(done.out);
  if (done.status == 0 && is_object_name(id)) return id;
  return fail(Error(Errc::not_found, fmt::format("there is no commit '{}' here", revision))
                  .hint("git log --oneline lists them; a shallow clone lacks old ones: git fetch "
                        "--unshallow"));
}

Result<std::optional<std::string>> Git::head() const {
  auto id = commit("HEAD");
  if (id) return std::optional(*std::move(id));
  if (id.error().code() == Errc::not_found) return std::nullopt;
  return fail(std::move(id.error()));
}

Result<std::optional<std::string>> Git::file_at(const std::string& commit,
                                                const std::string& path) const {
  auto found = TRY(objects(top_, {commit + ":" + path}, stop_));
  if (!found[0]) return std::nullopt;
  if (found[0]->type != "blob")
    return fail(Errc::invalid, fmt::format("{} is no file in {}", path, commit));
  return std::move(found[0]->content);
}

Result<std::optional<std::string>> Git::staged_file(const std::string& path) const {
  return file_at("", path);
}

Result<bool> Git::is_tracked(const std::string& path) const {
  return TRY(run(top_, {"ls-files", "--error-unmatch", "--", path}, stop_)).status == 0;
}

Result<std::string> Git::message(const std::string& commit) const {
  const auto found = TRY(objects(top_, {commit}, stop_));
  if (!found[0] || found[0]->type != "commit")
    return fail(Errc::not_found, "there is no commit " + commit);
  return message_of(*found[0]);
}

Result<Git::Range> Git::range(const std::string& range, const std::string& contract_path) const {
  if (range.find("..") == std::string::npos || range.find("...") != std::string::npos) {
    return fail(Error(Errc::usage, fmt::format("'{}' is no range of commits", range))
                    .hint("write A..B: the commits of B that A does not have, such as "
                          "origin/main..HEAD"));
  }
  const std::string from = range.substr(0, range.find(".."));
  const std::string to = range.substr(range.find("..") + 2);
  if (!from.empty() && from.find_first_not_of('0') == std::string::npos) {
    return fail(Error(Errc::usage, "the range begins at no commit (0000…): the branch is new")
                    .hint("begin at the branch it leaves: origin/main..HEAD"));
  }
  const std::string first = TRY(commit(from.empty() ? "HEAD" : from));
  const std::string last = TRY(commit(to.empty() ? "HEAD" : to));
  const std::string limits = first + ".." + last;
  const auto listed =
      TRY(base::run_checked(command(top_, {"rev-list", "--reverse", "--topo-order", "--parents",
                                           "--end-of-options", limits}),
                            stop_));
  const auto straight = TRY(base::run_checked(
      command(top_, {"rev-list", "--first-parent", "--end-of-options", limits}), stop_));
  std::set<std::string_view> first_parents;
  for (const std::string_view line : base::lines(straight.out)) first_parents.insert(line);

  Range out;
  std::set<std::string> inside, before;
  for (const std::string_view line : base::lines(listed.out)) {
    const auto words = base::split(line, ' ');
    Commit one;
    one.id = std::string(words[0]);
    one.parents.assign(words.begin() + 1, words.end());
    one.is_on_first_parents = first_parents.contains(words[0]);
    inside.insert(one.id);
    out.commits.push_back(std::move(one));
  }
  for (const Commit& one : out.commits) {
    for (const std::string& parent : one.parents) {
      if (inside.contains(parent) || !before.insert(parent).second) continue;
      Commit outside;
      outside.id = parent;
      out.before.push_back(std::move(outside));
    }
  }
  Words names;
  std::vector<Commit*> all;
  for (auto* list : {&out.commits, &out.before}) {
    for (Commit& one : *list) {
      all.push_back(&one);
      names.push_back(one.id);
      names.push_back(one.id + ":" + contract_path);
    }
  }
  if (names.empty()) return out;
  auto found = TRY(objects(top_, names, stop_));
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& object = found[2 * i];
    auto& file = found[2 * i + 1];
    // A shallow clone lacks the parents of its oldest commits.
    if (object && object->type == "commit") all[i]->message = message_of(*object);
    if (file && file->type == "blob") all[i]->contract = std::move(file->content);
  }
  return out;
}

Result<std::optional<Git::Setting>> Git::setting(const std::string& name) const {
  const auto done = TRY(run(top_, {"config", "--show-scope", "-z", "--get", name}, stop_));
  if (done.status != 0) return std::nullopt;
  const auto parts = base::split(done.out, '\0');
  if (parts.size() < 2) return fail(Errc::protocol, "git config answered nonsense for " + name);
  return Setting{std::string(parts[0]), std::string(parts[1])};
}

Result<std::string> Git::without_comments(const std::string& message) const {
  // What stands below the scissors of `git commit --verbose` is the difference, and no message.
  constexpr std::string_view kScissors = " ------------------------ >8 ------------------------";
  std::string text = message;
  const std::size_t cut = text.find(kScissors);
  if (cut != std::string::npos) {
    const std::size_t line = text.rfind('\n', cut);
    text.erase(line == std::string::npos ? 0 : line + 1);
  }
  auto asked = command(top_, {"stripspace", "--strip-comments"});
  asked.input = text;
  return TRY(base::run_checked(asked, stop_)).out;
}

Result<bool> Git::is_replaying() const {
  for (const char* const name :
       {"rebase-merge", "rebase-apply", "CHERRY_PICK_HEAD", "REVERT_HEAD", "sequencer"}) {
    if (base::exists(TRY(path_of(name)))) return true;
  }
  return false;
}

Result<> Git::add_worktree(const std::string& folder, const std::string& commit) const {
  TRY(base::with_context(
      base::run_checked(
          command(top_, {"worktree", "add", "--quiet", "--detach", "--", folder, commit}), stop_),
      "checking out " + commit.substr(0, 12)));
  return {};
}

Result<> Git::remove_worktree(const std::string& folder) const {
  TRY(base::run_checked(command(top_, {"worktree", "remove", "--force", "--", folder})));
  return {};
}

Result<bool> Git::has_changes(const std::string& folder, std::stop_token stop) {
  const auto done = TRY(base::run_checked(
      command(folder, {"status", "--porcelain", "--ignored", "-z"}), std::move(stop)));
  for (const std::string_view entry : base::split(done.out, '\0')) {
    const bool is_cache = entry.ends_with("__pycache__/") || entry.ends_with(".pyc");
    if (!entry.empty() && !is_cache) return true;
  }
  return false;
}

}  // namespace imgforge::env

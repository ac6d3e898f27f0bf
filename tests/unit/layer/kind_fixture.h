// One layer of a spec taken through lock and build in a private store and project folder, and the
// layer as text to compare.
#pragma once

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "archive/tar_reader.h"
#include "base/file.h"
#include "base/process.h"
#include "catch.h"
#include "document/node.h"
#include "layer/definition.h"
#include "store/store.h"

namespace imgforge::layer {

class KindFixture {
 public:
  using Decode = Result<std::unique_ptr<Definition>> (*)(const document::Node&);

  explicit KindFixture(Decode decode, sources::AddressSettings settings = {})
      : decode_(decode),
        folder_(REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-kind"))),
        store_(REQUIRE_OK(store::Store::open(folder_ / "store"))),
        sources_(REQUIRE_OK(sources::Addresses::load(std::move(settings))), store_,
                 base::silent_progress()) {
    REQUIRE_OK(base::make_directories(project()));
    REQUIRE_OK(base::make_directories(folder_ / "scratch"));
  }

  std::string project() const { return folder_ / "project"; }
  std::string path(const std::string& name) const { return project() + "/" + name; }
  store::Store& store() { return store_; }

  void write(const std::string& name, std::string_view content, mode_t mode = 0644) {
    REQUIRE_OK(base::make_directories(base::parent_path(path(name))));
    REQUIRE_OK(base::write_file_atomic(path(name), content, mode));
  }
  /// Runs a command in the project folder.
  std::string run(std::vector<std::string> argv) {
    auto result = REQUIRE_OK(base::run_checked(
        {.argv = std::move(argv),
         .environment =
             std::vector<std::string>{"PATH=/usr/bin:/bin:/usr/sbin:/sbin",
                                      "HOME=" + folder_.path(), "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1",
                                      "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org",
                                      "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org"},
         .directory = project()}));
    return result.out;
  }

  Result<std::unique_ptr<Definition>> decode(const std::string& yaml) {
    const auto node = TRY(document::parse_yaml(yaml, "spec.yaml"));
    return decode_(node);
  }

  ResolveContext resolve_context() {
    return {.store = store_,
            .sources = sources_,
            .below = below,
            .project_directory = project(),
            .scratch = folder_ / "scratch",
            .previous_part = previous_part,
            .update = update,
            .progress = base::silent_progress(),
            .stop = {},
            .probe_file = probe_file};
  }
  Result<std::string> lock(const std::string& yaml) {
    const auto definition = TRY(decode(yaml));
    return definition->resolve(resolve_context());
  }
  Result<std::vector<std::unique_ptr<Recipe>>> recipes(const std::string& yaml,
                                                       const std::string& part) {
    const auto definition = TRY(decode(yaml));
    return definition->recipes(part, {.below = below,
                                      .project_directory = project(),
                                      .epoch = epoch,
                                      .ignore_local_changes = ignore_local_changes});
  }
  Result<store::BuiltLayer> produce(const Recipe& recipe, std::size_t workers = 0) {
    const auto scratch = TRY(base::TempDir::create(folder_ / "scratch", "build"));
    const auto task = base::silent_progress().start("build", recipe.title(), std::nullopt);
    base::Allowance held(16 << 20);
    return recipe.produce({.store = store_,
                           .epoch = epoch,
                           .encoder = {.compression = archive::Compression::none},
                           .workers = workers,
                           .held = held,
                           .scratch = scratch.path(),
                           .project_directory = project(),
                           .task = *task,
                           .stop = {}});
  }
  Result<> fetch(const std::vector<sources::Input>& inputs) {
    return sources_.fetch(inputs, 2, {});
  }
  /// Lock, plan, build: the listing of all layers.
  Result<std::string> build(const std::string& yaml) {
    const auto part = TRY(lock(yaml));
    std::string text;
    for (const auto& recipe : TRY(recipes(yaml, part))) {
      text += list(TRY(produce(*recipe)));
    }
    return text;
  }

  /// A line per entry: type and mode, owner, size, path, link target; then whether all times are
  /// the epoch's.
  std::string list(const store::BuiltLayer& layer) {
    std::string text;
    each(layer, [&](const archive::TarEntry& entry, base::Source&) {
      const char* types = "-dlhpcb";
      static constexpr archive::EntryType kOrder[] = {
          archive::EntryType::file,        archive::EntryType::directory,
          archive::EntryType::symlink,     archive::EntryType::hard_link,
          archive::EntryType::fifo,        archive::EntryType::character_device,
          archive::EntryType::block_device};
      char type = '?';
      for (int i = 0; i < 7; ++i) {
        if (entry.type == kOrder[i]) type = types[i];
      }
      text += fmt::format("{}{:04o} {}:{} {} {}", type, entry.mode, entry.uid, entry.gid,
                          entry.size, entry.path);
      if (!entry.link_target.empty()) text += " -> " + entry.link_target;
      if (entry.mtime != epoch.value) text += fmt::format(" (at {})", entry.mtime);
      text += "\n";
    });
    return text;
  }
  std::string content(const store::BuiltLayer& layer, const std::string& path) {
    std::string text = "no such entry";
    each(layer, [&](const archive::TarEntry& entry, base::Source& source) {
      if (entry.path == path) text = REQUIRE_OK(base::read_all(source, 1 << 20));
    });
    return text;
  }

  Facts below;
  base::Seconds epoch{1747699200};
  std::optional<std::string> previous_part;
  std::set<std::string> update;
  bool ignore_local_changes = false;
  std::string probe_file;

 private:
  void each(const store::BuiltLayer& layer,
            const std::function<void(const archive::TarEntry&, base::Source&)>& visit) {
    auto blob = REQUIRE_OK(store_.open_blob(layer.blob.digest));
    auto reader = REQUIRE_OK(archive::TarReader::open(blob));
    while (auto entry = REQUIRE_OK(reader.next())) visit(*entry, reader.content());
  }

  Decode decode_;
  base::TempDir folder_;
  store::Store store_;
  sources::Sources sources_;
};

/// What a failed result says: "invalid: message | hint".
template <class T>
std::string complaint(const Result<T>& result) {
  if (result) return "no error";
  return fmt::format("{}: {}{}", to_string(result.error().code()), result.error().summary(),
                     result.error().hint().empty() ? "" : " | " + result.error().hint());
}

}  // namespace imgforge::layer

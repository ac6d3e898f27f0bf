#include "layer/wheel_bytecode.h"

#include <fmt/format.h>

#include "archive/tar_reader.h"
#include "base/file.h"
#include "base/json.h"
#include "layer/facts.h"
#include "layer/spool.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

// Files that do not compile (templates, tests for other versions) are no error, as with pip.
constexpr const char* kProgram =
    "import compileall, py_compile, sys\n"
    "compileall.compile_dir(sys.argv[1], maxlevels=100, quiet=2, force=True, workers=1,\n"
    "    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n";

bool is_bytecode(std::string_view path, std::string_view site_packages) {
  return path.starts_with(site_packages) && path.ends_with(".pyc") &&
         path.find("/__pycache__/") != std::string_view::npos;
}

class BytecodeRecipe final : public WrittenRecipe {
 public:
  explicit BytecodeRecipe(PythonFacts python) : python_(std::move(python)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "wheels/bytecode"},
                                 {"revision", kRevision},
                                 {"prefix", python_.prefix},
                                 {"python", python_.minor()}});
  }
  bool executed() const override { return true; }
  std::string title() const override { return "compiled Python files"; }
  std::vector<sources::Input> inputs() const override { return {}; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    const std::string changes = base::join_path(context.scratch, "bytecode.tar");
    TRY(compile(context, changes));
    context.task.set_phase("writing");
    auto tar = TRY(base::File::open_read(changes));
    auto reader = TRY(archive::TarReader::open(tar));
    const std::string site = python_.site_packages().substr(1) + "/";
    auto spool = TRY(EntrySpool::create(context.scratch, context.epoch));
    while (const auto entry = TRY(reader.next())) {
      if (context.stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
      if (entry->type != archive::EntryType::file || !is_bytecode(entry->path, site)) continue;
      archive::TarEntry kept{.path = entry->path, .size = entry->size};
      TRY(spool.add(kept, reader.content(), "compileall"));
    }
    return spool.emit_sorted(out);
  }

 private:
  Result<> compile(const BuildContext& context, const std::string& changes) const {
    if (context.sandbox == nullptr) {
      return fail(Errc::internal, "compiling Python files needs a sandbox");
    }
    std::vector<std::string> trees;
    for (const auto& parent : context.parents) {
      trees.push_back(context.store.tree_path(parent.diff_id));
      TRY(context.sandbox->unpack(context.store.blob_path(parent.blob.digest), trees.back(),
                                  context.stop));
    }
    context.task.set_phase("compiling");
    auto file = TRY(base::File::create(changes, 0600));
    const sandbox::Step step{.argv = {python_.prefix + "/bin/python", "-I", "-B", "-c", kProgram,
                                      python_.site_packages()},
                             .epoch = context.epoch};
    TRY(context.sandbox->run(
        trees, step, file, [](std::string_view) {}, context.stop));
    return file.close();
  }

  PythonFacts python_;
};

}  // namespace

std::unique_ptr<Recipe> make_bytecode_recipe(std::string prefix, std::string python) {
  return std::make_unique<BytecodeRecipe>(
      PythonFacts{.version = std::move(python), .prefix = std::move(prefix)});
}

}  // namespace imgforge::layer

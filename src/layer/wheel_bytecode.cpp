#include "layer/wheel_bytecode.h"

#include "base/json.h"
#include "layer/executed.h"
#include "layer/facts.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

// Files that do not compile (templates, tests for other versions) are no error, as with pip.
constexpr const char* kProgram =
    "import compileall, py_compile, sys\n"
    "compileall.compile_dir(sys.argv[1], maxlevels=100, quiet=2, force=True, workers=1,\n"
    "    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)\n";

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
    sandbox::Sandbox* sandbox = TRY(sandbox_of(context));
    const auto trees = TRY(parent_trees(context));
    const std::string site = python_.site_packages();
    const sandbox::Step step{
        .argv = {python_.prefix + "/bin/python", "-I", "-B", "-c", kProgram, site},
        .epoch = context.epoch};
    TarFilter filter;
    filter.keep = [&](const archive::TarEntry& entry) -> Result<bool> {
      return is_kept(entry, site.substr(1) + "/");
    };
    context.task.set_phase("compiling");
    return write_tar_entries(
        [&](base::Sink& sink) { return sandbox->run(trees, step, sink, {}, context.stop); }, filter,
        out);
  }

 private:
  /// `site` is site-packages as layers name it, with a slash at its end.
  static bool is_kept(const archive::TarEntry& entry, const std::string& site) {
    if (entry.type == archive::EntryType::directory) {
      return entry.path.starts_with(site) || site.starts_with(entry.path + "/");
    }
    return entry.type == archive::EntryType::file && entry.path.starts_with(site) &&
           entry.path.ends_with(".pyc") && entry.path.find("/__pycache__/") != std::string::npos;
  }

  PythonFacts python_;
};

}  // namespace

std::unique_ptr<Recipe> make_bytecode_recipe(std::string prefix, std::string python) {
  return std::make_unique<BytecodeRecipe>(
      PythonFacts{.version = std::move(python), .prefix = std::move(prefix)});
}

}  // namespace imgforge::layer

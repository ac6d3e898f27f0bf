#include "layer/python_environment.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;

class EnvironmentRecipe final : public WrittenRecipe {
 public:
  explicit EnvironmentRecipe(PythonFacts python) : python_(std::move(python)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "python"},
                                 {"revision", kRevision},
                                 {"version", python_.version},
                                 {"executable", python_.executable},
                                 {"prefix", python_.prefix}});
  }
  std::string title() const override {
    return fmt::format("Python {} environment", python_.minor());
  }
  std::vector<sources::Input> inputs() const override { return {}; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    const std::string origin = "the environment " + python_.prefix;
    const std::string root = python_.prefix.substr(1);
    TreeEntries entries(context.epoch);
    // What `python -m venv` writes, without the command line that made it.
    TRY(entries.add_text(
        root + "/pyvenv.cfg",
        fmt::format("home = {}\ninclude-system-site-packages = false\n"
                    "version = {}\nexecutable = {}\n",
                    base::parent_path(python_.executable), python_.version, python_.executable),
        origin));
    for (const std::string& name :
         {std::string("python"), std::string("python3"), "python" + python_.minor()}) {
      TRY(entries.add_link(fmt::format("{}/bin/{}", root, name), python_.executable, origin));
    }
    TRY(entries.add_link(root + "/lib64", "lib", origin));
    TRY(entries.add({.path = python_.site_packages().substr(1),
                     .type = archive::EntryType::directory,
                     .mode = 0755},
                    origin));
    return entries.emit(out);
  }

 private:
  PythonFacts python_;
};

}  // namespace

std::unique_ptr<Recipe> make_environment_recipe(PythonFacts python) {
  return std::make_unique<EnvironmentRecipe>(std::move(python));
}

}  // namespace imgforge::layer

#include "layer/standalone_python.h"

#include <fmt/format.h>

#include <algorithm>

#include "archive/tar_reader.h"
#include "base/json.h"
#include "base/text.h"
#include "layer/unpack.h"

namespace imgforge::layer {

namespace {

// 1 first version.
constexpr int kRevision = 1;
constexpr std::size_t kPatchLevelLimit = 1 << 20;

std::vector<unsigned> numbers_of(std::string_view version) {
  std::vector<unsigned> numbers;
  for (const auto part : base::split(version, '.')) {
    const auto number = base::parse_uint(part);
    if (!number) return {};
    numbers.push_back(static_cast<unsigned>(*number));
  }
  return numbers;
}

bool is_of_version(std::string_view exact, std::string_view wanted) {
  return exact == wanted ||
         (exact.starts_with(wanted) && exact.substr(wanted.size()).starts_with('.'));
}

std::string_view machine_of(std::string_view architecture) {
  return architecture == "arm64" ? "aarch64" : "x86_64";
}

/// "cpython-3.11.12+20250517-x86_64-unknown-linux-gnu-install_only.tar.gz" -> "3.11.12".
std::optional<std::string> version_of(std::string_view name, std::string_view architecture) {
  const auto plus = name.find('+');
  if (!name.starts_with("cpython-") || plus == std::string_view::npos) return std::nullopt;
  const std::string tail =
      fmt::format("-{}-unknown-linux-gnu-install_only", machine_of(architecture));
  const auto at = name.find(tail, plus);
  if (at == std::string_view::npos) return std::nullopt;
  const auto flavour = name.substr(at + tail.size());
  if (flavour != ".tar.gz" && flavour != "_stripped.tar.gz") return std::nullopt;
  return std::string(name.substr(8, plus - 8));
}

/// Adapts positioned reads to a stream.
base::RangeSource whole(const base::RandomAccess& data) { return {data, 0, data.size()}; }

/// pip and setuptools, in whatever form they are installed.
bool is_installer(std::string_view path) {
  const auto parts = base::split(path, '/');
  if (parts[0] == "bin") {
    return parts.size() == 2 &&
           (parts[1].starts_with("pip") || parts[1].starts_with("easy_install"));
  }
  if (parts.size() < 4 || parts[0] != "lib" || parts[2] != "site-packages") return false;
  const std::string_view name = parts[3];
  for (const std::string_view project : {"pip", "setuptools"}) {
    if (name == project) return true;
    if (name.starts_with(project) && name.substr(project.size()).starts_with('-')) return true;
  }
  return name == "pkg_resources" || name == "_distutils_hack" || name == "distutils-precedence.pth";
}

class StandaloneRecipe final : public WrittenRecipe {
 public:
  explicit StandaloneRecipe(StandaloneSpec spec) : spec_(std::move(spec)) {}

  std::string key_material() const override {
    return base::canonical_json({{"kind", "python/standalone"},
                                 {"revision", kRevision},
                                 {"sha256", spec_.input.digest.hex()},
                                 {"home", spec_.home},
                                 {"exclude", spec_.exclude}});
  }
  std::string title() const override { return fmt::format("Python {}", spec_.version); }
  std::vector<sources::Input> inputs() const override { return {spec_.input}; }
  std::uint64_t estimated_bytes() const override { return spec_.input.size * 3; }

 protected:
  Result<> write(const BuildContext& context, archive::LayerWriter& out) const override {
    auto file = std::make_shared<base::File>(TRY(context.store.open_input(spec_.input.digest)));
    ReadingPlace place(context.held, context.scratch);
    TreeEntries entries(context.epoch, TreeEntries::Repeat::replace);
    const UnpackRules rules{.strip = 1,
                            .dest = spec_.home.substr(1),
                            .exclude = spec_.excluded,
                            .keep = [](std::string_view path) { return !is_installer(path); }};
    TRY(unpack_tar(place, std::move(file), spec_.input.name, rules, entries, context.stop));
    return entries.emit(out, nullptr, context.stop);
  }

 private:
  StandaloneSpec spec_;
};

}  // namespace

Result<StandaloneFile> choose_standalone(std::string_view sha256sums, std::string_view version,
                                         std::string_view architecture) {
  std::optional<StandaloneFile> best;
  std::vector<std::string> others;
  for (const auto line : base::lines(sha256sums)) {
    const auto space = line.find_first_of(" \t");
    if (space != 64) continue;
    std::string_view name = base::trim(line.substr(space));
    if (name.starts_with('*')) name.remove_prefix(1);
    const auto exact = version_of(name, architecture);
    if (!exact) continue;
    if (!is_of_version(*exact, version)) {
      if (std::find(others.begin(), others.end(), *exact) == others.end()) others.push_back(*exact);
      continue;
    }
    const auto rank = [](const std::string& one, std::string_view file) {
      return std::pair(numbers_of(one), file.find("_stripped") != std::string_view::npos);
    };
    if (best && rank(*exact, name) <= rank(best->version, best->name)) continue;
    best = {std::string(name), base::to_lower(line.substr(0, space)), *exact};
  }
  if (!best) {
    std::sort(others.begin(), others.end(), [](const std::string& a, const std::string& b) {
      return numbers_of(a) < numbers_of(b);
    });
    return fail(Error(Errc::not_found, fmt::format("the release has no standalone Python {} for {}",
                                                   version, architecture))
                    .hint(others.empty() ? "is it a release of python-build-standalone?"
                                         : "there are " + base::join(others, ", ")));
  }
  return *best;
}

Result<std::string> read_standalone_version(const base::RandomAccess& archive,
                                            const std::string& name) {
  auto stream = whole(archive);
  auto reader = TRY(with_context(archive::TarReader::open(stream), name));
  while (const auto entry = TRY(with_context(reader.next(), name))) {
    if (!entry->path.ends_with("/patchlevel.h")) continue;
    const auto text = TRY(base::read_all(reader.content(), kPatchLevelLimit));
    for (const auto line : base::lines(text)) {
      if (!line.starts_with("#define PY_VERSION ")) continue;
      const auto quoted = base::trim(line.substr(19));
      if (quoted.size() > 2) return std::string(quoted.substr(1, quoted.size() - 2));
    }
  }
  return fail(
      Error(Errc::invalid, fmt::format("{} does not look like a Python installation: it has "
                                       "no patchlevel.h that names a version",
                                       name))
          .hint("take an archive of the flavour install_only"));
}

std::unique_ptr<Recipe> make_standalone_recipe(StandaloneSpec spec) {
  return std::make_unique<StandaloneRecipe>(std::move(spec));
}

}  // namespace imgforge::layer

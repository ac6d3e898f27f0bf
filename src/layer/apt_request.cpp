#include "layer/apt_request.h"

#include <fmt/format.h>

#include <set>

#include "base/file.h"

namespace imgforge::layer {
namespace {

// deb-control(5) for the name, deb-version(7) for the version, and an architecture after a colon.
bool is_package_word(std::string_view word) {
  constexpr std::string_view kFirst = "abcdefghijklmnopqrstuvwxyz0123456789";
  constexpr std::string_view kAll =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.:~=";
  if (word.empty() || kFirst.find(word.front()) == std::string_view::npos) return false;
  if (word.find_first_not_of(kAll) != std::string_view::npos) return false;
  // apt takes "name-" for a removal and "name+" for an installation; no package ends with '-', and
  // one that ends with '+' (g++) is safe because apt looks for such a package first.
  return word.back() != '-' && word.back() != '=';
}

}  // namespace

std::vector<sources::AptSource> read_apt_sources(LayerFields& fields,
                                                 const std::string& default_suite) {
  std::vector<sources::AptSource> out;
  for (const document::Node& node : fields.maps_or_empty("sources")) {
    document::Fields source(node, "the source");
    sources::AptSource read{.archive = source.text("archive"),
                            .suites = source.texts_or_empty("suites"),
                            .components = source.texts_or_empty("components"),
                            .keyring = source.text_or("keyring", ""),
                            .snapshot = source.text_or("snapshot", "")};
    if (read.suites.empty() && !default_suite.empty()) read.suites = {default_suite};
    if (read.suites.empty()) source.reject("suites", "a source needs at least one suite");
    if (auto finished = source.finish(); !finished) fields.fail_with(std::move(finished.error()));
    out.push_back(std::move(read));
  }
  if (out.empty()) {
    fields.reject("sources", "the layer needs at least one source of packages",
                  "write sources: [{archive: debian, suites: [bookworm], components: [main]}]");
  }
  return out;
}

std::vector<std::string> read_package_names(LayerFields& fields) {
  std::vector<std::string> names = fields.texts_or_empty("packages");
  for (const std::string& name : names) {
    if (is_package_word(name)) continue;
    fields.reject("packages", fmt::format("\"{}\" is not the name of a package", name),
                  "write a name, or name=version");
  }
  return names;
}

std::vector<std::string> keyrings(const std::vector<sources::AptSource>& sources) {
  std::set<std::string> files;
  for (const sources::AptSource& source : sources) {
    if (!source.keyring.empty()) files.insert(source.keyring);
  }
  return {files.begin(), files.end()};
}

Result<std::vector<sources::AptSource>> with_keyrings(std::vector<sources::AptSource> sources,
                                                      const std::string& project_directory) {
  for (sources::AptSource& source : sources) {
    if (source.keyring.empty()) continue;
    source.keyring = TRY(base::absolute_path(base::join_path(project_directory, source.keyring)));
  }
  return sources;
}

Result<std::string> resolve_debs(const ResolveContext& context, sources::AptRequest request,
                                 std::string_view kind) {
  request.sources = TRY(with_keyrings(std::move(request.sources), context.project_directory));
  request.architecture = context.below.architecture;
  request.pins = TRY(pins_of(context));
  auto found = TRY(context.sources.resolve_apt(request, context.stop));
  DebPart part{.releases = std::move(found.releases),
               .debs = std::move(found.debs),
               .apt_version = std::move(found.apt_version)};
  part.os = TRY(read_os_identity(context, part.debs));
  return format_deb_part(part, kind);
}

}  // namespace imgforge::layer

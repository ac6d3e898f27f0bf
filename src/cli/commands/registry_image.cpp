#include "cli/commands/registry_image.h"

#include <fmt/format.h>

#include "cli/repositories.h"
#include "release/gather.h"

namespace imgforge::cli {

Result<RegistryImage> open_registry_image(App& app, const std::string& text) {
  const auto parsed = TRY(oci::Reference::parse(text));
  const auto* reference = parsed.registry();
  if (reference == nullptr) {
    return fail(Error(Errc::usage, text + " is not in a registry")
                    .hint("signatures and evidence stand beside images in registries: "
                          "HOST/REPOSITORY:TAG or HOST/REPOSITORY@DIGEST"));
  }
  const release::ImageName name =
      reference->digest
          ? release::ImageName(*reference->digest)
          : release::ImageName(reference->tag ? *reference->tag : TRY(oci::Tag::parse("latest")));
  auto repository = TRY(open_repository(app, *reference));
  release::RawManifest manifest = TRY(release::find_image(*repository, name));
  return RegistryImage{text, *reference, std::move(repository), std::move(manifest)};
}

Result<std::map<std::string, std::string>> key_values(const App& app, std::string_view option) {
  std::map<std::string, std::string> out;
  for (const std::string& word : app.args().values(option)) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Errc::usage, fmt::format("--{} takes KEY=VALUE, not '{}'", option, word));
    }
    if (!out.emplace(word.substr(0, equals), word.substr(equals + 1)).second) {
      return fail(Errc::usage, fmt::format("--{} gives {} twice", option, word.substr(0, equals)));
    }
  }
  return out;
}

}  // namespace imgforge::cli

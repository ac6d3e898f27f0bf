#include "spec/image_spec.h"

#include <algorithm>

#include "archive/encoder.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "document/fields.h"
#include "oci/reference.h"
#include "spec/compose.h"
#include "spec/layer_definition.h"
#include "spec/matrix.h"
#include "spec/read_document.h"
#include "spec/runtime_settings.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

// Records a failed Result as a complaint about `key`.
void reject(Fields& fields, const char* key, const Error& error) {
  fields.reject(key, error.message(), error.hint());
}

/// distribution-spec v1.1.1, "Pulling manifests": <name>.
bool is_repository_name(std::string_view name) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  for (std::string_view part : base::split(name, '/')) {
    if (part.empty() || !is_alnum(part.front()) || !is_alnum(part.back())) return false;
    for (std::size_t i = 0; i < part.size();) {
      const std::size_t end = part.find_first_not_of("._-", i);
      const std::string_view separator = part.substr(i, end - i);
      const bool allowed = separator.empty() || separator == "." || separator == "_" ||
                           separator == "__" ||
                           separator.find_first_not_of('-') == std::string_view::npos;
      if (!allowed) return false;
      i = end + 1;
      if (!is_alnum(part[end])) return false;
    }
  }
  return true;
}

/// "v", a digit, then letters, digits, '.' or '_': the last part of a build tag.
bool is_build_id(std::string_view text) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const auto allowed = [&](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '_';
  };
  return text.size() >= 2 && text.size() <= 64 && text[0] == 'v' && is_digit(text[1]) &&
         std::all_of(text.begin(), text.end(), allowed);
}

/// ">=525", ">=520.61.05".
bool is_driver_floor(std::string_view text) {
  if (!text.starts_with(">=")) return false;
  const auto parts = base::split(text.substr(2), '.');
  return parts.size() <= 3 && std::all_of(parts.begin(), parts.end(), [](std::string_view part) {
           return base::parse_uint(part).has_value() && part.size() <= 4;
         });
}

void read_names(Fields& fields, ImageSpec& spec) {
  spec.image = fields.text("image");
  if (fields.has("image") && !is_repository_name(spec.image)) {
    fields.reject("image", quote(spec.image) + " cannot be the name of a repository",
                  "lower-case letters and digits, joined by '.', '_', '-' and '/'");
  }
  spec.build = fields.text("build");
  if (fields.has("build") && !is_build_id(spec.build)) {
    fields.reject("build", quote(spec.build) + " is not a build id",
                  "write 'v', a digit, then letters, digits, '.' or '_': v2.6.1");
  }
  spec.registry = fields.text_or("registry", "");
  if (spec.registry.empty()) return;
  const auto reference = oci::Reference::parse(spec.registry);
  if (!reference) return reject(fields, "registry", reference.error());
  const oci::RegistryReference* where = reference->registry();
  if (where == nullptr || where->tag || where->digest) {
    fields.reject("registry", quote(spec.registry) + " must be a repository in a registry",
                  "write host/project/name, without a tag: the tag is computed");
  }
}

void read_platform(Fields& fields, ImageSpec& spec) {
  const auto platform = oci::Platform::parse(fields.text_or("platform", "linux/amd64"));
  if (platform) {
    spec.platform = *platform;
  } else {
    reject(fields, "platform", platform.error());
  }
  const auto epoch = base::parse_time(fields.text("epoch"));
  if (!epoch) {
    if (fields.has("epoch")) {
      fields.reject("epoch", "\"epoch\" must be a point in time",
                    "write it like 2025-05-20T00:00:00Z");
    }
  } else if (epoch->value < 0) {
    fields.reject("epoch", "\"epoch\" lies before 1970");
  } else {
    spec.epoch = *epoch;
  }
  spec.compression = fields.text_or("compression", "gzip");
  if (const auto encoder = archive::parse_encoder(spec.compression); !encoder) {
    reject(fields, "compression", encoder.error());
  }
}

Result<> read_gpu(const Node& node, ImageSpec& spec) {
  Fields fields(node, "gpu");
  spec.driver = fields.text("driver");
  if (fields.has("driver") && !is_driver_floor(spec.driver)) {
    fields.reject("driver", quote(spec.driver) + " is not a driver requirement",
                  "write the oldest driver that will do: \">=525\"");
  }
  return fields.finish();
}

Result<> read_determinism(const Node& node, ImageSpec& spec) {
  constexpr std::int64_t kMaximumSeed = 4294967295;  // of PYTHONHASHSEED
  Fields fields(node, "determinism");
  const std::int64_t seed = fields.integer_or("seed", 0);
  if (fields.has("seed")) spec.seed = seed;
  if (seed < 0 || seed > kMaximumSeed) {
    fields.reject("seed", "\"seed\" must lie between 0 and 4294967295",
                  "Python accepts no other hash seed");
  }
  return fields.finish();
}

Result<> read_tags(const Node& node, ImageSpec& spec) {
  Fields fields(node, "tags");
  const auto channels = fields.optional_node("channels");
  TRY(fields.finish());
  if (!channels) return {};
  if (!channels->is_map()) {
    return fail(channels->error("\"channels\" must be a map: git branch: channel"));
  }
  for (const auto& [branch, channel] : channels->entries()) {
    if (!channel.is_scalar() || !oci::Tag::parse(channel.text())) {
      return fail(channel.error("the channel of branch " + branch.text() + " must be a tag")
                      .hint("a channel looks like v2.6-lts or nightly"));
    }
    spec.channels.emplace_back(branch.text(), channel.text());
  }
  return {};
}

Result<> read_components(const Node& node, ImageSpec& spec) {
  if (!node.is_map()) return fail(node.error("\"components\" must be a map: name: version"));
  for (const auto& [name, version] : node.entries()) {
    if (!version.is_scalar() || version.text().empty()) {
      return fail(version.error("the component " + name.text() + " must have a version"));
    }
    spec.components.emplace(name.text(), version.text());
  }
  return {};
}

/// The folder above specs/, or the file's own folder; as relative as the file's name is.
Result<std::string> project_directory(const std::string& file) {
  const std::string folder = base::parent_path(file);
  const std::string absolute = TRY(base::absolute_path(folder.empty() ? "." : folder));
  const auto or_here = [](std::string path) { return path.empty() ? std::string(".") : path; };
  if (base::base_name(absolute) != "specs") return or_here(folder);
  if (base::base_name(folder) == "specs") return or_here(base::parent_path(folder));
  return base::parent_path(absolute);
}

/// What the spec is called in origins: the same wherever the project lies.
Result<std::string> display_name(const std::string& file) {
  const std::string absolute = TRY(base::absolute_path(file));
  const bool in_specs = base::base_name(base::parent_path(absolute)) == "specs";
  return (in_specs ? "specs/" : "") + base::base_name(absolute);
}

std::string digest_of(const Node& root, const DefinitionFinder& definitions) {
  std::string text = "{\"definitions\":{";
  for (bool first = true; const auto& [name, definition] : definitions.used()) {
    if (!std::exchange(first, false)) text += ',';
    text += '"' + name + "\":" + document::canonical(definition.root);  // names need no escapes
  }
  text += "},\"spec\":" + document::canonical(root) + "}";
  return base::sha256_hex(text);
}

}  // namespace

Result<ImageSpec> load_spec(const std::string& file, const std::vector<std::string>& layer_paths) {
  const SpecAddress address = parse_address(file);
  const Node root = TRY(address.cell.empty() ? read_document(file) : load_cell(address));
  if (address.cell.empty() && root.is_map() && root.find("matrix")) {
    return fail(root.error(file + " is a matrix, not the spec of one image")
                    .hint("imgforge matrix " + base::shell_quote(file) +
                          " lists its cells; one of them is FILE#CELL"));
  }
  return read_spec(root, file, layer_paths);
}

Result<ImageSpec> read_spec(const Node& root, const std::string& file,
                            const std::vector<std::string>& layer_paths) {
  ImageSpec spec;
  spec.file = file;
  spec.project_directory = TRY(project_directory(file));

  Fields fields(root, "the spec");
  check_format_version(fields);
  read_names(fields, spec);
  read_platform(fields, spec);
  const std::vector<Node> entries = fields.maps_or_empty("layers");
  if (entries.empty()) {
    fields.node("layers");
    fields.reject("layers", "the spec has no layers", "write at least one: - use: os/debian12");
  }
  const auto config = fields.optional_node("config");
  const auto gpu = fields.optional_node("gpu");
  const auto determinism = fields.optional_node("determinism");
  const auto tags = fields.optional_node("tags");
  const auto components = fields.optional_node("components");
  TRY(fields.finish());

  if (gpu) TRY(read_gpu(*gpu, spec));
  if (determinism) TRY(read_determinism(*determinism, spec));
  if (tags) TRY(read_tags(*tags, spec));
  if (components) TRY(read_components(*components, spec));

  std::vector<std::string> folders = {base::join_path(spec.project_directory, "layers")};
  folders.insert(folders.end(), layer_paths.begin(), layer_paths.end());
  DefinitionFinder definitions(std::move(folders));
  auto composition = TRY(compose(entries, TRY(display_name(file)), definitions));
  spec.layers = std::move(composition.layers);
  if (spec.layers.empty()) return fail(root.error("the spec's definitions make no layers at all"));
  spec.config = std::move(composition.config);
  if (config) TRY(apply_config(*config, "config", spec.config));

  spec.digest = digest_of(root, definitions);
  spec.files = definitions.files();
  spec.files.insert(spec.files.begin(), parse_address(file).file);
  return spec;
}

}  // namespace imgforge::spec

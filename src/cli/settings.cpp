#include "cli/settings.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "cli/signer.h"
#include "document/fields.h"

namespace imgforge::cli {
namespace {

using Environment = std::map<std::string, std::string>;

std::string variable(const Environment& environment, const std::string& name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

std::string home_folder(const Environment& environment, const std::string& xdg,
                        const std::string& fallback) {
  if (const std::string folder = variable(environment, xdg); folder.starts_with('/')) return folder;
  const std::string home = variable(environment, "HOME");
  return base::join_path(home.empty() ? "/root" : home, fallback);
}

Result<sources::ArchiveAddress> decode_archive(const std::string& role,
                                               const document::Node& node) {
  sources::ArchiveAddress address;
  if (node.is_scalar()) {
    address.urls = {node.text()};
    return address;
  }
  document::Fields fields(node, "the archive " + role);
  if (auto url = fields.optional_text("url")) address.urls.push_back(*url);
  for (std::string& url : fields.texts_or_empty("urls")) address.urls.push_back(std::move(url));
  address.keyring = fields.text_or("keyring", "");
  address.snapshot = fields.text_or("snapshot", "");
  if (address.urls.empty()) fields.reject("url", "an archive needs a url");
  TRY(fields.finish());
  return address;
}

/// "0s", "90s", "15m": whole seconds or minutes, a day at most.
std::optional<std::chrono::seconds> parse_patience(std::string_view text) {
  constexpr std::uint64_t kLongest = 24 * 3600;
  if (text.empty()) return std::nullopt;
  const std::uint64_t unit = text.back() == 's' ? 1 : text.back() == 'm' ? 60 : 0;
  const auto number = base::parse_uint(text.substr(0, text.size() - 1));
  if (unit == 0 || !number || *number > kLongest / unit) return std::nullopt;
  return std::chrono::seconds(*number * unit);
}

// registries: {HOST: {address: MIRROR, plain_http: true, patience: 2m}}
Result<RegistryAddress> decode_registry(const std::string& host, const document::Node& node) {
  document::Fields fields(node, "the registry " + host);
  RegistryAddress address{.address = fields.text_or("address", "")};
  if (fields.optional_node("plain_http")) address.plain_http = fields.flag_or("plain_http", false);
  if (const auto text = fields.optional_text("patience")) {
    const auto patience = parse_patience(*text);
    if (!patience) {
      fields.reject("patience", "'" + *text + "' is no span of time", "write 30s or 15m");
    } else {
      address.patience = *patience;
    }
  }
  TRY(fields.finish());
  return address;
}

Result<> read_signing(document::Fields& fields, const std::string& folder,
                      SigningSettings& signing) {
  const auto file = [&](const char* key, std::string& into) {
    const auto text = fields.optional_text(key);
    if (text && !text->empty()) into = base::join_path(folder, *text);
  };
  file("trust_policy", signing.trust_policy);
  if (const auto key = fields.optional_text("signing_key"); key && !key->empty()) {
    signing.key = is_key_uri(*key) ? *key : base::join_path(folder, *key);
  }
  file("signing_certificates", signing.certificates);
  signing.builder = fields.text_or("builder", signing.builder);
  const auto formats = fields.optional_node("signing_formats");
  if (!formats) return {};
  if (!formats->is_sequence() || formats->items().empty()) {
    return fail(formats->error("signing_formats must be a list: legacy, bundle, notation"));
  }
  signing.formats.clear();
  for (const document::Node& item : formats->items()) {
    auto format = sign::parse_format(item.is_scalar() ? item.text() : "");
    if (!format) {
      return fail(item.error(format.error().message()).hint(format.error().hint()));
    }
    signing.formats.push_back(*format);
  }
  return {};
}

Result<> read_config(const std::string& file, Settings& settings) {
  const std::string text = TRY(base::read_file(file));
  const document::Node root = TRY(document::parse_yaml(text, file));
  if (root.is_null()) return {};
  document::Fields fields(root, "the configuration");
  settings.store_directory = fields.text_or("store", settings.store_directory);
  for (std::string& path : fields.texts_or_empty("layers")) settings.layer_paths.push_back(path);
  settings.workers = static_cast<std::size_t>(std::max<std::int64_t>(
      0, fields.integer_or("workers", static_cast<std::int64_t>(settings.workers))));
  for (std::string& folder : fields.texts_or_empty("vendor")) {
    settings.addresses.vendor_folders.push_back(std::move(folder));
  }
  settings.addresses.tools_directory = fields.text_or("tools", settings.addresses.tools_directory);
  for (auto& [role, url] : fields.text_map_or_empty("indexes"))
    settings.addresses.indexes[role] = url;
  for (auto& [role, url] : fields.text_map_or_empty("redist"))
    settings.addresses.redist[role] = url;
  if (const auto archives = fields.optional_node("archives")) {
    if (!archives->is_map()) return fail(archives->error("archives must be a map of roles"));
    for (const auto& [role, node] : archives->entries()) {
      settings.addresses.archives[role.text()] = TRY(decode_archive(role.text(), node));
    }
  }
  if (const auto registries = fields.optional_node("registries")) {
    if (!registries->is_map()) return fail(registries->error("registries must be a map of hosts"));
    for (const auto& [host, node] : registries->entries()) {
      settings.registries[host.text()] = TRY(decode_registry(host.text(), node));
    }
  }
  TRY(read_signing(fields, base::parent_path(file), settings.signing));
  if (const auto policy = fields.optional_text("channel_policy"); policy && !policy->empty()) {
    settings.channel_policy = base::join_path(base::parent_path(file), *policy);
  }
  return fields.finish();
}

}  // namespace

Result<Settings> load_settings(const Environment& environment, const std::string& config_file,
                               const std::string& self) {
  Settings settings;
  settings.store_directory =
      home_folder(environment, "XDG_DATA_HOME", ".local/share") + "/imgforge/store";
  settings.addresses.environment = environment;
  settings.addresses.tools_directory =
      home_folder(environment, "XDG_DATA_HOME", ".local/share") + "/imgforge/tools/bin";
  settings.no_color = !variable(environment, "NO_COLOR").empty();

  if (!config_file.empty()) {
    TRY(read_config(config_file, settings));
  } else {
    const std::string user =
        home_folder(environment, "XDG_CONFIG_HOME", ".config") + "/imgforge/config.yaml";
    for (const std::string& file : {std::string("/etc/imgforge/config.yaml"), user}) {
      if (base::exists(file)) TRY(read_config(file, settings));
    }
  }
  if (const std::string store = variable(environment, "IMGFORGE_STORE"); !store.empty()) {
    settings.store_directory = store;
  }
  if (const std::string tools = variable(environment, "IMGFORGE_TOOLS"); !tools.empty()) {
    settings.addresses.tools_directory = tools;
  }
  if (const std::string layers = variable(environment, "IMGFORGE_LAYERS"); !layers.empty()) {
    for (std::string_view path : base::split(layers, ':')) settings.layer_paths.emplace_back(path);
  }
  if (const std::string key = variable(environment, "IMGFORGE_SIGNING_KEY"); !key.empty()) {
    settings.signing.key = key;
  }
  if (const std::string file = variable(environment, "IMGFORGE_TRUST_POLICY"); !file.empty()) {
    settings.signing.trust_policy = file;
  }
  if (const std::string file = variable(environment, "IMGFORGE_CHANNEL_POLICY"); !file.empty()) {
    settings.channel_policy = file;
  }
  // Installed: PREFIX/bin/imgforge with PREFIX/libexec/imgforge and PREFIX/share/imgforge; from a
  // build folder: bin/ with cuda-probe/ beside it.
  const std::string folder = base::parent_path(self);
  for (const std::string& candidate :
       {folder + "/../libexec/imgforge/imgforge-probe", folder + "/imgforge-probe",
        folder + "/../cuda-probe/imgforge-probe"}) {
    if (settings.probe_file.empty() && base::exists(candidate)) settings.probe_file = candidate;
  }
  if (const std::string probe = variable(environment, "IMGFORGE_PROBE"); !probe.empty()) {
    settings.probe_file = probe;
  }
  if (const std::string shared = folder + "/../share/imgforge/layers"; base::is_directory(shared)) {
    settings.layer_paths.push_back(shared);
  }
  return settings;
}

}  // namespace imgforge::cli

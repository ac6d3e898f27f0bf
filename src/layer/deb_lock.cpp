#include "layer/deb_lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "archive/deb.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "layer/dpkg_status.h"

namespace imgforge::layer {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::size_t kSmallFile = 64 * 1024;  // os-release, debian_version

Json to_json(const sources::LockedRelease& release) {
  return {{"archive", release.archive},
          {"suite", release.suite},
          {"inrelease_sha256", release.inrelease_sha256},
          {"date", release.date},
          {"keys", release.keys}};
}

Json to_json(const sources::LockedDeb& deb) {
  return {{"name", deb.name},
          {"version", deb.version},
          {"architecture", deb.architecture},
          {"input", sources::to_json(deb.input)},
          {"stanza", deb.stanza}};
}

Result<sources::LockedRelease> read_release(JsonReader& reader) {
  sources::LockedRelease release;
  release.archive = reader.text("archive");
  release.suite = reader.text("suite");
  release.inrelease_sha256 = reader.text("inrelease_sha256");
  release.date = reader.text("date");
  release.keys = reader.texts("keys");
  TRY(reader.finish());
  return release;
}

Result<sources::LockedDeb> read_deb(JsonReader& reader) {
  std::string name = reader.text("name"), version = reader.text("version"),
              architecture = reader.text("architecture"), stanza = reader.text("stanza");
  const auto input = reader.object("input");
  TRY(reader.finish());
  auto locked = TRY(sources::input_from_json(*input));
  return sources::LockedDeb{std::move(name), std::move(version), std::move(architecture),
                            std::move(locked), std::move(stanza)};
}

// A value of os-release(5): quotes are shell's.
std::string unquoted(std::string_view value) {
  if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
      value.back() == value.front()) {
    value = value.substr(1, value.size() - 2);
  }
  return std::string(value);
}

OsIdentity parse_os_release(std::string_view text, std::string_view debian_version) {
  OsIdentity os;
  std::string words;
  for (std::string_view line : base::lines(text)) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, equals);
    const std::string value = unquoted(line.substr(equals + 1));
    if (key == "ID") os.id = value;
    if (key == "VERSION_ID") os.version_id = value;
    if (key == "VERSION") words = value;
  }
  // Debian's point release stands in its own file only; Ubuntu's is the first word of VERSION.
  os.version = os.id == "debian" ? std::string(base::trim(debian_version))
                                 : words.substr(0, words.find(' '));
  if (os.version.empty()) os.version = os.version_id;
  return os;
}

// "1:2.36-9+deb12u10" -> "2.36"
std::string upstream_version(std::string_view version) {
  if (const auto colon = version.find(':'); colon != std::string_view::npos) {
    version.remove_prefix(colon + 1);
  }
  return std::string(version.substr(0, version.rfind('-')));
}

// "3.11.2-1+b1" -> "3.11"
std::string minor_version(std::string_view version) {
  const std::string upstream = upstream_version(version);
  const auto parts = base::split(upstream, '.');
  return parts.size() < 2 ? upstream : fmt::format("{}.{}", parts[0], parts[1]);
}

const sources::LockedDeb* find_deb(const DebPart& part, std::string_view name) {
  for (const auto& deb : part.debs) {
    if (deb.name == name) return &deb;
  }
  return nullptr;
}

void contribute_python(const DebPart& part, const std::string& layer_id, Facts& facts) {
  const auto* python3 = find_deb(part, "python3");
  if (python3 == nullptr) python3 = find_deb(part, "python3-minimal");
  if (python3 == nullptr) return;
  const std::string minor = minor_version(python3->version);
  const auto* interpreter = find_deb(part, "python" + minor + "-minimal");
  const std::string version =
      interpreter == nullptr ? minor : upstream_version(interpreter->version);
  // Where wheels go is for kind python to say.
  facts.python = PythonFacts{.version = version, .executable = "/usr/bin/python" + minor};
  facts.set({.name = "python", .version = version, .source = layer_id});
}

}  // namespace

std::string format_deb_part(const DebPart& part, std::string_view kind) {
  Json out{{"kind", kind},
           {"apt", part.apt_version},
           {"releases", Json::array()},
           {"debs", Json::array()}};
  for (const auto& release : part.releases) out["releases"].push_back(to_json(release));
  for (const auto& deb : part.debs) out["debs"].push_back(to_json(deb));
  if (part.os) {
    out["os"] = {
        {"id", part.os->id}, {"version_id", part.os->version_id}, {"version", part.os->version}};
  }
  return base::canonical_json(out);
}

Result<DebPart> parse_deb_part(const std::string& text) {
  const Json json = TRY(base::parse_json(text, "the lock's part of a layer of Debian packages"));
  JsonReader reader(json, "part");
  DebPart part;
  (void)reader.text("kind");
  part.apt_version = reader.text("apt");
  for (JsonReader& release : reader.objects("releases")) {
    part.releases.push_back(TRY(read_release(release)));
  }
  for (JsonReader& deb : reader.objects("debs")) part.debs.push_back(TRY(read_deb(deb)));
  if (auto os = reader.object("os", /*required=*/false)) {
    part.os = OsIdentity{os->text("id"), os->text("version_id"), os->text("version")};
    TRY(os->finish());
  }
  TRY(reader.finish());
  return part;
}

Result<std::vector<std::string>> pins_of(const ResolveContext& context) {
  std::vector<std::string> pins;
  if (!context.previous_part || context.update.empty()) return pins;
  const DebPart previous = TRY(parse_deb_part(*context.previous_part));
  for (const auto& deb : previous.debs) {
    if (!context.update.contains(deb.name)) pins.push_back(deb.name + "=" + deb.version);
  }
  return pins;
}

Result<std::optional<OsIdentity>> read_os_identity(const ResolveContext& context,
                                                   const std::vector<sources::LockedDeb>& debs) {
  for (const auto& deb : debs) {
    if (deb.name != "base-files") continue;
    TRY(context.sources.fetch(std::span(&deb.input, 1), 1, context.stop));
    const auto file = TRY(context.store.open_input(deb.input.digest));
    std::string os_release, debian_version;
    TRY(archive::read_deb_data(
        file, deb.input.name,
        [&](const archive::TarEntry& entry, base::Source& content) -> Result<> {
          if (entry.type != archive::EntryType::file) return {};
          if (entry.path == "usr/lib/os-release") {
            os_release = TRY(base::read_all(content, kSmallFile));
          } else if (entry.path == "etc/debian_version") {
            debian_version = TRY(base::read_all(content, kSmallFile));
          }
          return {};
        }));
    OsIdentity os = parse_os_release(os_release, debian_version);
    if (os.id.empty()) {
      return fail(Errc::invalid,
                  fmt::format("{} {} does not say which system it is: no ID in usr/lib/os-release",
                              deb.name, deb.version));
    }
    return os;
  }
  return std::nullopt;
}

Result<> contribute_debs(const DebPart& part, const std::string& layer_id, Facts& facts) {
  facts.dpkg_status = installed_status(facts.dpkg_status, part.debs);
  if (part.os) {
    facts.os_id = part.os->id;
    facts.os_version = part.os->version_id;
    facts.set({.name = part.os->id, .version = part.os->version, .source = layer_id});
  }
  if (const auto* libc = find_deb(part, "libc6"); libc != nullptr) {
    facts.glibc = upstream_version(libc->version);
    facts.architecture = libc->architecture;
    facts.set({.name = "glibc", .version = facts.glibc, .source = layer_id});
  }
  contribute_python(part, layer_id, facts);
  return {};
}

std::string debs_key(const std::vector<sources::LockedDeb>& debs) {
  Json out = Json::array();
  for (const auto& deb : debs) {
    out.push_back({deb.input.digest.hex(), base::sha256_hex(deb.stanza)});
  }
  return base::canonical_json(out);
}

}  // namespace imgforge::layer

#include "evidence/deb_package.h"

#include "base/text.h"
#include "evidence/purl.h"
#include "sources/deb822.h"

namespace imgforge::evidence {
namespace {

std::string field(std::string_view stanza, std::string_view name) {
  return sources::deb822_field(stanza, name).value_or("");
}

/// "libc6:any (>= 2.34) <!nocheck>" -> "libc6".
std::string bare_name(std::string_view relation) {
  relation = base::trim(relation);
  return std::string(relation.substr(0, relation.find_first_of(" :([<\t\n")));
}

std::vector<std::vector<std::string>> relations(const std::string& text) {
  std::vector<std::vector<std::string>> groups;
  for (const std::string_view group : base::split(text, ',')) {
    std::vector<std::string> names;
    for (const std::string_view one : base::split(group, '|')) {
      if (std::string name = bare_name(one); !name.empty()) names.push_back(std::move(name));
    }
    if (!names.empty()) groups.push_back(std::move(names));
  }
  return groups;
}

struct SourcePackage {
  std::string name, version;
};

/// "util-linux (2.38.1-5)"; the binary's own where nothing is said.
SourcePackage source_of(std::string_view stanza, const Package& package) {
  const std::string text = field(stanza, "Source");
  if (text.empty()) return {package.name, package.version};
  const std::size_t open = text.find('('), close = text.find(')');
  SourcePackage source{bare_name(text), package.version};
  if (open != std::string::npos && close != std::string::npos && open < close) {
    source.version = text.substr(open + 1, close - open - 1);
  }
  return source;
}

std::string purl_of(const Package& package, const SourcePackage& source,
                    const std::optional<layer::OsIdentity>& os) {
  PackageUrl url{.type = "deb",
                 .space = os ? os->id : "debian",
                 .name = package.name,
                 .version = package.version,
                 .qualifiers = {{"arch", package.architecture}}};
  if (os) url.qualifiers["distro"] = os->id + "-" + os->version_id;
  if (source.version != package.version) {
    url.qualifiers["upstream"] = source.name + "@" + source.version;
  } else if (source.name != package.name) {
    url.qualifiers["upstream"] = source.name;
  }
  return to_string(url);
}

}  // namespace

DebPackage parse_deb_stanza(std::string_view stanza, const std::optional<layer::OsIdentity>& os) {
  DebPackage deb;
  Package& package = deb.package;
  package.kind = Package::Kind::deb;
  package.name = field(stanza, "Package");
  package.version = field(stanza, "Version");
  package.architecture = field(stanza, "Architecture");
  package.supplier = parse_party(field(stanza, "Maintainer"));
  package.homepage = field(stanza, "Homepage");
  package.summary = field(stanza, "Description");
  package.summary = package.summary.substr(0, package.summary.find('\n'));
  const SourcePackage source = source_of(stanza, package);
  package.source = source.name + " " + source.version;
  package.purl = purl_of(package, source, os);
  deb.depends = relations(field(stanza, "Pre-Depends"));
  for (auto& group : relations(field(stanza, "Depends"))) deb.depends.push_back(std::move(group));
  for (auto& group : relations(field(stanza, "Provides"))) {
    deb.provides.push_back(std::move(group.front()));
  }
  return deb;
}

std::vector<std::string_view> installed_stanzas(std::string_view status) {
  std::vector<std::string_view> out;
  while (!status.empty()) {
    const std::size_t end = status.find("\n\n");
    const std::string_view stanza = status.substr(0, end == std::string_view::npos ? end : end + 1);
    status.remove_prefix(end == std::string_view::npos ? status.size() : end + 2);
    const auto state = sources::deb822_field(stanza, "Status");
    const bool installed = !state || state->ends_with(" installed");
    if (installed && sources::deb822_field(stanza, "Package")) out.push_back(stanza);
  }
  return out;
}

}  // namespace imgforge::evidence

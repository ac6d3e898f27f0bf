#include "layer/dpkg_status.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"

namespace imgforge::layer {
namespace {

// Fields of the archive's index that dpkg does not keep (dpkg's parsedb.c).
constexpr std::string_view kIndexFields[] = {"Filename", "Size",   "MD5sum",          "SHA1",
                                             "SHA256",   "SHA512", "Description-md5", "Status"};

// Name and architecture: a key that two architectures of one library do not share.
using PackageKey = std::pair<std::string, std::string>;

std::string_view field(std::string_view stanza, std::string_view name) {
  for (std::string_view line : base::lines(stanza)) {
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
      return base::trim(line.substr(name.size() + 1));
    }
  }
  return {};
}

std::vector<std::string_view> stanzas(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = text.find("\n\n");
    const std::string_view stanza = base::trim(text.substr(0, end));
    if (!stanza.empty()) out.push_back(stanza);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 2);
  }
  return out;
}

std::string status_stanza(const sources::LockedDeb& deb) {
  std::string out;
  bool skipping = false;
  for (std::string_view line : base::lines(deb.stanza)) {
    if (!line.starts_with(' ') && !line.starts_with('\t')) {
      const std::string_view name = line.substr(0, line.find(':'));
      skipping = std::find(std::begin(kIndexFields), std::end(kIndexFields), name) !=
                 std::end(kIndexFields);
    }
    if (skipping) continue;
    out += line;
    out += '\n';
    if (line.starts_with("Package:")) out += "Status: install ok installed\n";
  }
  return out;
}

std::string describe(const InstalledPackage& package) {
  return fmt::format("{} {} ({})", package.name, package.version, package.architecture);
}

std::string list(const std::vector<InstalledPackage>& packages) {
  constexpr std::size_t kNamed = 5;
  std::vector<std::string> names;
  for (const auto& package : packages) {
    if (names.size() == kNamed) {
      names.push_back(fmt::format("and {} more", packages.size() - kNamed));
      break;
    }
    names.push_back(describe(package));
  }
  return base::join(names, ", ");
}

}  // namespace

std::string installed_status(std::string_view below, const std::vector<sources::LockedDeb>& debs) {
  std::map<PackageKey, std::string> by_package;
  for (std::string_view stanza : stanzas(below)) {
    by_package[{std::string(field(stanza, "Package")),
                std::string(field(stanza, "Architecture"))}] = std::string(stanza) + "\n";
  }
  for (const auto& deb : debs) by_package[{deb.name, deb.architecture}] = status_stanza(deb);
  std::string out;
  for (const auto& [key, stanza] : by_package) {
    out += stanza;
    out += '\n';
  }
  return out;
}

std::uint64_t unpacked_bytes(const std::vector<sources::LockedDeb>& debs) {
  std::uint64_t kibibytes = 0;
  for (const auto& deb : debs) {
    kibibytes += base::parse_uint(field(deb.stanza, "Installed-Size")).value_or(0);
  }
  return kibibytes * 1024;
}

Result<std::vector<InstalledPackage>> installed_packages(std::string_view status) {
  std::vector<InstalledPackage> out;
  for (std::string_view stanza : stanzas(status)) {
    InstalledPackage package{std::string(field(stanza, "Package")),
                             std::string(field(stanza, "Architecture")),
                             std::string(field(stanza, "Version"))};
    const std::string_view state = field(stanza, "Status");
    if (state.ends_with(" config-files") || state.ends_with(" not-installed")) continue;
    if (!state.ends_with(" ok installed")) {
      return fail(Errc::mismatch, fmt::format("the package {} is not properly installed: \"{}\"",
                                              describe(package), state));
    }
    out.push_back(std::move(package));
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<> check_installed(std::string_view promised_status, std::string_view found_status) {
  const auto promised = TRY(installed_packages(promised_status));
  const auto found = TRY(installed_packages(found_status));
  std::vector<InstalledPackage> missing, extra;
  std::set_difference(promised.begin(), promised.end(), found.begin(), found.end(),
                      std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), promised.begin(), promised.end(),
                      std::back_inserter(extra));
  if (missing.empty() && extra.empty()) return {};
  std::string message = "the installed packages are not those of the lock";
  if (!missing.empty()) message += "; missing: " + list(missing);
  if (!extra.empty()) message += "; not in the lock: " + list(extra);
  return fail(
      Error(Errc::mismatch, std::move(message))
          .hint("make a new lock with 'imgforge lock'; if it stays, the archive's index and "
                "its packages do not agree"));
}

}  // namespace imgforge::layer

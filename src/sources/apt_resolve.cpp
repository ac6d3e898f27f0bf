#include "sources/apt_resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/file.h"
#include "base/text.h"
#include "sources/apt_errors.h"
#include "sources/apt_lists.h"
#include "sources/apt_root.h"
#include "sources/deb822.h"

namespace imgforge::sources {
namespace {

/// How many alternative addresses the archives have: the first round takes everybody's first.
std::size_t rounds(const std::vector<std::vector<std::string>>& urls) {
  std::size_t most = 1;
  for (const auto& list : urls) most = std::max(most, list.size());
  return most;
}

struct Located {
  AptRootSource source;
  std::vector<std::string> urls;
};

Result<Located> locate(const AptSource& wanted, const Addresses& addresses) {
  const ArchiveAddress address = TRY(addresses.archive(wanted.archive));
  Located located;
  located.source.role = wanted.archive;
  located.source.suites = wanted.suites;
  located.source.components = wanted.components;
  located.source.signed_by = wanted.keyring.empty() ? address.keyring : wanted.keyring;
  if (located.source.signed_by.starts_with('/') &&
      located.source.signed_by.find(' ') == std::string::npos &&
      !base::exists(located.source.signed_by)) {
    return fail(
        Error(Errc::not_found, fmt::format("the keyring {} of the archive '{}' is not there",
                                           located.source.signed_by, wanted.archive))
            .hint("install the distribution's archive keyring, or name another file"));
  }
  located.urls = address.urls;
  if (!wanted.snapshot.empty()) {
    if (address.snapshot.empty()) {
      return fail(
          Error(Errc::not_found,
                fmt::format("nothing says where snapshots of the archive '{}' are", wanted.archive))
              .hint(fmt::format("write into ~/.config/imgforge/config.yaml:\narchives:\n  {0}:\n"
                                "    snapshot: https://SNAPSHOT-HOST/archive/{0}/{{timestamp}}",
                                wanted.archive)));
    }
    located.urls = {snapshot_url(address.snapshot, wanted.snapshot)};
    located.source.ignore_expiry = true;
  }
  if (located.urls.empty()) {
    return fail(Errc::not_found,
                fmt::format("the archive '{}' has snapshots only; ask for one", wanted.archive));
  }
  return located;
}

std::vector<std::string> wanted_words(const AptRequest& request) {
  std::vector<std::string> words;
  if (request.with_essential) {
    words.push_back("?essential");
    if (request.variant == "minbase") words.push_back("?priority(required)");
    if (request.variant != "essential") words.push_back("apt");
  }
  words.insert(words.end(), request.packages.begin(), request.packages.end());
  return words;
}

Result<> check_packages(const AptRequest& request) {
  if (request.with_essential && request.variant != "minbase" && request.variant != "apt" &&
      request.variant != "essential") {
    return fail(Errc::invalid, fmt::format("the variant '{}' is unknown: minbase, apt or essential",
                                           request.variant));
  }
  constexpr std::string_view kName = "abcdefghijklmnopqrstuvwxyz0123456789+-.:";
  for (const std::string& package : request.packages) {
    const std::string name = package.substr(0, package.find('='));
    // A trailing '-' would mean removal, '?' and '~' patterns, '/' a release.
    if (name.empty() || name.find_first_not_of(kName) != std::string::npos || name.ends_with('-') ||
        name.starts_with('-')) {
      return fail(Errc::invalid, fmt::format("'{}' is not the name of a package", package));
    }
  }
  return {};
}

std::string field_of(const std::string& stanza, const char* field) {
  return deb822_field(stanza, field).value_or("");
}

// The stanza as the archive has it, but for the home page: it plays no part in installing, and a
// lock holds no addresses.
std::string without_home_page(const std::string& stanza) {
  std::string kept;
  for (const std::string_view line : base::lines(stanza)) {
    if (!line.starts_with("Homepage:")) kept += std::string(line) + "\n";
  }
  return kept;
}

Result<LockedDeb> locked_deb(const PrintedUri& printed, const std::string& stanza,
                             const std::vector<Located>& sources,
                             const std::vector<AptSource>& wanted) {
  const Located* owner = nullptr;
  std::size_t at = 0;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const std::string prefix = sources[i].source.url + "/";
    if (printed.uri.starts_with(prefix) &&
        (owner == nullptr || prefix.size() > owner->source.url.size() + 1)) {
      owner = &sources[i];
      at = i;
    }
  }
  auto digest = TRY(oci::Digest::from_sha256_hex(printed.sha256));
  LockedDeb deb{field_of(stanza, "Package"), field_of(stanza, "Version"),
                field_of(stanza, "Architecture"),
                Input{"", std::move(digest), printed.size, {}},
                without_home_page(stanza)};
  std::string path = field_of(stanza, "Filename");
  if (path.starts_with("./")) path.erase(0, 2);
  if (owner == nullptr || deb.name.empty() || deb.version.empty() || path.empty()) {
    return fail(Errc::protocol, "apt chose a package that its lists do not describe");
  }
  deb.input.name = base::base_name(path);
  deb.input.origin = {.kind = Origin::Kind::archive,
                      .role = owner->source.role,
                      .path = path,
                      .snapshot = wanted[at].snapshot};
  return deb;
}

}  // namespace

std::string snapshot_url(const std::string& snapshot_root, const std::string& timestamp) {
  if (snapshot_root.find("{timestamp}") != std::string::npos) {
    return base::replace_all(snapshot_root, "{timestamp}", timestamp);
  }
  return snapshot_root + "/" + timestamp;
}

Result<PrintedUri> parse_printed_uri(std::string_view line) {
  const auto nonsense = [&] {
    return fail(Errc::protocol, "apt printed a line that is not understood: " + std::string(line));
  };
  const std::size_t quote = line.find("' ", 1);
  if (!line.starts_with('\'') || quote == std::string_view::npos) return nonsense();
  PrintedUri out;
  out.uri = line.substr(1, quote - 1);
  const auto words = base::split(line.substr(quote + 2), ' ');
  if (words.size() < 3 || !words[2].starts_with("SHA256:")) return nonsense();
  const auto size = base::parse_uint(words[1]);
  out.sha256 = base::trim(words[2].substr(7));
  if (!size || out.sha256.size() != 64 || !base::from_hex(out.sha256)) return nonsense();
  out.size = *size;
  return out;
}

Result<AptResolution> resolve_apt(const AptRequest& request, const Addresses& addresses,
                                  const std::string& scratch, base::Progress& progress,
                                  std::stop_token stop) {
  TRY(check_packages(request));
  std::vector<Located> sources;
  std::vector<std::vector<std::string>> urls;
  for (const AptSource& wanted : request.sources) {
    sources.push_back(TRY(locate(wanted, addresses)));
    urls.push_back(sources.back().urls);
  }
  if (sources.empty()) return fail(Errc::invalid, "no package archive is named");

  const base::CommandResult version = TRY(base::run_checked({.argv = {"apt-get", "--version"}}));
  const auto words = base::split(base::lines(version.out).at(0), ' ');
  AptResolution resolution;
  if (words.size() > 1) resolution.apt_version = words[1];

  // The lists, from the first round of addresses that answers.
  std::optional<AptRoot> root;
  for (std::size_t round = 0; round < rounds(urls); ++round) {
    AptRootOptions options;
    options.directory = fmt::format("{}/apt-{}", scratch, round);
    options.architecture = request.architecture;
    options.dpkg_status = request.installed_status;
    options.preferred = request.pins;
    options.environment = addresses.settings().environment;
    options.machine_apt = TRY(base::absolute_path(addresses.settings().apt_directory));
    for (std::size_t i = 0; i < sources.size(); ++i) {
      sources[i].source.url = urls[i][std::min(round, urls[i].size() - 1)];
      options.sources.push_back(sources[i].source);
    }
    TRY(base::make_directories(options.directory, 0700));
    root = TRY(AptRoot::create(std::move(options)));
    const base::CommandResult update =
        TRY(base::run_command(root->apt_get({"--quiet", "update"}), stop));
    if (update.status == 0) break;
    Error error = apt_error("reading the package archives", update.err + update.out);
    if (error.code() != Errc::unavailable || round + 1 == rounds(urls)) {
      return fail(std::move(error));
    }
    progress.warn("an archive does not answer; trying its next address");
  }
  const std::vector<AptList> lists = TRY(apt_lists(*root, stop));
  resolution.releases = TRY(read_releases(*root, lists, progress, stop));

  std::vector<std::string> argv = {"--quiet=2", "--yes", "--print-uris", "--allow-downgrades",
                                   "install"};
  for (std::string& word : wanted_words(request)) argv.push_back(std::move(word));
  const base::CommandResult answer = TRY(base::run_command(root->apt_get(std::move(argv)), stop));
  if (answer.status != 0) {
    return fail(apt_error("choosing the packages", answer.err + answer.out));
  }
  std::vector<PrintedUri> printed;
  std::set<std::string> digests;
  for (const std::string_view line : base::lines(answer.out)) {
    if (!line.starts_with('\'')) continue;
    printed.push_back(TRY(parse_printed_uri(line)));
    digests.insert(printed.back().sha256);
  }
  const auto stanzas = TRY(find_stanzas(lists, digests, stop));
  for (const PrintedUri& one : printed) {
    const auto stanza = stanzas.find(one.sha256);
    if (stanza == stanzas.end()) {
      return fail(Errc::protocol,
                  "apt chose a package that is in none of its lists: " + one.sha256);
    }
    resolution.debs.push_back(TRY(locked_deb(one, stanza->second, sources, request.sources)));
  }
  std::sort(resolution.debs.begin(), resolution.debs.end(),
            [](const LockedDeb& a, const LockedDeb& b) {
              return std::tie(a.name, a.architecture) < std::tie(b.name, b.architecture);
            });
  return resolution;
}

}  // namespace imgforge::sources

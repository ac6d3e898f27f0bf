#include "sources/apt_lists.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "sources/deb822.h"

namespace imgforge::sources {
namespace {

std::string without_slash(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  return text;
}

// A keyring's files as gpgv takes them: binary, so that armored ones are converted into `scratch`.
Result<std::vector<std::string>> keyring_files(const AptRoot& root, const std::string& signed_by) {
  std::vector<std::string> files;
  if (signed_by.starts_with('/')) {
    for (const std::string_view part : base::split(signed_by, ' ')) files.emplace_back(part);
  } else if (!signed_by.starts_with("-----BEGIN")) {
    const std::string& machine = root.options().machine_apt;
    if (base::exists(machine + "/trusted.gpg")) files.push_back(machine + "/trusted.gpg");
    if (base::is_directory(machine + "/trusted.gpg.d")) {
      for (const std::string& name : TRY(base::list_directory(machine + "/trusted.gpg.d"))) {
        files.push_back(machine + "/trusted.gpg.d/" + name);
      }
    }
  }
  std::vector<std::string> binary;
  int counter = 0;
  const auto convert = [&](const std::string& text) -> Result<bool> {
    const auto key = dearmored(text);
    if (!key) return false;
    const std::string path = fmt::format("{}/tmp/key-{}-{}.gpg", root.options().directory,
                                         base::sha256_hex(signed_by).substr(0, 8), counter++);
    TRY(base::write_file_atomic(path, *key, 0600));
    binary.push_back(path);
    return true;
  };
  if (signed_by.starts_with("-----BEGIN")) (void)TRY(convert(signed_by));
  for (const std::string& file : files) {
    if (!base::exists(file)) continue;
    if (!TRY(convert(TRY(base::read_file(file))))) binary.push_back(file);
  }
  return binary;
}

// Primary fingerprints out of gpgv's status lines (doc/DETAILS of GnuPG, VALIDSIG).
std::vector<std::string> valid_signers(std::string_view status) {
  std::set<std::string> keys;
  for (const std::string_view line : base::lines(status)) {
    if (!line.starts_with("[GNUPG:] VALIDSIG ")) continue;
    const auto words = base::split(line, ' ');
    keys.emplace(words.size() >= 12 ? words[11] : words[2]);
  }
  return {keys.begin(), keys.end()};
}

}  // namespace

std::optional<std::string> dearmored(std::string_view armored) {
  std::string binary, body;
  bool inside = false, header = false;
  for (const std::string_view raw : base::lines(armored)) {
    const std::string_view line = base::trim(raw);
    if (line == "-----BEGIN PGP PUBLIC KEY BLOCK-----") {
      inside = header = true;
      body.clear();
    } else if (line == "-----END PGP PUBLIC KEY BLOCK-----") {
      const auto decoded = base::from_base64(body);
      if (!inside || !decoded) return std::nullopt;
      binary += *decoded;
      inside = false;
    } else if (inside && header) {
      if (line.empty() || line == ".") {
        header = false;
      } else if (line.find(": ") == std::string_view::npos && !line.ends_with(':')) {
        header = false;  // no header lines and no empty line: tolerated by apt
        body += line;
      }
    } else if (inside && !line.starts_with('=')) {  // "=xxxx" is the checksum
      body += line;
    }
  }
  if (binary.empty()) return std::nullopt;
  return binary;
}

Result<std::vector<AptList>> apt_lists(const AptRoot& root, std::stop_token stop) {
  constexpr const char* kFormat = "$(CREATED_BY)|$(REPO_URI)|$(METAKEY)|$(FILENAME)";
  const base::CommandResult answer =
      TRY(base::run_checked(root.apt_get({"indextargets", "--format", kFormat}), stop));
  std::vector<AptList> lists;
  for (const std::string_view line : base::lines(answer.out)) {
    const auto parts = base::split(line, '|');
    if (parts.size() != 4 || parts[0] != "Packages") continue;
    // ".../lists/HOST_debian_dists_bookworm_main_binary-amd64_Packages" is the release's prefix
    // and the meta key with '_' for '/'.
    const std::string key = base::replace_all(std::string(parts[2]), "/", "_");
    std::string_view file = parts[3];
    if (!file.ends_with(key)) continue;
    AptList list;
    list.packages_file = file;
    list.inrelease_file = std::string(file.substr(0, file.size() - key.size())) + "InRelease";
    list.url = without_slash(std::string(parts[1]));
    lists.push_back(std::move(list));
  }
  std::vector<AptList> ordered;
  for (const AptRootSource& source : root.options().sources) {
    for (const std::string& suite : source.suites) {
      const bool flat = suite.ends_with('/');
      const std::string tail =
          flat ? "_InRelease" : "_dists_" + base::replace_all(suite, "/", "_") + "_InRelease";
      std::set<std::string> absent(source.components.begin(), source.components.end());
      bool found = false;
      for (const AptList& list : lists) {
        if (list.url != source.url || !list.inrelease_file.ends_with(tail)) continue;
        if (!base::exists(list.packages_file)) continue;
        ordered.push_back(list);
        ordered.back().suite = suite;
        found = true;
        std::erase_if(absent, [&](const std::string& component) {
          const std::string part = "_" + base::replace_all(component, "/", "_") + "_binary-";
          return list.packages_file.find(part) != std::string::npos;
        });
      }
      if (!found || (!flat && !absent.empty())) {
        return fail(Error(Errc::not_found,
                          fmt::format("the archive '{}' has no package list for {} {} ({})",
                                      source.role, suite, base::join(source.components, " "),
                                      root.options().architecture))
                        .hint("check suites, components and architecture"));
      }
    }
  }
  return ordered;
}

Result<std::map<std::string, std::string>> find_stanzas(const std::vector<AptList>& lists,
                                                        const std::set<std::string>& sha256,
                                                        std::stop_token stop) {
  std::map<std::string, std::string> found;
  for (const AptList& list : lists) {
    if (found.size() == sha256.size()) break;
    base::File file = TRY(base::File::open_read(list.packages_file));
    ParagraphReader reader(file);
    while (const auto stanza = TRY(reader.next())) {
      // Cheap before exact: the field's text is looked for first.
      const std::size_t at = stanza->find("\nSHA256: ");
      if (at == std::string_view::npos) continue;
      const std::string hex(stanza->substr(at + 9, 64));
      if (sha256.contains(hex)) found.emplace(hex, *stanza);
    }
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
  }
  return found;
}

Result<std::vector<LockedRelease>> read_releases(const AptRoot& root,
                                                 const std::vector<AptList>& lists,
                                                 base::Progress& progress, std::stop_token stop) {
  std::vector<LockedRelease> releases;
  std::set<std::string> seen;
  const bool has_gpgv = base::find_program("gpgv").has_value();
  if (!has_gpgv) {
    progress.warn(
        "gpgv is not installed: the lock will not name the keys that signed the archives");
  }
  for (const AptList& list : lists) {
    if (!seen.insert(list.inrelease_file).second) continue;
    const auto source =
        std::find_if(root.options().sources.begin(), root.options().sources.end(),
                     [&](const AptRootSource& candidate) { return candidate.url == list.url; });
    if (!base::exists(list.inrelease_file)) {
      return fail(
          Error(Errc::unsupported, fmt::format("the archive '{}' has no InRelease file for {}",
                                               source->role, list.suite))
              .hint("a detached Release.gpg alone is not enough"));
    }
    LockedRelease release;
    release.archive = source->role;
    release.suite = list.suite;
    const std::string text = TRY(base::read_file(list.inrelease_file));
    release.inrelease_sha256 = base::sha256_hex(text);
    for (const std::string_view line : base::lines(text)) {
      if (line.starts_with("Date: ")) {
        release.date = base::trim(line.substr(6));
        break;
      }
    }
    if (has_gpgv) {
      std::vector<std::string> argv = {"gpgv", "--status-fd", "1", "--homedir",
                                       root.options().directory + "/tmp"};
      for (std::string& file : TRY(keyring_files(root, source->signed_by))) {
        argv.push_back("--keyring");
        argv.push_back(std::move(file));
      }
      argv.push_back(list.inrelease_file);
      // Its status is not asked: a file with two signatures of which one key is unknown is fine
      // for apt, and apt has decided already.
      const auto checked = TRY(base::run_command(root.command(std::move(argv)), stop));
      release.keys = valid_signers(checked.out);
    }
    releases.push_back(std::move(release));
  }
  return releases;
}

}  // namespace imgforge::sources

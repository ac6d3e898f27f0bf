#include "sources/apt_errors.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace imgforge::sources {
namespace {

struct Row {
  std::string_view words;
  Errc code;
  std::string_view hint;
};

// The first row whose words stand in the output decides: a cause before its consequences.
constexpr std::array<Row, 24> kRows{{
    {"is not signed", Errc::mismatch,
     "check 'keyring' of this archive in the spec or the configuration: it must hold the key that "
     "the archive signs with"},
    {"NO_PUBKEY", Errc::mismatch,
     "'keyring' of this archive does not hold the key that it is signed with"},
    {"couldn't be verified", Errc::mismatch,
     "'keyring' of this archive does not hold the key that it is signed with"},
    {"signatures were invalid", Errc::mismatch, "the archive's signature is wrong or expired"},
    {"not live until", Errc::mismatch, "the clock of this machine seems to be wrong"},
    {"is not valid yet", Errc::mismatch, "the clock of this machine seems to be wrong"},
    {"is expired", Errc::mismatch,
     "the archive's release file is too old: ask for a snapshot, or use another mirror"},
    {"Hash Sum mismatch", Errc::mismatch, "the mirror is being updated or damaged: try later"},
    {"Unexpected size", Errc::unavailable, "the mirror is being updated: try later"},
    {"The key(s) in the keyring", Errc::mismatch,
     "the keyring's file must be readable and in a format that gpgv knows"},
    {"Unable to locate package", Errc::not_found,
     "check the name, and that suites and components of the archive contain it"},
    {"Couldn't find any package", Errc::not_found,
     "check the name, and that suites and components of the archive contain it"},
    {"has no installation candidate", Errc::not_found,
     "check that suites and components of the archive contain it"},
    {"was not found", Errc::not_found,
     "archives keep only current versions: ask for another version, or for a snapshot"},
    {"Unable to correct problems", Errc::invalid, "the packages cannot be installed together"},
    {"unmet dependencies", Errc::invalid, "the packages cannot be installed together"},
    {"Could not resolve", Errc::unavailable, "check the network and the proxy settings"},
    {"Temporary failure resolving", Errc::unavailable, "check the network and the proxy settings"},
    {"Could not connect", Errc::unavailable, "check the network and the proxy settings"},
    {"Unable to connect", Errc::unavailable, "check the network and the proxy settings"},
    {"Connection failed", Errc::unavailable, "check the network and the proxy settings"},
    {"401", Errc::unauthorized, "credentials for an archive belong into apt's auth.conf"},
    {"does not have a Release file", Errc::not_found,
     "check the address of the archive and the name of the suite"},
    {"Failed to fetch", Errc::unavailable, "try later, or use another mirror"},
}};

}  // namespace

Error apt_error(std::string_view doing, std::string_view output) {
  std::vector<std::string> errors, warnings;
  for (const std::string_view line : base::lines(output)) {
    if (line.starts_with("E: ")) errors.emplace_back(line.substr(3));
    if (line.starts_with("W: ")) warnings.emplace_back(line.substr(3));
  }
  std::string message(doing);
  message += " failed";
  constexpr std::size_t kQuoted = 6;
  auto quoted = errors.empty() ? warnings : errors;
  if (quoted.size() > kQuoted) quoted.resize(kQuoted);
  for (const std::string& line : quoted) message += "\n    " + line;
  if (quoted.empty()) message += ": " + std::string(base::trim(output.substr(0, 2000)));
  for (const Row& row : kRows) {
    if (output.find(row.words) != std::string_view::npos) {
      return Error(row.code, std::move(message)).hint(std::string(row.hint));
    }
  }
  return Error(Errc::io, std::move(message));
}

}  // namespace imgforge::sources

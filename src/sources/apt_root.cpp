#include "sources/apt_root.h"

#include <fmt/format.h>

#include <iterator>

#include "base/file.h"
#include "base/text.h"
#include "http/client.h"

namespace imgforge::sources {
namespace {

// No value may end its own quotes or its own line.
Result<> check_plain(std::string_view what, std::string_view value, bool blanks = false) {
  for (const char c : value) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '"' || (c == ' ' && !blanks)) {
      return fail(
          Errc::invalid,
          fmt::format("the {} '{}' holds a blank, a quote or a control character", what, value));
    }
  }
  return {};
}

Result<> check(const AptRootOptions& options) {
  TRY(check_plain("folder", options.directory, true));
  TRY(check_plain("architecture", options.architecture));
  for (const AptRootSource& source : options.sources) {
    TRY(check_plain("archive address", source.url));
    if (source.suites.empty()) {
      return fail(Errc::invalid, fmt::format("the archive '{}' needs a suite", source.role));
    }
    for (const std::string& suite : source.suites) TRY(check_plain("suite", suite));
    for (const std::string& part : source.components) TRY(check_plain("component", part));
  }
  for (const std::string& pin : options.preferred) TRY(check_plain("package", pin));
  return {};
}

std::string pem_or_path(const std::string& signed_by) {
  if (!signed_by.starts_with("-----BEGIN")) return " " + signed_by + "\n";
  std::string out = "\n";
  for (const std::string_view line : base::lines(signed_by)) {
    const std::string_view text = base::trim(line);
    out += text.empty() || text == "." ? " .\n" : " " + std::string(text) + "\n";
  }
  return out;
}

}  // namespace

std::string apt_configuration(const AptRootOptions& options) {
  const std::string& root = options.directory;
  std::string out = fmt::format(
      "Dir \"{0}/\";\n"
      "Dir::Etc::main \"apt.conf\";\n"
      "Dir::State::status \"{0}/var/lib/dpkg/status\";\n"
      "Dir::Etc::trusted \"{2}/trusted.gpg\";\n"
      "Dir::Etc::trustedparts \"{2}/trusted.gpg.d/\";\n"
      "Dir::Etc::netrc \"{2}/auth.conf\";\n"
      "Dir::Etc::netrcparts \"{2}/auth.conf.d/\";\n"
      "APT::Architecture \"{1}\";\n"
      "APT::Architectures {{ \"{1}\"; }};\n"
      "APT::Install-Recommends \"false\";\n"
      "APT::Install-Suggests \"false\";\n"
      "APT::Get::AllowUnauthenticated \"false\";\n"
      "APT::Update::Error-Mode \"any\";\n"
      "APT::Sandbox::User \"root\";\n"  // the root is private; there is nobody to drop to
      "Acquire::AllowInsecureRepositories \"false\";\n"
      "Acquire::AllowWeakRepositories \"false\";\n"
      "Acquire::AllowDowngradeToInsecureRepositories \"false\";\n"
      "Acquire::ForceHash \"SHA256\";\n"
      "Acquire::GzipIndexes \"false\";\n"
      "Acquire::Languages {{ \"none\"; }};\n"
      "Acquire::Retries \"3\";\n"
      "Acquire::http::Timeout \"60\";\n"
      "Acquire::https::Timeout \"60\";\n",
      root, options.architecture, options.machine_apt);
  const http::Settings network = http::settings_from(options.environment);
  const auto add = [&](const char* key, const std::string& value) {
    if (!value.empty() && value.find_first_of("\"\n") == std::string::npos) {
      out += fmt::format("{} \"{}\";\n", key, value);
    }
  };
  add("Acquire::http::Proxy", network.http_proxy);
  add("Acquire::https::Proxy", network.https_proxy);
  add("Acquire::https::CAInfo", network.ca_file);
  return out;
}

std::string apt_source_list(const std::vector<AptRootSource>& sources) {
  std::string out;
  for (const AptRootSource& source : sources) {
    out += "Types: deb\nURIs: " + source.url + "\nSuites: " + base::join(source.suites, " ") + "\n";
    if (!source.components.empty()) {
      out += "Components: " + base::join(source.components, " ") + "\n";
    }
    if (!source.signed_by.empty()) out += "Signed-By:" + pem_or_path(source.signed_by);
    if (source.ignore_expiry) out += "Check-Valid-Until: no\n";
    out += "\n";
  }
  return out;
}

std::string apt_preferences(const std::vector<std::string>& preferred) {
  std::string out;
  for (const std::string& pin : preferred) {
    const std::size_t sign = pin.find('=');
    if (sign == std::string::npos) continue;
    // Above 1000 a version is kept even when it is older than what else is offered
    // (apt_preferences(5)); a version that is not offered any more has no effect.
    out += fmt::format("Package: {}\nPin: version {}\nPin-Priority: 1001\n\n", pin.substr(0, sign),
                       pin.substr(sign + 1));
  }
  return out;
}

Result<AptRoot> AptRoot::create(AptRootOptions options) {
  TRY(check(options));
  const std::string& root = options.directory;
  for (const char* folder :
       {"etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/sources.list.d",
        "var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/lib/dpkg",
        "var/log/apt", "tmp"}) {
    TRY(base::make_directories(base::join_path(root, folder), 0700));
  }
  const auto write = [&](const char* name, const std::string& text) {
    return base::write_file_atomic(base::join_path(root, name), text, 0600);
  };
  TRY(write("apt.conf", apt_configuration(options)));
  TRY(write("etc/apt/sources.list.d/imgforge.sources", apt_source_list(options.sources)));
  TRY(write("etc/apt/preferences", apt_preferences(options.preferred)));
  TRY(write("var/lib/dpkg/status", options.dpkg_status));
  return AptRoot(std::move(options));
}

base::Command AptRoot::apt_get(std::vector<std::string> words) const {
  std::vector<std::string> argv = {"apt-get", "--option", "Dir=" + options_.directory + "/"};
  argv.insert(argv.end(), std::make_move_iterator(words.begin()),
              std::make_move_iterator(words.end()));
  return command(std::move(argv));
}

base::Command AptRoot::command(std::vector<std::string> argv) const {
  base::Command command;
  command.argv = std::move(argv);
  command.directory = options_.directory;
  command.environment = std::vector<std::string>{
      "APT_CONFIG=" + options_.directory + "/apt.conf",
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "LC_ALL=C.UTF-8",
      "TZ=UTC",
      "TMPDIR=" + options_.directory + "/tmp",
  };
  const http::Settings network = http::settings_from(options_.environment);
  if (!network.no_proxy.empty()) command.environment->push_back("no_proxy=" + network.no_proxy);
  return command;
}

}  // namespace imgforge::sources

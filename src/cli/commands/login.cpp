// login and logout.
#include "registry/login.h"

#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/terminal.h"

namespace imgforge::cli {
namespace {

constexpr Option kLoginOptions[] = {
    {"username", 'u', "NAME", "who you are there"},
    {"password-stdin", 0, "", "read the password from standard input"},
    {"password-file", 0, "FILE", "read it from a file"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// "harbor.example", also with a scheme or a path as people paste it.
Result<std::string> host_word(const App& app, const char* command) {
  TRY(expect_words(app, 1, command, "HOST"));
  std::string host = app.args().positional()[0];
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (host.starts_with(scheme)) host.erase(0, scheme.size());
  }
  host = host.substr(0, host.find('/'));
  if (!oci::Reference::parse(host + "/x")) {
    return fail(Errc::usage, fmt::format("'{}' is not a registry's name", host));
  }
  return host;
}

Result<std::string> password(const App& app) {
  if (const auto file = app.args().value("password-file")) {
    return std::string(base::trim(TRY(base::read_file(*file, 64 << 10))));
  }
  if (app.args().flag("password-stdin")) {
    std::string text;
    std::getline(std::cin, text);
    return std::string(base::trim(text));
  }
  return ask_secret("Password: ", app.stop());
}

Result<int> run_login(App& app) {
  const std::string host = TRY(host_word(app, "login"));
  registry::Credentials credentials;
  if (const auto user = app.args().value("username")) {
    credentials.user = *user;
  } else {
    return fail(Error(Errc::usage, "login needs a name")
                    .hint("imgforge login HOST --username NAME --password-stdin"));
  }
  credentials.password = TRY(password(app));
  if (credentials.password.empty()) return fail(Errc::usage, "the password is empty");
  // Asked before it is kept, so that a wrong password is found now and not in a pipeline at night.
  const bool asked = TRY(app.images().check_login(host, credentials, app.stop()));
  const auto& environment = app.settings().addresses.environment;
  const std::string file = TRY(registry::login_file(environment, host));
  const std::string where = TRY(registry::store_login(file, host, credentials, app.stop()));
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"host", host}, {"user", credentials.user}, {"kept_in", where}})));
    return 0;
  }
  TRY(print(fmt::format("logged in to {} as {} ({})\n", host, credentials.user, where)));
  if (!asked) TRY(print(host + " asks nobody who they are: the login was not tested\n"));
  return 0;
}

Result<int> run_logout(App& app) {
  const std::string host = TRY(host_word(app, "logout"));
  const auto& environment = app.settings().addresses.environment;
  const std::string file = TRY(registry::login_file(environment, host));
  const bool was = TRY(registry::erase_login(file, host, app.stop()));
  if (app.json()) {
    TRY(print(base::pretty_json({{"host", host}, {"was_logged_in", was}})));
    return 0;
  }
  TRY(print(was ? "logged out of " + host + "\n" : "there was no login for " + host + "\n"));
  return 0;
}

}  // namespace

Command login_command() {
  return {.name = "login",
          .summary = "log in to a registry, for imgforge, docker, podman and skopeo alike",
          .synopsis = "HOST --username NAME [options]",
          .details =
              "The login is tested, then kept in the file that the other tools read too, or with "
              "the helper that it names.\n"
              "The password is asked for on a terminal, or read; it is never an argument.\n\n"
              "Examples:\n"
              "  imgforge login harbor.example --username alice\n"
              "  printenv HARBOR_SECRET | imgforge login harbor.example -u 'robot$ml+ci' "
              "--password-stdin",
          .options = kLoginOptions,
          .run = run_login};
}

Command logout_command() {
  return {.name = "logout",
          .summary = "forget the login of a registry",
          .synopsis = "HOST",
          .details = "Example:\n  imgforge logout harbor.example",
          .options = {},
          .run = run_logout};
}

}  // namespace imgforge::cli

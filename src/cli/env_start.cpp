#include "cli/env_start.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/foreground.h"
#include "registry/client.h"

namespace imgforge::cli {
namespace {

constexpr const char* kLoopback = "127.0.0.1";
constexpr const char* kJupyterPort = "8888";
/// `run` of every engine: the container was not started (podman-run(1), "Exit status").
constexpr int kEngineFailed = 125;

// The better shell that the image has.
constexpr const char* kShell = "command -v bash >/dev/null 2>&1 && exec bash; exec sh";

void mount(std::vector<std::string>& argv, const std::string& path, bool may_write) {
  argv.emplace_back("--mount");
  argv.push_back(
      fmt::format("type=bind,source={},target={}{}", path, path, may_write ? "" : ",readonly"));
}

/// Engines split the option at commas, and docker reads quotes as CSV does.
Result<> check_mountable(const std::string& path) {
  if (path.find_first_of(",\"\n\r") == std::string::npos) return {};
  return fail(Error(Errc::usage, fmt::format("the folder {} cannot be mounted: container engines "
                                             "take no commas, quotes and line ends",
                                             base::shell_quote(path)))
                  .hint("clone the repository into a folder with a simpler name"));
}

bool is_port(std::string_view text) {
  const auto port = base::parse_uint(text);
  return port && *port > 0 && *port <= 65535;
}

std::vector<std::string> program_of(const App& app, std::vector<std::string> words) {
  if (!words.empty()) return words;
  if (app.args().flag("jupyter")) {
    // root in a container is, with podman, whoever started it; Jupyter would refuse it.
    return {"jupyter",      "lab",         "--ip=0.0.0.0", fmt::format("--port={}", kJupyterPort),
            "--no-browser", "--allow-root"};
  }
  return {"sh", "-c", kShell};
}

Result<std::vector<std::string>> ports_of(const App& app) {
  std::vector<std::string> ports;
  for (const std::string& text : app.args().values("publish")) {
    ports.push_back(TRY(port_option(text)));
  }
  const auto own = app.args().value("jupyter-port");
  if (own && !app.args().flag("jupyter")) {
    return fail(Error(Errc::usage, "--jupyter-port goes with --jupyter").hint("add --jupyter"));
  }
  if (app.args().flag("jupyter")) {
    ports.push_back(
        TRY(port_option(fmt::format("{}:{}", own.value_or(kJupyterPort), kJupyterPort))));
  }
  return ports;
}

Result<std::string> environment_file(const App& app, const env::Git& git) {
  const auto file = app.args().value("env-file");
  if (!file) return std::string();
  std::string path = TRY(base::absolute_path(*file));
  if (!base::exists(path)) return fail(Errc::not_found, "there is no file " + path);
  if (path.starts_with(git.top() + "/") && TRY(git.is_tracked(path))) {
    return fail(Error(Errc::refused, fmt::format("git has {}: secrets do not belong there", path))
                    .hint("git rm --cached it, name it in .gitignore, and change the secrets"));
  }
  return path;
}

bool speaks_plain_http(const App& app, const std::string& host) {
  if (app.args().flag("plain-http")) return true;
  const auto configured = app.settings().registries.find(host);
  if (configured != app.settings().registries.end() && configured->second.plain_http) {
    return *configured->second.plain_http;
  }
  return registry::is_loopback(host);
}

}  // namespace

std::vector<std::string> command_line(Engine engine, const EnvStart& start) {
  std::vector<std::string> argv{std::string(to_string(engine)), "run", "--rm",
                                start.has_terminal ? "-it" : "-i"};
  if (engine == Engine::podman && start.plain_http) argv.emplace_back("--tls-verify=false");
  argv.insert(argv.end(), start.gpu_options.begin(), start.gpu_options.end());
  mount(argv, start.tree, true);
  if (!start.repository.empty()) mount(argv, start.repository, start.may_write_repository);
  argv.insert(argv.end(), {"--workdir", start.folder});
  for (const std::string& port : start.ports) argv.insert(argv.end(), {"--publish", port});
  if (!start.environment_file.empty()) {
    argv.insert(argv.end(), {"--env-file", start.environment_file});
  }
  argv.insert(argv.end(), {"--env", fmt::format("IMGFORGE_ENV={}", start.annotation)});
  if (!start.commit.empty()) {
    argv.insert(argv.end(), {"--env", fmt::format("IMGFORGE_COMMIT={}", start.commit)});
  }
  argv.insert(argv.end(), {"--label", fmt::format("{}={}", kImageLabel, start.image), "--label",
                           fmt::format("{}={}", kTreeLabel, start.tree)});
  if (!start.user.empty()) {
    argv.insert(argv.end(), {"--user", start.user, "--env", "HOME=/tmp"});
  }
  argv.insert(argv.end(), start.engine_options.begin(), start.engine_options.end());
  argv.insert(argv.end(), {"--entrypoint", start.words.at(0), start.image});
  argv.insert(argv.end(), start.words.begin() + 1, start.words.end());
  return argv;
}

Result<std::string> port_option(const std::string& text) {
  const std::size_t last = text.rfind(':');
  const std::string container = text.substr(last == std::string::npos ? 0 : last + 1);
  std::string before = last == std::string::npos ? container : text.substr(0, last);
  std::string address = kLoopback;
  if (const std::size_t colon = before.rfind(':'); colon != std::string::npos) {
    address = before.substr(0, colon);
    before = before.substr(colon + 1);
  }
  const bool is_address =
      !address.empty() &&
      address.find_first_not_of("0123456789abcdefABCDEF.:[]") == std::string::npos;
  if (!is_port(container) || !is_port(before) || !is_address) {
    return fail(
        Error(Errc::usage, fmt::format("'{}' is no port to publish", text))
            .hint("--publish 8080:80, or --publish 0.0.0.0:8080:80 for other machines too"));
  }
  return fmt::format("{}:{}:{}", address, before, container);
}

Result<Wish> read_wish(App& app, const env::Git& git, const env::Contract& contract,
                       const env::Pin& pin, const std::vector<std::string>& program) {
  const Engine engine = TRY(find_engine(app.args().value("engine")));
  EnvStart start{.image = env::image_name(contract, pin), .tree = git.top()};
  start.annotation = contract.annotation()->to_string() + "@" + pin.digest.to_string();
  start.gpu_options = TRY(gpu_options(engine, app.args().value("gpus").value_or("all")));
  start.ports = TRY(ports_of(app));
  start.environment_file = TRY(environment_file(app, git));
  start.engine_options = app.args().values("engine-option");
  start.has_terminal = is_interactive();
  start.plain_http = speaks_plain_http(app, contract.repository.host);
  start.words = program_of(app, program);
  // podman without root makes its root the person outside; docker's root is root, and would leave
  // files in the working tree that nobody can change.
  if (engine == Engine::docker && ::geteuid() != 0) {
    start.user = fmt::format("{}:{}", ::geteuid(), ::getegid());
  }
  start.folder = start.tree;
  const std::string common = TRY(git.common_directory());
  if (!common.starts_with(start.tree + "/")) start.repository = common;
  return Wish{engine, std::move(start)};
}

Result<int> start(App& app, const Wish& wish) {
  TRY(check_mountable(wish.start.tree));
  TRY(check_mountable(wish.start.repository));
  const int status = TRY(run_in_foreground(command_line(wish.engine, wish.start), app.stop()));
  if (status != kEngineFailed) return status;
  return fail(
      Error(Errc::unavailable,
            fmt::format("{} did not start the container; its reason stands above",
                        to_string(wish.engine)))
          .with("exit_code", std::to_string(kEngineFailed))
          .hint(fmt::format("imgforge probe {} explains refusals about GPUs; without a GPU: "
                            "--gpus none",
                            wish.start.image)));
}

std::string shown(const std::vector<std::string>& words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back(base::shell_quote(word));
  return base::join(quoted, " ");
}

}  // namespace imgforge::cli

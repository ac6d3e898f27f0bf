#include "cli/app.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/reference.h"
#include "cli/version.h"

namespace imgforge::cli {
namespace {

constexpr Option kCommon[] = {
    {"help", 'h', "", "show this help"},
    {"json", 0, "", "print the result as JSON"},
    {"store", 0, "DIR", "the store (default ~/.local/share/imgforge/store, or IMGFORGE_STORE)"},
    {"config", 0, "FILE", "the configuration file"},
    {"progress", 0, "MODE", "auto, terminal, plain, json or none (default auto)"},
};

std::vector<Option> all_options(const Command& command) {
  std::vector<Option> options(command.options.begin(), command.options.end());
  options.insert(options.end(), std::begin(kCommon), std::end(kCommon));
  return options;
}

/// Names of two words, as "env pin", go before their first word alone.
const Command* find_command(std::span<const std::string> words) {
  const Command* found = nullptr;
  for (const Command& command : commands()) {
    if (command.name == words[0] && found == nullptr) found = &command;
    if (words.size() > 1 && command.name == words[0] + " " + words[1]) found = &command;
  }
  return found;
}

Error unknown_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command& command : commands()) {
    if (!is_part(command)) names.push_back(command.name);
  }
  const auto near = base::nearest(name, names);
  return Error(Errc::usage, fmt::format("there is no command '{}'", name))
      .hint(near ? fmt::format("did you mean 'imgforge {}'?", *near) : "imgforge --help");
}

struct Reporting {
  bool json = false;
  bool colour = false;
};

int report(const Error& error, const Reporting& reporting) {
  if (reporting.json) (void)print(error_json(error));
  const std::string text = render_error(error, reporting.colour);
  std::fwrite(text.data(), 1, text.size(), stderr);
  return exit_code(error);
}

Result<int> invoke(const Command& command, const std::vector<std::string>& words,
                   const std::map<std::string, std::string>& environment, const std::string& self,
                   std::stop_token stop) {
  const auto options = all_options(command);
  Args args = TRY(Args::parse(std::string(command.name), options, words));
  if (args.flag("help")) {
    TRY(print(help_of(command)));
    return 0;
  }
  Settings settings = TRY(load_settings(environment, args.value("config").value_or(""), self));
  if (const auto store = args.value("store")) settings.store_directory = *store;
  App app(std::move(settings), std::move(args), self, stop);
  TRY(app.open_progress());
  return command.run(app);
}

}  // namespace

App::App(Settings settings, Args args, std::string self, std::stop_token stop)
    : settings_(std::move(settings)),
      args_(std::move(args)),
      self_(std::move(self)),
      stop_(std::move(stop)) {}

App::~App() = default;

std::size_t App::workers() const {
  if (settings_.workers != 0) return settings_.workers;
  return processors();
}

std::size_t App::processors() const { return std::max(1U, std::thread::hardware_concurrency()); }

Result<> App::open_progress() {
  progress_ = TRY(make_progress(args_.value("progress").value_or("auto"), stderr,
                                colour_wanted(stderr, settings_.no_color)));
  return {};
}

void App::close_progress() {
  sources_.reset();
  images_.reset();
  auto quiet = make_progress("none", stderr, false);
  progress_ = std::move(*quiet);
}

Result<store::Store*> App::store() {
  if (!store_) {
    store_.emplace(TRY(store::Store::open(TRY(base::absolute_path(settings_.store_directory)))));
  }
  return &*store_;
}

Result<sources::Sources*> App::sources() {
  if (!sources_) {
    store::Store* store = TRY(this->store());
    sources_ = std::make_unique<sources::Sources>(
        TRY(sources::Addresses::load(settings_.addresses)), *store, *progress_);
  }
  return sources_.get();
}

RegistryImages& App::images() {
  if (!images_) {
    images_ = std::make_unique<RegistryImages>(
        settings_.registries, settings_.addresses.environment,
        RegistryImages::Transport{.plain_http = args_.flag("plain-http"),
                                  .verify_tls = !args_.flag("tls-skip-verify")},
        *progress_);
  }
  return *images_;
}

Result<const Signer*> App::signer() {
  if (opening_.valid()) signer_ = TRY(opening_.get());
  if (!signer_) signer_ = TRY(Signer::open(*this));
  return signer_.get();
}

Result<> App::prepare_signer() {
  if (signer_ || opening_.valid()) return {};
  if (TRY(given_passphrase(*this))) {
    opening_ = std::async(std::launch::async, [this] { return Signer::open(*this); });
  } else {
    TRY(signer());
  }
  return {};
}

bool is_part(const Command& command) { return command.name.find(' ') != std::string_view::npos; }

std::span<const Option> common_options() { return kCommon; }

std::string help_of(const Command& command) {
  std::string out =
      fmt::format("{}\n\nUsage: imgforge {} {}\n", command.summary, command.name, command.synopsis);
  if (!command.details.empty()) out += fmt::format("\n{}\n", command.details);
  out += "\nOptions:\n";
  std::vector<std::pair<std::string, std::string>> rows;
  std::size_t width = 0;
  for (const Option& option : all_options(command)) {
    std::string left = option.letter != 0 ? fmt::format("-{}, ", option.letter) : "    ";
    left += fmt::format("--{}", option.name);
    if (!option.placeholder.empty()) left += fmt::format(" {}", option.placeholder);
    width = std::max(width, left.size());
    rows.emplace_back(std::move(left), option.help);
  }
  for (const auto& [left, right] : rows) out += fmt::format("  {:<{}}  {}\n", left, width, right);
  return out;
}

std::string overview() {
  std::string out = fmt::format(
      "imgforge {}: images for GPU work, built from a locked specification, the same bytes every "
      "time\n\n"
      "Usage: imgforge COMMAND [options]\n\nCommands:\n",
      kVersion);
  for (const Command& command : commands()) {
    if (!is_part(command)) out += fmt::format("  {:<12}{}\n", command.name, command.summary);
  }
  return out +
         "\nStart:\n"
         "  imgforge lock specs/tiny.yaml       resolve every input, once\n"
         "  imgforge build specs/tiny.yaml      build from the lock\n"
         "  imgforge doctor                     what this machine lacks, and how to mend it\n"
         "\n'imgforge COMMAND --help' shows a command's options and examples.\n";
}

int run_app(const std::vector<std::string>& words,
            const std::map<std::string, std::string>& environment, const std::string& self,
            std::stop_token stop) {
  Reporting reporting;
  reporting.json = std::find(words.begin(), words.end(), "--json") != words.end();
  const auto no_color = environment.find("NO_COLOR");
  reporting.colour =
      colour_wanted(stderr, no_color != environment.end() && !no_color->second.empty());
  const auto show = [&](const std::string& text) {
    const auto printed = print(text);
    return printed ? 0 : report(printed.error(), reporting);
  };
  if (words.empty()) {
    const std::string text = overview();
    std::fwrite(text.data(), 1, text.size(), stderr);
    return 2;
  }
  if (words[0] == "--help" || words[0] == "-h") return show(overview());
  if (words[0] == "--version") return show(fmt::format("imgforge {}\n", kVersion));
  if (words[0] == "help") {
    if (reporting.json) return show(reference_json());
    if (words.size() < 2) return show(overview());
    const Command* command = find_command(std::span(words).subspan(1));
    return command != nullptr ? show(help_of(*command))
                              : report(unknown_command(words[1]), reporting);
  }
  const Command* command = find_command(words);
  if (command == nullptr) return report(unknown_command(words[0]), reporting);
  const std::ptrdiff_t named = is_part(*command) ? 2 : 1;
  const auto code = invoke(*command, {words.begin() + named, words.end()}, environment, self, stop);
  return code ? *code : report(code.error(), reporting);
}

}  // namespace imgforge::cli

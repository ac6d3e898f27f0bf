// harbor apply and harbor status: a project in Harbor, from a policy.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "cli/words.h"
#include "harbor/names.h"
#include "harbor/overview.h"
#include "harbor/render.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"host", 0, "HOST", "the Harbor (default: 'host' of the policy)"},
    {"yes", 'y', "", "apply: ask nobody"},
    {"dry-run", 'n', "", "apply: only show what would change"},
    {"secrets-file", 0, "FILE", "apply: secrets of new robots go here (JSON, mode 0600)"},
    {"secrets-command", 0, "COMMAND", "apply: or to this program's standard input, one at a time"},
    {"renew", 0, "ROBOT", "apply: this robot of the policy gets another secret", true},
    {"all", 'a', "", "show also what is as wanted"},
    IMGFORGE_REGISTRY_OPTIONS,
};

constexpr std::size_t kLargestPolicy = 1 << 20;

base::Seconds now() { return {static_cast<std::int64_t>(std::time(nullptr))}; }

Result<std::string> checked_host(std::string host) {
  if (oci::Reference::parse(host + "/x")) return host;
  return fail(Error(Errc::usage, "'" + host + "' is no address of a Harbor")
                  .hint("write host or host:port, without https:// and without a path"));
}

/// A project's policy and the Harbor that it is for. Borrows the app's connections, which end with
/// its progress.
struct Subject {
  harbor::Policy policy;
  harbor::Client client;
  std::string place;  // "harbor.example/ml"
};

Result<Subject> open_policy(App& app, const std::string& file) {
  const std::string text = TRY(base::read_file(file, kLargestPolicy));
  harbor::Policy policy = TRY(harbor::parse_policy(text, file));
  const std::string named = app.args().value("host").value_or(policy.host);
  if (named.empty()) {
    return fail(Error(Errc::usage, file + " does not say which Harbor it is for")
                    .hint("add 'host: harbor.example' to it, or give --host HOST"));
  }
  const std::string host = TRY(checked_host(named));
  harbor::Connection connection = TRY(app.images().harbor(host, policy.project, app.stop()));
  std::string place = host + "/" + policy.project;
  return Subject{std::move(policy), harbor::Client(std::move(connection)), std::move(place)};
}

Result<std::unique_ptr<harbor::SecretSink>> secret_sink(const App& app) {
  const auto file = app.args().value("secrets-file");
  const auto command = app.args().value("secrets-command");
  if (file && command) {
    return fail(Errc::usage, "secrets go to one place: --secrets-file or --secrets-command");
  }
  std::unique_ptr<harbor::SecretSink> sink = std::make_unique<harbor::NoSecretSink>();
  if (file) sink = std::make_unique<harbor::SecretFile>(*file);
  if (command) {
    std::vector<std::string> words = TRY(split_words(*command));
    sink = std::make_unique<harbor::SecretCommand>(std::move(words));
  }
  return sink;
}

Result<harbor::Plan> difference(App& app, const Subject& subject) {
  const harbor::State state = TRY(harbor::read_state(subject.client, subject.policy, app.stop()));
  harbor::PlanOptions options{.now = now()};
  for (const std::string& robot : app.args().values("renew")) options.renew.insert(robot);
  return harbor::make_plan(subject.policy, state, options);
}

Result<base::Json> plan_document(const Subject& subject, const harbor::Plan& plan) {
  base::Json document = TRY(base::parse_json(harbor::plan_json(plan), "the plan"));
  document["host"] = subject.client.connection().options().host;
  return document;
}

/// The result and, where it stopped, why: one document on stdout, one error on stderr.
Result<int> report(App& app, const Subject& subject, const harbor::Plan& plan,
                   harbor::Applied applied) {
  app.close_progress();
  if (!app.json()) {
    TRY(print(harbor::applied_table(applied)));
    if (applied.error) {
      return fail(std::move(*applied.error).context("applying the policy to " + subject.place));
    }
    TRY(print(fmt::format("{} is as the policy wants it\n", subject.place)));
    return 0;
  }
  base::Json document = TRY(plan_document(subject, plan));
  document["applied"] = TRY(base::parse_json(harbor::applied_json(applied), "what was done"));
  return print_judgement(app, std::move(document), applied.error ? &*applied.error : nullptr);
}

/// Whether to go on; refused early where nobody could be asked, so that a pipeline without --yes
/// fails on its first day and not on the day of its first difference.
Result<> check_consent(const App& app) {
  if (app.args().flag("yes") || app.args().flag("dry-run")) return {};
  if (!app.json() && has_terminal()) return {};
  return fail(Error(Errc::usage, "'harbor apply' changes a project, and there is nobody to ask")
                  .hint("--yes applies without asking; --dry-run only shows the difference"));
}

Result<int> apply(App& app, const std::string& file) {
  TRY(check_consent(app));
  const auto sink = TRY(secret_sink(app));
  const Subject subject = TRY(open_policy(app, file));
  const harbor::Plan plan = TRY(difference(app, subject));
  const bool dry = app.args().flag("dry-run");
  if (!app.json()) TRY(print(harbor::plan_table(plan, app.args().flag("all"))));
  if (dry || plan.empty()) {
    app.close_progress();
    if (app.json()) {
      TRY(print(base::pretty_json(TRY(plan_document(subject, plan)))));
    } else if (plan.empty()) {
      TRY(print(subject.place + ": nothing to do\n"));
    }
    return 0;
  }
  if (plan.makes_secrets()) {
    if (!app.args().flag("secrets-file") && !app.args().flag("secrets-command")) {
      return fail(Error(Errc::usage, "this makes secrets of robots, and nothing says where they go")
                      .hint("--secrets-file FILE, or --secrets-command 'PROGRAM ARGUMENTS'"));
    }
    TRY(sink->ready());
  }
  if (!app.args().flag("yes") &&
      !TRY(confirm("apply this to " + subject.place + "? [y/N] ", app.stop()))) {
    TRY(print("nothing was changed\n"));
    return 1;
  }
  return report(app, subject, plan, harbor::apply(plan, subject.client, *sink, {}, app.stop()));
}

Result<int> status_of_policy(App& app, const std::string& file) {
  const Subject subject = TRY(open_policy(app, file));
  const harbor::Plan plan = TRY(difference(app, subject));
  app.close_progress();
  const bool in_order = plan.empty();
  if (app.json()) {
    base::Json document = TRY(plan_document(subject, plan));
    document["in_order"] = in_order;
    TRY(print(base::pretty_json(document)));
  } else {
    TRY(print(harbor::plan_table(plan, app.args().flag("all"))));
    TRY(print(subject.place + (in_order ? " is as the policy wants it\n"
                                        : " differs from the policy: 'imgforge harbor apply'\n")));
  }
  return in_order ? 0 : exit_code(Errc::refused);
}

Result<int> status_of_project(App& app, const std::string& place) {
  const std::size_t slash = place.find('/');
  const std::string project = place.substr(slash + 1);
  if (!harbor::is_project_name(project)) {
    return fail(Error(Errc::usage, "'" + place + "' is neither a policy file nor HOST/PROJECT")
                    .hint("imgforge harbor status harbor.example/ml"));
  }
  const std::string host = TRY(checked_host(place.substr(0, slash)));
  const harbor::Client client(TRY(app.images().harbor(host, project, app.stop())));
  const harbor::Overview overview = TRY(harbor::read_overview(client, project, now(), app.stop()));
  app.close_progress();
  TRY(print(app.json() ? harbor::overview_json(overview) : harbor::overview_table(overview)));
  return 0;
}

Result<int> run(App& app) {
  TRY(expect_words(app, 2, "harbor", "apply POLICY, or status with POLICY or HOST/PROJECT"));
  const std::string& what = app.args().positional()[0];
  const std::string& subject = app.args().positional()[1];
  if (what == "apply") return apply(app, subject);
  if (what != "status") {
    return fail(Error(Errc::usage, "there is no 'harbor " + what + "'")
                    .hint("imgforge harbor apply|status"));
  }
  for (const char* option : {"yes", "dry-run", "secrets-file", "secrets-command", "renew"}) {
    if (app.args().flag(option)) {
      return fail(Errc::usage, fmt::format("harbor status: --{} belongs to apply", option));
    }
  }
  const bool is_file = base::exists(subject) || subject.ends_with(".yaml") ||
                       subject.ends_with(".yml") || subject.ends_with(".json");
  if (is_file) return status_of_policy(app, subject);
  if (subject.find('/') != std::string::npos) return status_of_project(app, subject);
  return fail(Error(Errc::usage, "'" + subject + "' is neither a policy file nor HOST/PROJECT")
                  .hint("imgforge harbor status harbor.example/ml"));
}

}  // namespace

Command harbor_command() {
  return {.name = "harbor",
          .summary = "make a project in Harbor what its policy says: apply, status",
          .synopsis = "apply POLICY | status POLICY | status HOST/PROJECT [options]",
          .details =
              "apply shows the difference, asks, and does it; what is as wanted is left alone. "
              "Secrets of new robots go to\n"
              "the file or program that you name, and nowhere else. status with a policy ends with "
              "0 when the project is as\n"
              "it says and with 7 when not; with HOST/PROJECT it shows what is there. The login is "
              "that of 'imgforge login HOST'.\n\n"
              "Examples:\n"
              "  imgforge harbor apply harbor/ml.yaml --dry-run\n"
              "  imgforge harbor apply harbor/ml.yaml --yes --secrets-file robots.json\n"
              "  imgforge harbor apply harbor/ml.yaml --yes --renew ci --secrets-command "
              "'vault-put ml/robots'\n"
              "  imgforge harbor status harbor/ml.yaml\n"
              "  imgforge harbor status harbor.example/ml",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli

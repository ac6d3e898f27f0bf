#include "cli/promotion.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/repositories.h"
#include "cli/trust.h"
#include "evidence/probe_report.h"

namespace imgforge::cli {
namespace {

/// The owner of a failure, which the report names and the predicate's front does not.
std::string owner_of(const std::string& report) {
  const auto json = base::parse_json(report, "the probe's report");
  if (!json || !json->is_object()) return {};
  const auto verdict = json->find("verdict");
  if (verdict == json->end() || !verdict->is_object()) return {};
  const auto owner = verdict->find("owner");
  return owner != verdict->end() && owner->is_string() ? owner->get<std::string>() : "";
}

Result<release::ProbeReport> read_probe(std::string_view predicate) {
  const evidence::ProbeReport read = TRY(evidence::parse_probe_predicate(predicate));
  release::ProbeReport report;
  report.passed = read.passed();
  report.owner = read.passed() ? "nobody" : owner_of(read.report);
  report.sentence = read.sentence;
  report.driver = read.driver;
  report.when = read.probed_at;
  for (const evidence::ProbedDevice& device : read.devices) {
    report.gpus.push_back({device.name, device.compute_capability});
  }
  return report;
}

}  // namespace

Result<Releasing> open_releasing(App& app) {
  Releasing releasing;
  releasing.file = app.args().value("policy").value_or(app.settings().channel_policy);
  if (!releasing.file.empty()) {
    const std::string text =
        TRY(base::with_context(base::read_file(releasing.file), "reading the channel policy"));
    releasing.policy = TRY(release::ChannelPolicy::parse(text, releasing.file));
  }
  releasing.tools.verify = TRY(make_verifier(app, releasing.file));
  releasing.tools.probe = {evidence::kProbeReportPredicate, read_probe};
  return releasing;
}

Result<Releasing> open_channels(App& app) {
  Releasing releasing = TRY(open_releasing(app));
  if (!releasing.policy) {
    return fail(Error(Errc::usage, "no channel policy says what the channels are")
                    .hint("give --policy FILE, or write channel_policy: FILE in the configuration; "
                          "docs/formats/channels.md has an example"));
  }
  return releasing;
}

Result<> let_sign(App& app, Releasing& releasing) {
  releasing.tools.sign = TRY(make_record_signer(app));
  return {};
}

std::string who_asks(const App& app) {
  const auto& environment = app.settings().addresses.environment;
  for (const char* name : {"IMGFORGE_ACTOR", "GITLAB_USER_LOGIN", "GITHUB_ACTOR"}) {
    const auto found = environment.find(name);
    if (found != environment.end() && !found->second.empty()) return found->second;
  }
  if (const passwd* person = ::getpwuid(::geteuid()); person != nullptr) return person->pw_name;
  return fmt::format("user {}", ::geteuid());
}

Result<Moved> move_channel(App& app, release::MovePlan plan, release::Repository& source,
                           release::Repository& target, const Releasing& releasing, bool dry_run) {
  Moved moved{std::move(plan), std::nullopt};
  if (dry_run) return moved;
  // Whatever is wrong with the key comes before anything is sent.
  if (!moved.plan.is_there()) TRY(app.signer());
  moved.result = TRY(release::carry_out(moved.plan, source, target, releasing.tools, app.stop()));
  if (moved.result->moved) {
    const auto labels = label_image(target, moved.plan.image.descriptor.digest, {"promoted"});
    if (!labels) {
      app.progress().note("the image was not labelled: " + labels.error().message());
    }
    if (labels && !labels->empty()) moved.result->done.push_back("labelled the image: promoted");
  }
  return moved;
}

}  // namespace imgforge::cli

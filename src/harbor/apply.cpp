#include "harbor/apply.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::harbor {
namespace {

class Applier {
 public:
  Applier(const Plan& plan, const Client& client, SecretSink& secrets, std::stop_token stop)
      : plan_(plan), client_(client), secrets_(secrets), stop_(std::move(stop)) {}

  Result<> operator()(std::monostate) { return {}; }

  Result<> operator()(const CreateProject& step) {
    project_.reset();
    return client_.create_project(plan_.project, step.is_public, stop_);
  }

  Result<> operator()(const SetMetadata& step) {
    Project& now = *TRY(project());
    TRY(client_.set_metadata(now, step.values, stop_));
    for (const auto& [key, value] : step.values) now.metadata[key] = value;
    return {};
  }

  Result<> operator()(const SetQuota& step) {
    return client_.set_quota(*TRY(project()), step.limit, stop_);
  }

  Result<> operator()(const SetScanner& step) {
    const auto scanners = TRY(client_.scanners(plan_.project, stop_));
    const auto found = std::find_if(scanners.begin(), scanners.end(),
                                    [&](const Scanner& one) { return one.name == step.name; });
    if (found != scanners.end()) return client_.set_scanner(plan_.project, *found, stop_);
    return fail(Errc::not_found, "Harbor has no scanner \"" + step.name + "\"");
  }

  Result<> operator()(const PutLabel& step) {
    const Project& now = *TRY(project());
    return step.label.id == 0 ? client_.create_label(now, step.label, stop_)
                              : client_.update_label(now, step.label, stop_);
  }
  Result<> operator()(const DeleteLabel& step) { return client_.delete_label(step.label, stop_); }

  Result<> operator()(const PutRule& step) {
    return step.rule.id == 0 ? client_.create_rule(plan_.project, step.rule, stop_)
                             : client_.update_rule(plan_.project, step.rule, stop_);
  }
  Result<> operator()(const DeleteRule& step) {
    return client_.delete_rule(plan_.project, step.id, stop_);
  }

  Result<> operator()(const PutRetention& step) {
    const Project& now = *TRY(project());
    return step.retention.id == 0 ? client_.create_retention(now, step.retention, stop_)
                                  : client_.update_retention(now, step.retention, stop_);
  }

  Result<> operator()(const CreateRobot& step) { return create(step.robot, step.short_name); }
  Result<> operator()(const UpdateRobot& step) { return client_.update_robot(step.robot, stop_); }
  Result<> operator()(const DeleteRobot& step) {
    return client_.delete_robot(step.id, step.name, stop_);
  }

  Result<> operator()(const RenewRobot& step) {
    if (step.robot.days != kForever) {
      TRY(client_.delete_robot(step.robot.id, step.robot.name, stop_));
      return create(step.robot, step.short_name);
    }
    TRY(client_.update_robot(step.robot, stop_));
    const RobotSecret secret = TRY(client_.renew_secret(step.robot, stop_));
    auto delivered = secrets_.deliver(secret);
    if (delivered) return {};
    return fail(std::move(delivered).error().context("the new secret of " + step.robot.name +
                                                     " is lost: renew it again"));
  }

 private:
  Result<Project*> project() {
    if (!project_) {
      project_ = TRY(client_.project(plan_.project, stop_));
      if (!project_) return fail(Errc::not_found, "the project " + plan_.project + " has gone");
    }
    return &*project_;
  }

  Result<> create(const Robot& robot, const std::string& short_name) {
    const RobotSecret secret = TRY(client_.create_robot(robot, short_name, stop_));
    if (secret.name != robot.name) {
      return undo(secret,
                  Error(Errc::invalid, "this Harbor calls the robot " + secret.name +
                                           ", the policy expects " + robot.name)
                      .hint("set robot_prefix in the policy to what stands before its name"));
    }
    auto delivered = secrets_.deliver(secret);
    if (!delivered) return undo(secret, std::move(delivered).error());
    // Harbor makes every robot enabled (2.15: a new robot's "disable" is not read).
    if (!robot.disabled) return {};
    Robot disabled = robot;
    disabled.id = secret.id;
    return client_.update_robot(disabled, stop_);
  }

  /// A robot whose secret nobody has is of no use; without it the next apply makes it again.
  Result<> undo(const RobotSecret& secret, Error why) {
    const auto deleted = client_.delete_robot(secret.id, secret.name, {});
    if (deleted) return fail(std::move(why));
    return fail(std::move(why).context("the robot " + secret.name +
                                       " was made and its secret is lost: renew it"));
  }

  const Plan& plan_;
  const Client& client_;
  SecretSink& secrets_;
  std::stop_token stop_;
  std::optional<Project> project_;
};

}  // namespace

Applied apply(const Plan& plan, const Client& client, SecretSink& secrets,
              const std::function<void(const Change&)>& announce, std::stop_token stop) {
  Applied applied;
  std::vector<const Change*> todo;
  for (const Change& change : plan.changes) {
    if (change.changes()) todo.push_back(&change);
  }
  std::size_t next = 0;
  if (plan.makes_secrets()) {
    if (auto ready = secrets.ready(); !ready) applied.error = std::move(ready).error();
  }
  Applier applier(plan, client, secrets, stop);
  for (; next < todo.size() && !applied.error; ++next) {
    auto result = stop.stop_requested() ? Result<>(fail(Errc::cancelled, "interrupted"))
                                        : std::visit(applier, todo[next]->step);
    if (!result) {
      applied.refused = *todo[next];
      applied.error = std::move(result).error().with("done", std::to_string(applied.done.size()));
      continue;
    }
    applied.done.push_back(*todo[next]);
    if (announce) announce(*todo[next]);
  }
  for (; next < todo.size(); ++next) applied.left.push_back(*todo[next]);
  return applied;
}

}  // namespace imgforge::harbor

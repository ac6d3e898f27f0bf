#include "sandbox/request.h"

#include <array>

#include "base/json.h"

namespace imgforge::sandbox {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::array<std::string_view, 4> kActions{"unpack", "run", "construct", "remove"};
constexpr std::size_t kReportedText = 16 * 1024;  // a report must fit into a pipe

std::string action_name(Request::Action action) {
  return std::string(kActions.at(static_cast<std::size_t>(action)));
}

Json rules_json(const std::vector<CaptureRule>& rules) {
  Json out = Json::array();
  for (const CaptureRule& rule : rules) {
    out.push_back(
        {{"pattern", rule.pattern}, {"empty", rule.action == CaptureRule::Action::empty}});
  }
  return out;
}

Result<std::vector<CaptureRule>> read_rules(JsonReader& reader) {
  std::vector<CaptureRule> rules;
  for (JsonReader& entry : reader.objects("rules")) {
    CaptureRule rule;
    rule.pattern = entry.text("pattern");
    if (entry.flag_or("empty", false)) rule.action = CaptureRule::Action::empty;
    TRY(entry.finish());
    rules.push_back(std::move(rule));
  }
  return rules;
}

Json step_json(const Step& step) {
  Json binds = Json::array();
  for (const auto& [from, to] : step.read_only_binds) binds.push_back({{"from", from}, {"to", to}});
  return {{"argv", step.argv},
          {"env", step.env},
          {"directory", step.directory},
          {"binds", binds},
          {"tmpfs", step.tmpfs},
          {"epoch", step.epoch.value},
          {"rules", rules_json(step.rules)}};
}

Result<Step> read_step(JsonReader reader) {
  Step step;
  step.argv = reader.texts("argv");
  step.env = reader.text_map_or_empty("env");
  step.directory = reader.text("directory");
  for (JsonReader& bind : reader.objects("binds")) {
    std::string from = bind.text("from"), to = bind.text("to");
    TRY(bind.finish());
    step.read_only_binds.emplace_back(std::move(from), std::move(to));
  }
  step.tmpfs = reader.texts("tmpfs");
  step.epoch.value = static_cast<std::int64_t>(reader.number("epoch"));
  step.rules = TRY(read_rules(reader));
  TRY(reader.finish());
  return step;
}

Json construction_json(const Construction& construction) {
  return {{"argv", construction.argv},
          {"env", construction.env},
          {"target", construction.target},
          {"epoch", construction.epoch.value},
          {"rules", rules_json(construction.rules)}};
}

Result<Construction> read_construction(JsonReader reader) {
  Construction construction;
  construction.argv = reader.texts("argv");
  construction.env = reader.text_map_or_empty("env");
  construction.target = reader.text("target");
  construction.epoch.value = static_cast<std::int64_t>(reader.number("epoch"));
  construction.rules = TRY(read_rules(reader));
  TRY(reader.finish());
  return construction;
}

}  // namespace

std::string format_request(const Request& request) {
  Json out{{"action", action_name(request.action)},
           {"enter_user_namespace", request.enter_user_namespace},
           {"report_fd", request.report_fd}};
  switch (request.action) {
    case Request::Action::unpack:
      out["blob"] = request.blob;
      out["tree"] = request.tree;
      break;
    case Request::Action::remove:
      out["tree"] = request.tree;
      break;
    case Request::Action::run:
      out["work"] = request.work;
      out["trees"] = request.trees;
      out["step"] = step_json(request.step);
      break;
    case Request::Action::construct:
      out["construction"] = construction_json(request.construction);
      break;
  }
  return base::canonical_json(out);
}

Result<Request> parse_request(const std::string& text) {
  const Json document = TRY(base::parse_json(text, "the sandbox request"));
  JsonReader reader(document, "request");
  Request request;
  const std::string action = reader.text("action");
  request.enter_user_namespace = reader.flag_or("enter_user_namespace", false);
  request.report_fd = static_cast<int>(reader.number("report_fd"));
  if (action == "unpack") {
    request.action = Request::Action::unpack;
    request.blob = reader.text("blob");
    request.tree = reader.text("tree");
  } else if (action == "remove") {
    request.action = Request::Action::remove;
    request.tree = reader.text("tree");
  } else if (action == "run") {
    request.action = Request::Action::run;
    request.work = reader.text("work");
    request.trees = reader.texts("trees");
    if (auto step = reader.object("step")) request.step = TRY(read_step(*std::move(step)));
  } else if (action == "construct") {
    request.action = Request::Action::construct;
    if (auto construction = reader.object("construction")) {
      request.construction = TRY(read_construction(*std::move(construction)));
    }
  } else {
    reader.reject("action", "is unknown");
  }
  TRY(reader.finish());
  return request;
}

std::string format_report(const Error& error) {
  return base::canonical_json(Json{{"code", static_cast<int>(error.code())},
                                   {"message", error.summary().substr(0, kReportedText)},
                                   {"hint", error.hint().substr(0, kReportedText)}});
}

Error parse_report(const std::string& text) {
  const auto read = [&]() -> Result<Error> {
    const Json document = TRY(base::parse_json(text, "the sandbox report"));
    JsonReader reader(document, "report");
    const auto code = reader.number("code");
    std::string message = reader.text("message"), hint = reader.text("hint");
    TRY(reader.finish());
    if (code > static_cast<std::uint64_t>(Errc::internal)) {
      return fail(Errc::internal, "the sandbox reported an unknown kind of error");
    }
    Error error(static_cast<Errc>(code), std::move(message));
    return hint.empty() ? error : std::move(error).hint(std::move(hint));
  };
  auto error = read();
  return error ? *std::move(error) : std::move(error.error());
}

}  // namespace imgforge::sandbox

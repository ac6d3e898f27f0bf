// env verify: a pipeline's question, whether every commit of a range keeps the contract.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/env_images.h"
#include "cli/output.h"
#include "env/message.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"branch", 0, "NAME",
     "the branch whose rule counts, as pipelines check out commits (default: the one checked out)"},
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

/// What was found for one commit. Without a finding it keeps the contract.
struct Row {
  const env::Commit* commit;
  std::optional<env::Contract> contract;
  std::string annotation;
  std::optional<env::Finding> finding;
};

using Pins = std::map<std::string, std::optional<env::Pin>>;

/// Whether a merge has the pin of one of its parents.
bool keeps_a_parents_pin(const env::Commit& commit, const env::Contract& contract,
                         const Pins& pins) {
  return std::any_of(commit.parents.begin(), commit.parents.end(), [&](const std::string& parent) {
    const auto found = pins.find(parent);
    return found != pins.end() && found->second && contract.pin &&
           found->second->digest == contract.pin->digest;
  });
}

Result<> judge(Row& row, const Pins& pins, const std::optional<std::string>& branch,
               EnvImages& images) {
  const env::Commit& commit = *row.commit;
  if (!commit.contract) {
    row.finding = {env::FindingKind::no_contract,
                   fmt::format("there is no {} at this commit", env::kContractFile),
                   "begin the range behind the commit that added it"};
    return {};
  }
  auto parsed = env::Contract::parse(*commit.contract, env::kContractFile);
  if (!parsed) {
    row.finding = {
        env::FindingKind::bad_contract,
        fmt::format("line {}: {}", parsed.error().where().line, parsed.error().message()),
        parsed.error().hint()};
    return {};
  }
  row.contract = *std::move(parsed);
  const env::Contract& contract = *row.contract;
  const auto agreement =
      env::judge_message(commit.message, contract,
                         {.is_merge = commit.parents.size() > 1,
                          .keeps_a_parents_pin = keeps_a_parents_pin(commit, contract, pins)});
  if (agreement) {
    if (const auto* finding = std::get_if<env::Finding>(&*agreement)) {
      row.finding = *finding;
      return {};
    }
    const auto annotation = TRY(env::read_annotation(commit.message));
    row.annotation = annotation->to_string();
    row.finding = TRY(images.settle(*agreement, *annotation, contract));
  }
  if (!row.finding) row.finding = TRY(images.judge_pin(contract, *contract.pin));
  // Commits that a merge brought in are held to their own branch's rule, on that branch.
  if (!row.finding && branch && commit.is_on_first_parents) {
    row.finding = env::check_branch(contract, *branch);
  }
  return {};
}

Pins pins_of(const env::Git::Range& range) {
  Pins pins;
  for (const auto* list : {&range.commits, &range.before}) {
    for (const env::Commit& one : *list) {
      if (!one.contract) continue;
      const auto contract = env::Contract::parse(*one.contract, env::kContractFile);
      if (contract) pins[one.id] = contract->pin;
    }
  }
  return pins;
}

std::optional<Error> verdict(const std::vector<Row>& rows) {
  const Row* first = nullptr;
  std::size_t count = 0;
  for (const Row& row : rows) {
    if (!row.finding) continue;
    ++count;
    // What is in doubt weighs more than a rule.
    if (first == nullptr ||
        (env::is_verification(row.finding->kind) && !env::is_verification(first->finding->kind))) {
      first = &row;
    }
  }
  if (first == nullptr) return std::nullopt;
  return Error(env::is_verification(first->finding->kind) ? Errc::mismatch : Errc::refused,
               fmt::format("the contract is not kept by {} of {} commits; {}: {}", count,
                           rows.size(), first->commit->id.substr(0, 12), first->finding->sentence))
      .hint(first->finding->hint);
}

std::string pinned_text(const Row& row) {
  if (!row.contract || !row.contract->pin) return "-";
  return fmt::format("{} {}", row.contract->annotation()->to_string(),
                     row.contract->pin->digest.short_hex());
}

base::Json to_json(const Row& row) {
  base::Json json = {
      {"commit", row.commit->id},
      {"subject", row.commit->subject()},
      {"result", row.finding ? std::string(env::to_string(row.finding->kind)) : "ok"}};
  if (row.contract && row.contract->pin) {
    json["image"] = env::image_name(*row.contract, *row.contract->pin);
    json["tag"] = row.contract->pin->tag.to_string();
  }
  if (!row.annotation.empty()) json["annotation"] = row.annotation;
  if (row.finding) {
    json["why"] = row.finding->sentence;
    json["hint"] = row.finding->hint;
  }
  return json;
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "env verify", "a range of commits, A..B"));
  const auto git = TRY(env::Git::open(".", app.stop()));
  sign::TrustPolicy policy = TRY(trust_for(app, nullptr, ""));
  const auto range = TRY(git.range(app.args().positional()[0], env::kContractFile));
  auto branch = app.args().value("branch");
  if (!branch) branch = TRY(git.branch());
  if (branch && branch->empty()) {
    return fail(Error(Errc::usage, "--branch names no branch")
                    .hint("is the pipeline's variable set? --branch \"$CI_COMMIT_BRANCH\""));
  }
  EnvImages images(app, std::move(policy));
  const Pins pins = pins_of(range);
  std::vector<Row> rows;
  for (const env::Commit& commit : range.commits) {
    Row row{.commit = &commit, .contract = {}, .annotation = {}, .finding = {}};
    TRY(base::with_context(judge(row, pins, branch, images),
                           "verifying the commit " + commit.id.substr(0, 12)));
    rows.push_back(std::move(row));
  }
  const auto error = verdict(rows);
  app.close_progress();
  if (app.json()) {
    base::Json json = {{"commits", base::Json::array()},
                       {"kept", !error.has_value()},
                       {"questions", images.asked()}};
    if (branch) json["branch"] = *branch;
    for (const Row& row : rows) json["commits"].push_back(to_json(row));
    return print_judgement(app, std::move(json), error ? &*error : nullptr);
  }
  if (!rows.empty()) {
    Table table({{"COMMIT", Table::Align::left},
                 {"PINNED", Table::Align::left},
                 {"RESULT", Table::Align::left},
                 {"SUBJECT", Table::Align::left}});
    for (const Row& row : rows) {
      table.add({row.commit->id.substr(0, 12), pinned_text(row),
                 row.finding ? std::string(env::to_string(row.finding->kind)) : "ok",
                 row.commit->subject()});
    }
    std::string text = table.to_string();
    for (const Row& row : rows) {
      if (row.finding) {
        text += fmt::format("\n{}: {}", row.commit->id.substr(0, 12), row.finding->sentence);
      }
    }
    TRY(print(text + (error ? "\n" : "")));
  }
  if (error) return fail(*error);
  TRY(print(rows.empty() ? "the range has no commits\n"
                         : fmt::format("\n{} commit{} the contract\n", rows.size(),
                                       rows.size() == 1 ? " keeps" : "s keep")));
  return 0;
}

}  // namespace

Command env_verify_command() {
  return {
      .name = "env verify",
      .summary = "for pipelines: whether every commit of a range keeps the contract",
      .synopsis = "A..B [options]",
      .details =
          "Each commit is judged by .imgforge.yaml as it stands in that commit: its message names "
          "the environment, that is what is\n"
          "pinned, and the pinned digest is in the registry and signed by whom the trust policy "
          "wants (--trust-policy or the\n"
          "configuration; what a commit says of trust does not count). Commits of the branch "
          "itself "
          "are held to the branch's\n"
          "channel. Merges that keep the pin of a parent need no annotation. Each digest is asked "
          "about once.\n"
          "Exit code 5: an image is in doubt. 7: a rule is not kept.\n\n"
          "Examples:\n"
          "  imgforge env verify origin/main..HEAD\n"
          "  imgforge env verify \"$CI_MERGE_REQUEST_DIFF_BASE_SHA..HEAD\" --branch "
          "\"$CI_COMMIT_BRANCH\" --json",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli

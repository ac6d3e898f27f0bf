#include "cli/build_facts.h"

#include <algorithm>

#include "cli/version.h"

namespace imgforge::cli {
namespace {

using Environment = std::map<std::string, std::string>;

std::string variable(const Environment& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

bool is_commit(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

void add_source(evidence::BuildFacts& facts, const std::string& address,
                const std::string& commit) {
  if (!address.empty() && is_commit(commit)) facts.source = {"git+" + address, commit};
}

// GitLab CI/CD, "Predefined CI/CD variables reference".
void read_gitlab(const Environment& environment, evidence::BuildFacts& facts) {
  const std::string project = variable(environment, "CI_PROJECT_URL");
  const std::string runner = variable(environment, "CI_RUNNER_ID");
  if (!project.empty() && !runner.empty()) facts.builder_id = project + "/-/runners/" + runner;
  facts.invocation_id = variable(environment, "CI_JOB_URL");
  add_source(facts, project, variable(environment, "CI_COMMIT_SHA"));
}

// GitHub Actions, "Store information in variables: default environment variables".
void read_github(const Environment& environment, evidence::BuildFacts& facts) {
  const std::string server = variable(environment, "GITHUB_SERVER_URL");
  const std::string repository = variable(environment, "GITHUB_REPOSITORY");
  const std::string workflow = variable(environment, "GITHUB_WORKFLOW_REF");
  const std::string run = variable(environment, "GITHUB_RUN_ID");
  const std::string attempt = variable(environment, "GITHUB_RUN_ATTEMPT");
  if (server.empty() || repository.empty()) return;
  const std::string project = server + "/" + repository;
  if (!workflow.empty()) facts.builder_id = server + "/" + workflow;
  if (!run.empty()) {
    facts.invocation_id = project + "/actions/runs/" + run;
    if (!attempt.empty()) facts.invocation_id += "/attempts/" + attempt;
  }
  add_source(facts, project, variable(environment, "GITHUB_SHA"));
}

}  // namespace

evidence::BuildFacts build_facts(const Settings& settings, const std::string& spec_file) {
  evidence::BuildFacts facts;
  const Environment& environment = settings.addresses.environment;
  if (variable(environment, "GITLAB_CI") == "true") read_gitlab(environment, facts);
  if (variable(environment, "GITHUB_ACTIONS") == "true") read_github(environment, facts);
  if (!settings.signing.builder.empty()) facts.builder_id = settings.signing.builder;
  if (facts.builder_id.empty()) facts.builder_id = kUnnamedBuilder;
  facts.builder_version = {{"imgforge", kVersion}};
  // Where somebody's home is, is nobody's business.
  facts.spec_file =
      spec_file.starts_with('/') ? spec_file.substr(spec_file.rfind('/') + 1) : spec_file;
  return facts;
}

}  // namespace imgforge::cli

#include "cli/harbor_refusals.h"

#include <fmt/format.h>

#include "harbor/client.h"
#include "harbor/names.h"
#include "harbor/tag_rules.h"
#include "registry/patience.h"

namespace imgforge::cli {
namespace {

using registry::Asked;

/// How Harbor (2.0 to 2.15) calls its token service in every challenge.
constexpr const char* kService = "harbor-registry";

/// To ask about a refusal once must do: the refusal is told in any case.
const http::RetryPolicy kOnce{.attempts = 1};

std::string attempted(const Asked& asked) {
  const char* verb = asked.action == Asked::Action::read    ? "pull"
                     : asked.action == Asked::Action::write ? "push"
                                                            : "delete";
  return fmt::format("{} {}", verb, asked.what);
}

std::optional<harbor::Client> rest_client(RegistryImages& images, const Asked& asked,
                                          const std::string& project) {
  auto connection = images.harbor(asked.host, project, {}, kOnce);
  if (!connection) return std::nullopt;
  return harbor::Client(*std::move(connection));
}

/// The rule that covers the tag that Harbor names; empty where it is not for us to see.
std::string covering_rule(RegistryImages& images, const Asked& asked, const Error& refusal) {
  const std::string named = registry::fact(refusal, "tag");
  const auto repository = harbor::Repository::parse(asked.repository);
  if (named.empty() || !repository) return {};
  const auto client = rest_client(images, asked, repository->project);
  if (!client) return {};
  const auto rules = client->immutable_rules(repository->project);
  if (!rules) return {};
  const auto rule =
      harbor::covering_rule(*rules, *repository, named.substr(named.rfind(':') + 1));
  return rule ? harbor::describe(*rule) : "";
}

/// Harbor gives a token for nobody to a wrong password, and then "no right": only a question
/// without a repository tells the two apart. Nor does a HEAD say that a project is missing.
std::optional<Error> behind_unauthorized(RegistryImages& images, const http::Response& response,
                                         const Asked& asked) {
  const std::string project = asked.repository.substr(0, asked.repository.find('/'));
  const auto login = images.check_login(asked.host, asked.repository);
  if (!login && login.error().code() == Errc::unauthorized) {
    return harbor::explain(
        401, "", {}, {.what = attempted(asked), .host = asked.host, .user = asked.user});
  }
  if (!response.error_body.empty()) return std::nullopt;
  const auto client = rest_client(images, asked, project);
  if (!client) return std::nullopt;
  const auto found = client->project(project);
  if (!found || *found) return std::nullopt;
  return Error(Errc::not_found, fmt::format("cannot {} at {}: there is no project {} (HTTP {})",
                                            attempted(asked), asked.host, project, response.status))
      .hint("'imgforge harbor apply' makes it from a policy");
}

}  // namespace

std::optional<Error> explain_harbor(RegistryImages& images, const http::Response& response,
                                    const Asked& asked) {
  if (asked.service != kService || asked.repository.empty()) return std::nullopt;
  const bool denied = response.status == 401 && asked.credentials;
  if (!denied && response.status != 403 && response.status != 412) return std::nullopt;
  if (registry::is_web_page(response)) return std::nullopt;
  if (denied) {
    if (auto error = behind_unauthorized(images, response, asked)) return error;
  }
  harbor::Attempt attempt{.what = attempted(asked),
                          .host = asked.host,
                          .user = asked.user,
                          .door = harbor::Door::distribution};
  const auto explained = [&] {
    return harbor::explain(response.status, response.error_body, response.headers, attempt);
  };
  Error error = explained();
  if (registry::fact(error, "rule") != "immutable") return error;
  attempt.rule = covering_rule(images, asked, error);
  return attempt.rule.empty() ? std::move(error) : explained();
}

}  // namespace imgforge::cli

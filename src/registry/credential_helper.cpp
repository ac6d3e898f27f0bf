#include "registry/credential_helper.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/process.h"
#include "base/text.h"

namespace imgforge::registry {
namespace {

/// One that waits for a person (a key to be touched, a keyring to be opened) gets the time for it.
constexpr std::chrono::minutes kTimeout{2};
/// "<token>" as user says that the secret is an identity token.
constexpr const char* kToken = "<token>";

std::string first_line(std::string_view text) {
  std::string line(base::trim(text.substr(0, text.find('\n'))));
  std::erase_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
  return line.substr(0, 200);
}

}  // namespace

struct CredentialHelper::Answer {
  bool ok = false;
  bool nothing_there = false;
  std::string out;
};

Result<CredentialHelper> CredentialHelper::create(const std::string& suffix) {
  const bool plain = !suffix.empty() && std::all_of(suffix.begin(), suffix.end(), [](char c) {
    return c == '-' || c == '_' || c == '.' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
           (c >= 'A' && c <= 'Z');
  });
  if (!plain) return fail(Errc::invalid, "a credential helper cannot be called '" + suffix + "'");
  return CredentialHelper("docker-credential-" + suffix);
}

Result<CredentialHelper::Answer> CredentialHelper::run(const std::string& verb,
                                                       const std::string& input,
                                                       std::stop_token stop) const {
  base::Command command{.argv = {program_, verb}, .input = input, .timeout = kTimeout};
  auto result = base::run_command(command, stop);
  if (!result) {
    const bool absent = result.error().code() == Errc::not_found;
    Error error(result.error().code(),
                absent ? "there is no program " + program_ : result.error().message());
    if (!absent) return fail(std::move(error));
    return fail(std::move(error).hint(
        "install it, or take it out of credsStore and credHelpers of the file with the logins"));
  }
  Answer answer{.ok = result->status == 0, .out = std::move(result->out)};
  if (answer.ok) return answer;
  // Errors come on standard output.
  const std::string said = first_line(answer.out.empty() ? result->err : answer.out);
  answer.nothing_there = base::to_lower(said).find("credentials not found") != std::string::npos;
  if (answer.nothing_there) return answer;
  return fail(Errc::io, fmt::format("{} {} failed with status {}{}{}", program_, verb,
                                    result->status, said.empty() ? "" : ": ", said));
}

Result<std::optional<Credentials>> CredentialHelper::get(const std::string& key,
                                                         std::stop_token stop) const {
  const Answer answer = TRY(run("get", key, stop));
  if (answer.nothing_there) return std::nullopt;
  const auto json = base::parse_json(answer.out, "the answer of " + program_);
  if (!json || !json->is_object()) {
    return fail(Errc::io, program_ + " answers with something that is no JSON object");
  }
  const auto text = [&](const char* name) {
    const auto found = json->find(name);
    return found != json->end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  Credentials credentials;
  if (text("Username") == kToken) {
    credentials.user = kToken;
    credentials.identity_token = text("Secret");
  } else {
    credentials.user = text("Username");
    credentials.password = text("Secret");
  }
  if (credentials.empty()) return std::nullopt;
  return credentials;
}

Result<> CredentialHelper::store(const std::string& key, const Credentials& credentials,
                                 std::stop_token stop) const {
  const bool token = !credentials.identity_token.empty();
  const base::Json entry = {{"ServerURL", key},
                            {"Username", token ? kToken : credentials.user},
                            {"Secret", token ? credentials.identity_token : credentials.password}};
  TRY(run("store", base::canonical_json(entry), stop));
  return {};
}

Result<bool> CredentialHelper::erase(const std::string& key, std::stop_token stop) const {
  return !TRY(run("erase", key, stop)).nothing_there;
}

}  // namespace imgforge::registry

#include "harbor/secret_sink.h"

#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/process.h"
#include "base/text.h"

namespace imgforge::harbor {
namespace {

using base::Json;

constexpr std::size_t kLargestFile = 4 << 20;
constexpr std::chrono::seconds kPatience{60};

Json entry(const RobotSecret& secret) {
  Json json = {{"secret", secret.secret}};
  if (secret.expires) json["expires"] = base::format_time(*secret.expires);
  return json;
}

/// The document as it is, or an empty one. Errors do not quote it.
Result<Json> read_document(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return Json{{"robots", Json::object()}};
  if (!S_ISREG(status.st_mode)) {
    return fail(Errc::refused, path + " is no file: secrets are not written there");
  }
  if ((status.st_mode & 077) != 0) {
    return fail(Error(Errc::refused, path + " may be read by others: secrets are not written there")
                    .hint("chmod 600 " + base::shell_quote(path)));
  }
  const auto json = base::parse_json(TRY(base::read_file(path, kLargestFile)), path);
  if (!json || !json->is_object() || !json->contains("robots") || !(*json)["robots"].is_object()) {
    return fail(Error(Errc::refused, path + " is another file: secrets are not written over it")
                    .hint("name a new file"));
  }
  return *json;
}

}  // namespace

Result<> SecretFile::ready() {
  const Json json = TRY(read_document(path_));
  // Writing what stands there proves that it can be written.
  return base::write_file_atomic(path_, base::pretty_json(json), 0600);
}

Result<> SecretFile::deliver(const RobotSecret& secret) {
  Json json = TRY(read_document(path_));
  json["robots"][secret.name] = entry(secret);
  return base::write_file_atomic(path_, base::pretty_json(json), 0600);
}

Result<> SecretCommand::ready() {
  if (argv_.empty()) return fail(Errc::usage, "the command for secrets is empty");
  if (base::find_program(argv_[0])) return {};
  return fail(Errc::not_found, "there is no program " + argv_[0] + " to give secrets to");
}

Result<> SecretCommand::deliver(const RobotSecret& secret) {
  Json json = entry(secret);
  json["name"] = secret.name;
  const auto result = TRY(base::run_command(
      {.argv = argv_, .input = base::canonical_json(json) + "\n", .timeout = kPatience}));
  if (result.status == 0) return {};
  // The program may repeat what it was given.
  const std::string said =
      base::replace_all(std::string(base::trim(result.err)), secret.secret, "(the secret)");
  return fail(Errc::io, argv_[0] + " did not take the secret of " + secret.name + ": status " +
                            std::to_string(result.status) + (said.empty() ? "" : ", " + said));
}

Result<> NoSecretSink::ready() {
  return fail(Error(Errc::usage, "this makes secrets of robots, and nothing says where they go")
                  .hint("name a file or a command for them"));
}

Result<> NoSecretSink::deliver(const RobotSecret&) { return ready(); }

}  // namespace imgforge::harbor

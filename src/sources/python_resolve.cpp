#include "sources/python_resolve.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "http/url.h"
#include "sources/pep440.h"
#include "sources/pylock.h"
#include "sources/python_request.h"
#include "sources/uv.h"
#include "sources/wheel_tags.h"

namespace imgforge::sources {
namespace {

// Each round pins projects to the index that alone may serve them; a chain of dependencies longer
// than this is a loop.
constexpr int kRounds = 8;
constexpr const char* kLockName = "pylock.toml";

class Resolver {
 public:
  Resolver(const PythonRequest& request, const Addresses& addresses, const std::string& scratch,
           const ProjectPages& pages, const FileSize& file_size, std::stop_token stop)
      : request_(request),
        addresses_(addresses),
        scratch_(scratch),
        pages_(pages),
        file_size_(file_size),
        stop_(std::move(stop)) {}

  Result<PythonResolution> run();

 private:
  Result<> read_request();
  Result<std::vector<PylockPackage>> resolve();
  Result<std::vector<PylockPackage>> ask_uv(const std::map<std::string, std::size_t>& pinned);
  Result<> prepare_uv();
  Error explained(Error error, std::string_view output) const;
  Result<LockedWheel> lock(const PylockPackage& package, const WheelTags& tags) const;
  Result<std::size_t> index_of(const PylockPackage& package, const PylockWheel& wheel) const;

  const PythonRequest& request_;
  const Addresses& addresses_;
  const std::string& scratch_;
  const ProjectPages& pages_;
  const FileSize& file_size_;
  std::stop_token stop_;

  std::vector<LocatedIndex> indexes_;
  std::vector<std::string> requirements_;
  std::set<std::string> requested_;
  std::map<std::string, std::set<std::string>> hashes_;
  std::vector<std::string> uv_;
  std::string uv_version_;
  std::string platform_;
};

Result<> Resolver::read_request() {
  for (const IndexRule& rule : request_.indexes) {
    auto address = TRY(addresses_.index(rule.role));
    indexes_.push_back({rule, std::move(address)});
  }
  if (indexes_.empty()) {
    auto address = TRY(addresses_.index("default"));
    indexes_.push_back({IndexRule{.role = "default"}, std::move(address)});
  }
  requirements_ = request_.requirements;
  if (!request_.requirements_text.empty()) {
    RequirementsFile file = TRY(parse_requirements(request_.requirements_text));
    requirements_.insert(requirements_.end(), file.requirements.begin(), file.requirements.end());
    hashes_ = std::move(file.hashes);
  }
  for (const std::string& requirement : requirements_) {
    requested_.insert(TRY(requirement_project(requirement)));
  }
  return {};
}

Result<> Resolver::prepare_uv() {
  uv_ = TRY(find_uv(addresses_.settings().tools_directory));
  const auto ask = [&](std::initializer_list<const char*> words) -> Result<std::string> {
    base::Command command;
    command.argv = uv_;
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    return TRY(base::run_checked(command, stop_)).out;
  };
  const std::string version = TRY(ask({"--version"}));
  const auto words = base::split(base::trim(version), ' ');
  uv_version_ = words.size() > 1 ? "uv " + std::string(words[1]) : "uv";
  platform_ = TRY(uv_platform(TRY(ask({"pip", "compile", "--help"})), request_.target));
  return {};
}

// uv's words, and what the indexes have instead of what was asked for.
Error Resolver::explained(Error error, std::string_view output) const {
  if (error.code() != Errc::not_found) return error;
  std::string offered;
  for (const std::string& requirement : requirements_) {
    const auto project = requirement_project(requirement);
    if (!project || output.find(*project) == std::string_view::npos) continue;
    for (const LocatedIndex& index : indexes_) {
      if (!may_serve(index.rule, *project)) continue;
      const auto page = pages_(index.rule.role, *project, stop_);
      if (!page) continue;
      std::vector<std::pair<PythonVersion, std::string>> versions;
      for (const IndexFile& file : *page) {
        const auto name = WheelName::parse(file.name);
        if (!name) continue;
        if (auto version = PythonVersion::parse(name->version)) {
          versions.emplace_back(std::move(*version), name->version);
        }
      }
      std::sort(versions.begin(), versions.end(),
                [](const auto& a, const auto& b) { return a.first < b.first; });
      versions.erase(std::unique(versions.begin(), versions.end(),
                                 [](const auto& a, const auto& b) { return a.second == b.second; }),
                     versions.end());
      constexpr std::size_t kShown = 5;
      if (versions.size() > kShown) versions.erase(versions.begin(), versions.end() - kShown);
      std::vector<std::string> names;
      for (auto& [version, name] : versions) names.push_back(std::move(name));
      offered += fmt::format("\nthe index '{}' has {} {}", index.rule.role, *project,
                             names.empty() ? "without any wheel" : base::join(names, ", "));
    }
  }
  if (offered.empty()) return error;
  std::string hint = error.hint() + offered;
  return std::move(error).hint(std::move(hint));
}

Result<std::vector<PylockPackage>> Resolver::ask_uv(
    const std::map<std::string, std::size_t>& pinned) {
  std::vector<std::string> requirements = requirements_;
  for (const auto& [project, index] : pinned) {
    // Only direct requirements can be given an index.
    if (!requested_.contains(project)) requirements.push_back(project);
  }
  const std::string lock = base::join_path(scratch_, kLockName);
  TRY(base::write_file_atomic(base::join_path(scratch_, "pyproject.toml"),
                              uv_project(requirements, indexes_, pinned, request_.target), 0600));
  // What an older lock had is preferred, not demanded: uv reads its own earlier output so.
  TRY(base::write_file_atomic(lock, pylock_of_preferences(request_.constraints), 0600));

  base::Command command;
  command.argv = uv_;
  for (const char* word :
       {"pip", "compile", "pyproject.toml", "--format", "pylock.toml", "--output-file", kLockName,
        "--only-binary", ":all:", "--no-header", "--no-python-downloads", "--quiet", "--color",
        "never", "--index-strategy", "first-index", "--python-platform"}) {
    command.argv.emplace_back(word);
  }
  command.argv.push_back(platform_);
  command.argv.insert(command.argv.end(), {"--python-version", request_.target.version,
                                           "--cache-dir", scratch_ + "/cache"});
  command.directory = scratch_;
  std::map<std::string, std::string> environment;
  for (const auto& [name, value] : addresses_.settings().environment) {
    // Its own settings could change the answer; those of the network may not be lost.
    if (!name.starts_with("UV_") && !name.starts_with("PIP_")) environment[name] = value;
  }
  if (const auto home = environment.find("HOME");
      home != environment.end() && !environment.contains("NETRC")) {
    environment["NETRC"] = home->second + "/.netrc";
  }
  environment["HOME"] = scratch_;
  environment["XDG_CONFIG_HOME"] = scratch_ + "/config";
  environment["XDG_CONFIG_DIRS"] = scratch_ + "/config";
  environment["XDG_DATA_HOME"] = scratch_ + "/data";
  environment["LC_ALL"] = "C.UTF-8";
  environment.emplace("PATH", "/usr/local/bin:/usr/bin:/bin");
  command.environment.emplace();
  for (const auto& [name, value] : environment) {
    command.environment->push_back(name + "=" + value);
  }
  const base::CommandResult answer = TRY(base::run_command(command, stop_));
  if (answer.status != 0) {
    return fail(explained(uv_error(answer.err + answer.out), answer.err + answer.out));
  }
  return parse_pylock(TRY(base::read_file(lock)), "uv's answer", request_.target);
}

// Repeats until every project comes from an index that may serve it.
Result<std::vector<PylockPackage>> Resolver::resolve() {
  TRY(prepare_uv());
  std::map<std::string, std::size_t> pinned;
  const auto owner_of = [&](const std::string& project) -> std::optional<std::size_t> {
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
      if (!indexes_[i].rule.only.empty() && may_serve(indexes_[i].rule, project)) return i;
    }
    return std::nullopt;
  };
  for (const std::string& project : requested_) {
    if (const auto owner = owner_of(project)) pinned.emplace(project, *owner);
  }
  for (int round = 0; round < kRounds; ++round) {
    auto packages = TRY(ask_uv(pinned));
    bool changed = false;
    for (const PylockPackage& package : packages) {
      const auto owner = owner_of(package.project);
      if (owner && pinned.emplace(package.project, *owner).second) changed = true;
    }
    if (!changed) return packages;
  }
  return fail(Errc::internal, "the rules of the indexes do not come to an end");
}

// Which index a wheel is from. uv does not say it, so the pages are asked: by address, then by name
// and hash.
Result<std::size_t> Resolver::index_of(const PylockPackage& package,
                                       const PylockWheel& wheel) const {
  if (indexes_.size() == 1) return 0;
  for (const bool by_url : {true, false}) {
    for (std::size_t i = 0; i < indexes_.size(); ++i) {
      const auto page = pages_(indexes_[i].rule.role, package.project, stop_);
      if (!page && page.error().code() == Errc::not_found) continue;
      if (!page) return fail(page.error());
      for (const IndexFile& file : *page) {
        const bool same = by_url ? file.url == wheel.url
                                 : file.name == wheel.file_name &&
                                       (file.sha256.empty() || file.sha256 == wheel.sha256);
        if (same && may_serve(indexes_[i].rule, package.project)) return i;
      }
    }
  }
  return fail(Error(Errc::refused, fmt::format("no index that may serve {} has {}", package.project,
                                               wheel.file_name))
                  .hint("the rule 'only' of an index says which projects it may serve"));
}

Result<LockedWheel> Resolver::lock(const PylockPackage& package, const WheelTags& tags) const {
  std::vector<std::string> names;
  for (const PylockWheel& wheel : package.wheels) names.push_back(wheel.file_name);
  const auto best = tags.best(names);
  if (!best) {
    const std::string target = fmt::format("Python {} on {} with glibc {}", request_.target.version,
                                           request_.target.architecture, request_.target.glibc);
    return fail(Error(Errc::unsupported,
                      names.empty()
                          ? fmt::format("{} {} is published as source only", package.project,
                                        package.version)
                          : fmt::format("{} {} has no wheel for {}; it has {}", package.project,
                                        package.version, target, base::join(names, ", ")))
                    .hint("build a wheel and serve it from an index of your own, or take another "
                          "version"));
  }
  const PylockWheel& wheel = package.wheels[*best];
  if (const auto allowed = hashes_.find(package.project);
      allowed != hashes_.end() && !allowed->second.contains(wheel.sha256)) {
    return fail(
        Error(Errc::mismatch, fmt::format("{} has sha256 {}, which the requirements do not allow",
                                          wheel.file_name, wheel.sha256))
            .hint("the hashes of requirements.txt are for other files of this version"));
  }
  const LocatedIndex& index = indexes_[TRY(index_of(package, wheel))];
  std::optional<std::uint64_t> size = wheel.size;
  if (!size) {
    const auto page = pages_(index.rule.role, package.project, stop_);
    std::string url = wheel.url;
    if (page) {
      for (const IndexFile& file : *page) {
        if (file.name != wheel.file_name) continue;
        size = file.size;
        if (url.empty()) url = file.url;
      }
    }
    if (!size) size = TRY(file_size_(http::with_credentials_of(index.url, url), stop_));
  }
  auto digest = TRY(oci::Digest::from_sha256_hex(wheel.sha256));
  return LockedWheel{
      .project = package.project,
      .version = package.version,
      .requested = requested_.contains(package.project) || !request_.pylock_text.empty(),
      .input = Input{wheel.file_name,
                     std::move(digest),
                     *size,
                     {.kind = Origin::Kind::index,
                      .role = index.rule.role,
                      .project = package.project,
                      .path = wheel.file_name}}};
}

Result<PythonResolution> Resolver::run() {
  TRY(read_request());
  const WheelTags tags = TRY(WheelTags::for_target(request_.target));
  std::vector<PylockPackage> packages;
  PythonResolution resolution;
  if (!request_.pylock_text.empty()) {
    if (!requirements_.empty()) {
      return fail(Error(Errc::invalid, "both a pylock.toml and requirements are given")
                      .hint("a pylock.toml is complete: give one or the other"));
    }
    packages = TRY(parse_pylock(request_.pylock_text, "pylock.toml", request_.target));
    resolution.resolver = "pylock.toml";
  } else if (!requirements_.empty()) {
    packages = TRY(resolve());
    resolution.resolver = uv_version_;
  }
  for (const PylockPackage& package : packages) {
    resolution.wheels.push_back(TRY(lock(package, tags)));
  }
  std::sort(resolution.wheels.begin(), resolution.wheels.end(),
            [](const LockedWheel& a, const LockedWheel& b) { return a.project < b.project; });
  for (std::size_t i = 1; i < resolution.wheels.size(); ++i) {
    if (resolution.wheels[i].project == resolution.wheels[i - 1].project) {
      return fail(Errc::invalid,
                  fmt::format("{} is there twice: {} and {}", resolution.wheels[i].project,
                              resolution.wheels[i - 1].version, resolution.wheels[i].version));
    }
  }
  return resolution;
}

}  // namespace

Result<PythonResolution> resolve_python(const PythonRequest& request, const Addresses& addresses,
                                        const std::string& scratch, const ProjectPages& pages,
                                        const FileSize& file_size, std::stop_token stop) {
  return Resolver(request, addresses, scratch, pages, file_size, std::move(stop)).run();
}

}  // namespace imgforge::sources

#include "sources/wheel_tags.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "sources/markers.h"
#include "sources/pep440.h"

namespace imgforge::sources {
namespace {

// manylinux names from before PEP 600: glibc minor and name.
constexpr std::pair<unsigned, const char*> kLegacy[] = {
    {17, "manylinux2014"}, {12, "manylinux2010"}, {5, "manylinux1"}};

std::pair<std::uint64_t, std::string> build_key(const std::string& build) {
  const std::size_t digits = std::min(build.find_first_not_of("0123456789"), build.size());
  return {base::parse_uint(build.substr(0, digits)).value_or(0), build.substr(digits)};
}

}  // namespace

std::string normalized_project(std::string_view name) {
  std::string out;
  for (const char c : base::to_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (separator && out.ends_with('-')) continue;
    out += separator ? '-' : c;
  }
  return out;
}

Result<WheelName> WheelName::parse(std::string_view file_name) {
  const auto wrong = [&] {
    return fail(Errc::invalid, fmt::format("'{}' is not the file name of a wheel", file_name));
  };
  if (!file_name.ends_with(".whl")) return wrong();
  const auto parts = base::split(file_name.substr(0, file_name.size() - 4), '-');
  if (parts.size() != 5 && parts.size() != 6) return wrong();
  for (const std::string_view part : parts) {
    if (part.empty() || part.find('/') != std::string_view::npos) return wrong();
  }
  WheelName name;
  name.project = normalized_project(parts[0]);
  name.version = parts[1];
  if (parts.size() == 6) {
    name.build = parts[2];
    if (name.build[0] < '0' || name.build[0] > '9') return wrong();
  }
  const std::size_t at = parts.size() - 3;
  for (const std::string_view python : base::split(parts[at], '.')) {
    for (const std::string_view abi : base::split(parts[at + 1], '.')) {
      for (const std::string_view platform : base::split(parts[at + 2], '.')) {
        name.tags.push_back(base::to_lower(fmt::format("{}-{}-{}", python, abi, platform)));
      }
    }
  }
  return name;
}

std::vector<std::string> platform_tags(const std::string& machine, unsigned glibc_minor) {
  const unsigned oldest = machine == "x86_64" || machine == "i686" ? 5 : 17;
  std::vector<std::string> out;
  for (unsigned minor = glibc_minor; minor >= oldest; --minor) {
    out.push_back(fmt::format("manylinux_2_{}_{}", minor, machine));
    for (const auto& [legacy_minor, legacy] : kLegacy) {
      if (legacy_minor == minor) out.push_back(fmt::format("{}_{}", legacy, machine));
    }
  }
  out.push_back("linux_" + machine);
  return out;
}

Result<WheelTags> WheelTags::for_target(const PythonTarget& target) {
  const auto python = PythonVersion::parse(target.version);
  const auto glibc = PythonVersion::parse(target.glibc);
  if (!python || python->release(2)[0] != 3) {
    return fail(Errc::invalid, fmt::format("'{}' is not a version of Python 3", target.version));
  }
  if (!glibc || glibc->release(2)[0] != 2 || glibc->release(2)[1] > 1000) {
    return fail(Errc::invalid, fmt::format("'{}' is not a version of glibc", target.glibc));
  }
  const unsigned minor =
      static_cast<unsigned>(std::min<std::uint64_t>(python->release(2)[1], 1000));
  const auto platforms =
      platform_tags(machine_of(target.architecture), static_cast<unsigned>(glibc->release(2)[1]));
  const std::string interpreter = fmt::format("cp3{}", minor);
  WheelTags tags;
  const auto add = [&](const std::string& tag) {
    if (tags.rank_.emplace(tag, tags.ordered_.size()).second) tags.ordered_.push_back(tag);
  };
  const auto add_platforms = [&](const std::string& python_tag, const std::string& abi) {
    for (const std::string& platform : platforms) add(python_tag + "-" + abi + "-" + platform);
  };
  // packaging.tags.cpython_tags
  add_platforms(interpreter, interpreter);
  add_platforms(interpreter, "abi3");
  add_platforms(interpreter, "none");
  for (unsigned older = minor - 1; older >= 2 && older < minor; --older) {
    add_platforms(fmt::format("cp3{}", older), "abi3");
  }
  // packaging.tags.compatible_tags
  std::vector<std::string> range = {fmt::format("py3{}", minor), "py3"};
  for (unsigned older = minor; older-- > 0;) range.push_back(fmt::format("py3{}", older));
  for (const std::string& version : range) add_platforms(version, "none");
  add(interpreter + "-none-any");
  for (const std::string& version : range) add(version + "-none-any");
  return tags;
}

std::optional<std::size_t> WheelTags::rank(const WheelName& wheel) const {
  std::optional<std::size_t> best;
  for (const std::string& tag : wheel.tags) {
    if (const auto found = rank_.find(tag); found != rank_.end()) {
      best = std::min(best.value_or(found->second), found->second);
    }
  }
  return best;
}

std::optional<std::size_t> WheelTags::best(std::span<const std::string> file_names) const {
  std::optional<std::size_t> chosen;
  std::size_t chosen_rank = 0;
  std::pair<std::uint64_t, std::string> chosen_build;
  for (std::size_t i = 0; i < file_names.size(); ++i) {
    const auto name = WheelName::parse(file_names[i]);
    if (!name) continue;
    const auto wheel_rank = rank(*name);
    if (!wheel_rank) continue;
    const auto build = build_key(name->build);
    const bool better =
        !chosen || *wheel_rank < chosen_rank ||
        (*wheel_rank == chosen_rank &&
         (build > chosen_build || (build == chosen_build && file_names[i] < file_names[*chosen])));
    if (!better) continue;
    chosen = i;
    chosen_rank = *wheel_rank;
    chosen_build = build;
  }
  return chosen;
}

}  // namespace imgforge::sources

#include "layer/wheel_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "layer/wheel_record.h"
#include "layer/wheel_script.h"

namespace imgforge::layer {

namespace {

constexpr std::string_view kInstaller = "imgforge\n";

base::Sha256Value hash_of(std::string_view text) {
  base::Sha256 sha;
  sha.update(base::as_bytes(text));
  return sha.finish();
}

class Planner {
 public:
  Planner(const WheelContents& wheel, const InstallOptions& options)
      : wheel_(wheel),
        options_(options),
        root_(std::string_view(options.prefix).substr(1)),
        site_(fmt::format("{}/lib/python{}/site-packages", root_, options.python)) {}

  Result<WheelPlan> plan() {
    for (const EntryPoint& point : wheel_.entry_points) program_names_.insert(point.name);
    for (std::uint32_t i = 0; i < wheel_.members.size(); ++i) {
      if (!wheel_.members[i].is_directory) TRY(place(i));
    }
    for (const EntryPoint& point : wheel_.entry_points) {
      generate("bin/" + point.name, launcher_text(point, options_.prefix), true);
    }
    generate_in_dist_info("INSTALLER", std::string(kInstaller));
    if (options_.requested) generate_in_dist_info("REQUESTED", "");
    TRY(sort_and_check());
    add_record();
    return std::move(plan_);
  }

 private:
  /// Decides on one member.
  Result<> place(std::uint32_t index) {
    const std::string_view name = wheel_.members[index].name;
    const auto slash = name.find('/');
    if (slash != std::string_view::npos && name.substr(0, slash).ends_with(".data")) {
      return place_data(index, name.substr(slash + 1));
    }
    if (is_replaced(name)) {
      if (wheel_.hashes[index]) plan_.unplaced.push_back(index);
      return {};
    }
    add(index, fmt::format("{}/{}", site_, name), is_executable(index));
    return {};
  }

  /// Files of dist-info that are written anew.
  bool is_replaced(std::string_view name) const {
    if (!name.starts_with(wheel_.dist_info)) return false;
    name.remove_prefix(wheel_.dist_info.size());
    return name == "/RECORD" || name == "/INSTALLER" || name == "/REQUESTED";
  }

  Result<> place_data(std::uint32_t index, std::string_view path) {
    const auto slash = path.find('/');
    const std::string_view key = path.substr(0, slash);
    const std::string_view rest =
        slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    if (rest.empty()) {
      return fail(Errc::invalid, fmt::format("\"{}\" lies in no folder of the install scheme",
                                             wheel_.members[index].name));
    }
    if (key == "purelib" || key == "platlib") {
      add(index, fmt::format("{}/{}", site_, rest), is_executable(index));
    } else if (key == "headers") {
      // As pip names the folder: the file name's project, with dashes.
      add(index,
          fmt::format("{}/include/site/python{}/{}/{}", root_, options_.python,
                      base::replace_all(wheel_.name.distribution, "_", "-"), rest),
          is_executable(index));
    } else if (key == "scripts") {
      return place_script(index, rest);
    } else if (key == "data") {
      return place_in_prefix(index, rest);
    } else {
      return fail(
          Error(Errc::invalid, fmt::format("\"{}\": \"{}\" is no part of the install scheme",
                                           wheel_.members[index].name, key))
              .hint("known are purelib, platlib, headers, scripts and data"));
    }
    return {};
  }

  Result<> place_script(std::uint32_t index, std::string_view name) {
    if (is_interpreter_name(name)) {
      return fail(Errc::invalid,
                  fmt::format("the script \"{}\" would replace the Python interpreter", name));
    }
    // A script that an entry point replaces is not installed (pip: is_entrypoint_wrapper).
    std::string_view stem = name;
    for (const std::string_view suffix : {".exe", "-script.py", ".pya"}) {
      if (stem.ends_with(suffix)) {
        stem.remove_suffix(suffix.size());
        break;
      }
    }
    if (program_names_.count(std::string(stem)) != 0) {
      plan_.unplaced.push_back(index);
      return {};
    }
    const std::string path = fmt::format("bin/{}", name);
    const auto script = wheel_.python_scripts.find(index);
    if (script == wheel_.python_scripts.end()) {
      add(index, root_ + "/" + path, true);
    } else {
      plan_.unplaced.push_back(index);
      generate(path, with_interpreter(script->second, options_.prefix), true);
    }
    return {};
  }

  Result<> place_in_prefix(std::uint32_t index, std::string_view path) {
    const bool in_bin = path.starts_with("bin/") && is_interpreter_name(path.substr(4));
    if (in_bin || path == "pyvenv.cfg" || path == "lib64") {
      return fail(Errc::invalid,
                  fmt::format("\"{}\" would replace a part of the environment itself",
                              wheel_.members[index].name));
    }
    // In an environment lib64 is a link to lib; a folder of that name in a layer would hide it.
    const std::string target =
        path.starts_with("lib64/") ? fmt::format("lib/{}", path.substr(6)) : std::string(path);
    add(index, root_ + "/" + target, is_executable(index));
    return {};
  }

  bool is_executable(std::uint32_t index) const {
    // As pip: a regular file by its unix mode, with any execute bit.
    const std::uint32_t mode = wheel_.members[index].unix_mode;
    return (mode & 0170000) == 0100000 && (mode & 0111) != 0;
  }

  void add(std::uint32_t index, std::string path, bool executable) {
    plan_.entries.push_back({.path = std::move(path),
                             .executable = executable,
                             .member = index,
                             .sha256 = wheel_.hashes[index]});
  }

  /// `path` is relative to the prefix.
  void generate(const std::string& path, std::string text, bool executable) {
    const auto sha256 = hash_of(text);
    plan_.entries.push_back({.path = root_ + "/" + path,
                             .executable = executable,
                             .text = std::move(text),
                             .sha256 = sha256});
  }

  void generate_in_dist_info(std::string_view name, std::string text) {
    generate(
        fmt::format("lib/python{}/site-packages/{}/{}", options_.python, wheel_.dist_info, name),
        std::move(text), false);
  }

  static bool before(const InstallEntry& a, const InstallEntry& b) { return a.path < b.path; }

  /// One entry per path; equal files of one wheel may meet there.
  Result<> sort_and_check() {
    auto& entries = plan_.entries;
    std::stable_sort(entries.begin(), entries.end(), before);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (kept > 0 && entries[kept - 1].path == entries[i].path) {
        InstallEntry& first = entries[kept - 1];
        if (!first.sha256 || first.sha256 != entries[i].sha256) {
          return fail(Errc::invalid,
                      fmt::format("two of its files would become \"/{}\"", first.path));
        }
        first.executable |= entries[i].executable;
        if (entries[i].member != InstallEntry::kGenerated) {
          plan_.unplaced.push_back(entries[i].member);
        }
        continue;
      }
      if (kept != i) entries[kept] = std::move(entries[i]);
      ++kept;
    }
    entries.resize(kept);
    std::sort(plan_.unplaced.begin(), plan_.unplaced.end());
    return {};
  }

  /// The path as RECORD has it: relative to site-packages.
  std::string record_path(std::string_view path) const {
    if (path.starts_with(site_ + "/")) return std::string(path.substr(site_.size() + 1));
    return fmt::format("../../../{}", path.substr(root_.size() + 1));
  }

  void add_record() {
    const std::string own_path = fmt::format("{}/{}/RECORD", site_, wheel_.dist_info);
    std::vector<RecordRow> rows;
    rows.reserve(plan_.entries.size() + 1);
    for (const InstallEntry& entry : plan_.entries) {
      const bool generated = entry.member == InstallEntry::kGenerated;
      const std::uint64_t size = generated ? entry.text.size() : wheel_.members[entry.member].size;
      rows.push_back(entry.sha256 ? record_row(record_path(entry.path), *entry.sha256, size)
                                  : RecordRow{.path = record_path(entry.path)});
    }
    rows.push_back({.path = record_path(own_path)});
    std::sort(rows.begin(), rows.end(),
              [](const RecordRow& a, const RecordRow& b) { return a.path < b.path; });
    InstallEntry record{.path = own_path};
    for (const RecordRow& row : rows) record.text += format_record_row(row);
    record.sha256 = hash_of(record.text);
    auto& entries = plan_.entries;
    entries.insert(std::upper_bound(entries.begin(), entries.end(), record, before),
                   std::move(record));
  }

  const WheelContents& wheel_;
  const InstallOptions& options_;
  const std::string root_;  // the prefix without its first slash
  const std::string site_;
  std::set<std::string> program_names_;
  WheelPlan plan_;
};

}  // namespace

Result<WheelPlan> plan_wheel(const WheelContents& wheel, const InstallOptions& options) {
  auto plan = Planner(wheel, options).plan();
  if (!plan) {
    return fail(std::move(plan.error()).context(fmt::format("wheel {}", wheel.name.file)));
  }
  return plan;
}

}  // namespace imgforge::layer

#include "layer/wheels_layer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"

namespace imgforge::layer {

namespace {

const InstallEntry& entry_of(std::span<const PlannedWheel> wheels, const MergedFile& file) {
  return wheels[file.wheel].plan.entries[file.entry];
}

const std::string& name_of(std::span<const PlannedWheel> wheels, const MergedFile& file) {
  return wheels[file.wheel].contents.name.file;
}

/// Adds every parent of the sorted `files` once.
std::vector<std::string> parents_of(const std::vector<MergedFile>& files) {
  std::vector<std::string> directories;
  std::string_view previous;
  for (const MergedFile& file : files) {
    // Parents that the path before had too are there already.
    const auto differs =
        std::mismatch(previous.begin(), previous.end(), file.path.begin(), file.path.end()).second;
    auto slash = file.path.find('/', static_cast<std::size_t>(differs - file.path.begin()));
    for (; slash != std::string_view::npos; slash = file.path.find('/', slash + 1)) {
      directories.emplace_back(file.path.substr(0, slash));
    }
    previous = file.path;
  }
  std::sort(directories.begin(), directories.end());
  directories.erase(std::unique(directories.begin(), directories.end()), directories.end());
  return directories;
}

/// A path that is a file here and a folder there.
Result<> check_folders(std::span<const PlannedWheel> wheels, const Merged& merged) {
  auto file = merged.files.begin();
  for (const std::string& directory : merged.directories) {
    file = std::lower_bound(file, merged.files.end(), directory,
                            [](const MergedFile& a, const std::string& b) { return a.path < b; });
    if (file == merged.files.end()) break;
    if (file->path != directory) continue;
    const auto inside = std::find_if(file, merged.files.end(), [&](const MergedFile& other) {
      return other.path.size() > directory.size() && other.path.starts_with(directory) &&
             other.path[directory.size()] == '/';
    });
    return fail(
        Errc::invalid,
        fmt::format("\"/{}\" is a file of {} and a folder of {}", directory, name_of(wheels, *file),
                    inside == merged.files.end() ? "another" : name_of(wheels, *inside)));
  }
  return {};
}

Error changed(const WheelContents& wheel, const archive::ZipEntry& member) {
  return Error(Errc::mismatch,
               fmt::format("wheel {}: \"{}\" has other content than its RECORD promises",
                           wheel.name.file, member.name))
      .hint(fmt::format("if you trust this wheel nevertheless: `allow_bad_record: [{}]`",
                        wheel.name.project));
}

Result<> verify_member(const PlannedWheel& wheel, std::uint32_t index) {
  const auto& member = wheel.contents.members[index];
  const auto& promised = wheel.contents.hashes[index];
  if (!promised) return {};
  if (TRY(hash_member(*wheel.zip, member)) != *promised) {
    return fail(changed(wheel.contents, member));
  }
  return {};
}

class Writer {
 public:
  Writer(std::span<const PlannedWheel> wheels, base::Seconds epoch, archive::LayerWriter& out)
      : wheels_(wheels), epoch_(epoch), out_(out) {}

  Result<> directory(const std::string& path) {
    return out_.add(
        {.path = path, .type = archive::EntryType::directory, .mode = 0755, .mtime = epoch_.value});
  }

  Result<> file(const MergedFile& file) {
    const PlannedWheel& wheel = wheels_[file.wheel];
    const InstallEntry& entry = entry_of(wheels_, file);
    archive::TarEntry header{
        .path = entry.path, .mode = file.executable ? 0755u : 0644u, .mtime = epoch_.value};
    if (entry.member == InstallEntry::kGenerated) {
      header.size = entry.text.size();
      return out_.add(header, std::string_view(entry.text));
    }
    const auto& member = wheel.contents.members[entry.member];
    header.size = member.size;
    std::string sha256;
    TRY(with_context(out_.add(header, *wheel.zip, member, &sha256),
                     fmt::format("wheel {}", wheel.contents.name.file)));
    // Copied unseen: the whole layer's digest, known from a checked build, vouches for it.
    if (sha256.empty() && out_.copies_unseen()) return {};
    if (entry.sha256 && sha256 != base::to_hex(*entry.sha256)) {
      return fail(changed(wheel.contents, member));
    }
    return {};
  }

 private:
  std::span<const PlannedWheel> wheels_;
  base::Seconds epoch_;
  archive::LayerWriter& out_;
};

}  // namespace

Result<Merged> merge_wheels(std::span<const PlannedWheel> wheels) {
  Merged merged;
  std::size_t count = 0;
  for (const PlannedWheel& wheel : wheels) count += wheel.plan.entries.size();
  auto& files = merged.files;
  files.reserve(count);
  for (std::uint32_t w = 0; w < wheels.size(); ++w) {
    const auto& entries = wheels[w].plan.entries;
    for (std::uint32_t e = 0; e < entries.size(); ++e) {
      files.push_back(
          {.path = entries[e].path, .wheel = w, .entry = e, .executable = entries[e].executable});
    }
  }
  std::stable_sort(files.begin(), files.end(),
                   [](const MergedFile& a, const MergedFile& b) { return a.path < b.path; });
  std::size_t kept = 0;
  for (const MergedFile& file : files) {
    if (kept == 0 || files[kept - 1].path != file.path) {
      files[kept++] = file;
      continue;
    }
    MergedFile& first = files[kept - 1];
    const auto& sha256 = entry_of(wheels, first).sha256;
    if (!sha256 || sha256 != entry_of(wheels, file).sha256) {
      return fail(Error(Errc::invalid,
                        fmt::format("{} and {} bring different files for \"/{}\"",
                                    name_of(wheels, first), name_of(wheels, file), file.path))
                      .hint("they cannot be installed together; leave one of them out"));
    }
    first.executable |= file.executable;
    merged.duplicates.push_back(file);
  }
  files.resize(kept);
  merged.directories = parents_of(files);
  TRY(check_folders(wheels, merged));
  return merged;
}

Result<> write_wheels_layer(std::span<const PlannedWheel> wheels, base::Seconds epoch,
                            archive::LayerWriter& out, std::stop_token stop) {
  const Merged merged = TRY(merge_wheels(wheels));
  Writer writer(wheels, epoch, out);
  auto directory = merged.directories.begin();
  for (const MergedFile& file : merged.files) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    for (; directory != merged.directories.end() && *directory < file.path; ++directory) {
      TRY(writer.directory(*directory));
    }
    TRY(writer.file(file));
  }
  for (const MergedFile& file : merged.duplicates) {
    const InstallEntry& entry = entry_of(wheels, file);
    if (entry.member != InstallEntry::kGenerated) {
      TRY(verify_member(wheels[file.wheel], entry.member));
    }
  }
  for (const PlannedWheel& wheel : wheels) {
    for (const std::uint32_t index : wheel.plan.unplaced) TRY(verify_member(wheel, index));
  }
  return {};
}

}  // namespace imgforge::layer

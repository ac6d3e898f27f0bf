#include "layer/wheel_contents.h"

#include <fmt/format.h>

#include "base/text.h"
#include "layer/wheel_record.h"
#include "layer/wheel_script.h"
#include "sources/wheel_tags.h"

namespace imgforge::layer {

namespace {

// Documents are small; RECORD grows with the number of files (100 bytes each).
constexpr std::size_t kDocumentLimit = 16 << 20;
constexpr std::size_t kRecordLimit = 256 << 20;
// A script that asks for an interpreter is text, at most a zip application behind one line.
constexpr std::size_t kScriptLimit = 16 << 20;

/// Names the wheel once, whatever is wrong in it.
Error about(std::string_view wheel, Error error) {
  return std::move(error).context(fmt::format("wheel {}", wheel));
}

std::string_view top_folder(std::string_view path) { return path.substr(0, path.find('/')); }

/// "NAME-VERSION" of a dist-info or data folder against the file name.
bool agrees(std::string_view stem, const WheelName& name) {
  const auto dash = stem.rfind('-');
  if (dash == std::string_view::npos) return false;
  return sources::normalized_project(stem.substr(0, dash)) == name.project &&
         same_version(stem.substr(dash + 1), name.version);
}

Result<std::string> find_dist_info(const archive::ZipArchive& zip, const WheelName& name) {
  std::string found;
  for (const auto& member : zip.entries()) {
    const auto folder = top_folder(member.name);
    if (!folder.ends_with(".dist-info") || folder == found) continue;
    if (folder.size() == member.name.size() && !member.is_directory) continue;
    if (!found.empty()) {
      return fail(Errc::invalid,
                  fmt::format("it has two dist-info folders, \"{}\" and \"{}\"", found, folder));
    }
    found = folder;
  }
  if (found.empty()) return fail(Errc::invalid, "it has no dist-info folder");
  if (!agrees(std::string_view(found).substr(0, found.size() - 10), name)) {
    return fail(Errc::mismatch,
                fmt::format("its file name says {} {}, and its folder \"{}\" says otherwise",
                            name.distribution, name.version, found));
  }
  return found;
}

Result<std::string> read_document(const archive::ZipArchive& zip, const std::string& path,
                                  std::size_t limit) {
  const auto* member = zip.find(path);
  if (member == nullptr || member->is_directory) {
    return fail(Errc::invalid, fmt::format("it has no {}", path));
  }
  return zip.read(*member, limit);
}

/// Checks that no member is something that a wheel must not have.
Result<> check_members(const WheelContents& wheel) {
  for (const auto& member : wheel.members) {
    if (member.is_symlink) {
      return fail(Error(Errc::invalid, fmt::format("\"{}\" is a symbolic link", member.name))
                      .hint("a wheel holds only files; ask its author for a proper one"));
    }
    const auto folder = top_folder(member.name);
    if (folder.ends_with(".data") && folder.size() < member.name.size() &&
        !agrees(folder.substr(0, folder.size() - 5), wheel.name)) {
      return fail(Errc::mismatch,
                  fmt::format("the folder \"{}\" belongs to another project", folder));
    }
  }
  return {};
}

bool is_unlisted_by_rule(const WheelContents& wheel, std::string_view path) {
  if (!path.starts_with(wheel.dist_info)) return false;
  path.remove_prefix(wheel.dist_info.size());
  return path == "/RECORD" || path == "/RECORD.jws" || path == "/RECORD.p7s";
}

Error bad_record(const WheelContents& wheel, std::string what) {
  return Error(Errc::mismatch, std::move(what))
      .hint(fmt::format("if you trust this wheel nevertheless: `allow_bad_record: [{}]`",
                        wheel.name.project));
}

Result<base::Sha256Value> promised_hash(const WheelContents& wheel, const RecordRow& row,
                                        const archive::ZipEntry& member) {
  if (row.algorithm.empty()) {
    return fail(bad_record(wheel, fmt::format("RECORD has no hash for \"{}\"", row.path)));
  }
  if (row.algorithm == "sha384" || row.algorithm == "sha512") {
    return fail(
        Error(Errc::unsupported, fmt::format("RECORD has a {} for \"{}\", and only sha256 "
                                             "can be verified",
                                             row.algorithm, row.path))
            .hint(fmt::format("`allow_bad_record: [{}]` skips the check", wheel.name.project)));
  }
  if (row.algorithm != "sha256") {
    return fail(
        bad_record(wheel, fmt::format("RECORD has only a {} for \"{}\"; sha256 is the least",
                                      row.algorithm, row.path)));
  }
  const auto value = sha256_of(row);
  if (!value) {
    return fail(
        bad_record(wheel, fmt::format("the hash of \"{}\" in RECORD is not a sha256", row.path)));
  }
  if (row.size && *row.size != member.size) {
    return fail(bad_record(wheel, fmt::format("\"{}\" has {} bytes, and RECORD says {}", row.path,
                                              member.size, *row.size)));
  }
  return *value;
}

Result<> take_hashes_from_record(const archive::ZipArchive& zip, WheelContents& wheel) {
  const std::string path = wheel.dist_info + "/RECORD";
  const auto text = TRY(read_document(zip, path, kRecordLimit));
  for (const RecordRow& row : TRY(parse_record(text, path))) {
    if (row.path.ends_with('/') || is_unlisted_by_rule(wheel, row.path)) continue;
    const auto* member = zip.find(row.path);
    if (member == nullptr || member->is_directory) {
      // Compiled files are made at installation and may be announced.
      if (row.algorithm.empty() && row.path.ends_with(".pyc")) continue;
      return fail(bad_record(
          wheel, fmt::format("RECORD lists \"{}\", which is not in the wheel", row.path)));
    }
    const auto index = static_cast<std::size_t>(member - zip.entries().data());
    wheel.hashes[index] = TRY(promised_hash(wheel, row, *member));
  }
  for (std::size_t i = 0; i < wheel.members.size(); ++i) {
    const auto& member = wheel.members[i];
    if (member.is_directory || wheel.hashes[i] || is_unlisted_by_rule(wheel, member.name)) continue;
    return fail(bad_record(
        wheel, fmt::format("\"{}\" is in the wheel and not in its RECORD", member.name)));
  }
  return {};
}

Result<> take_hashes_from_members(const archive::ZipArchive& zip, WheelContents& wheel) {
  for (std::size_t i = 0; i < wheel.members.size(); ++i) {
    const auto& member = wheel.members[i];
    if (member.is_directory || is_unlisted_by_rule(wheel, member.name)) continue;
    wheel.hashes[i] = TRY(hash_member(zip, member));
  }
  return {};
}

Result<> read_python_scripts(const archive::ZipArchive& zip, WheelContents& wheel) {
  for (std::size_t i = 0; i < wheel.members.size(); ++i) {
    const auto& member = wheel.members[i];
    const auto folder = top_folder(member.name);
    if (member.is_directory || !folder.ends_with(".data")) continue;
    if (!std::string_view(member.name).substr(folder.size()).starts_with("/scripts/")) continue;
    std::byte first[8];
    std::size_t have = 0;
    const auto content = TRY(zip.open_entry(member));
    while (have < sizeof first) {
      const auto n = TRY(content->read(base::MutableBytes(first).subspan(have)));
      if (n == 0) break;
      have += n;
    }
    if (!asks_for_interpreter(base::as_text(base::Bytes(first, have)))) continue;
    wheel.python_scripts[i] = TRY(zip.read(member, kScriptLimit));
  }
  return {};
}

Result<WheelContents> read_checked(const archive::ZipArchive& zip, WheelName name,
                                   RecordUse record) {
  WheelContents wheel{.name = std::move(name), .members = zip.entries()};
  wheel.hashes.resize(wheel.members.size());
  wheel.dist_info = TRY(find_dist_info(zip, wheel.name));
  TRY(check_members(wheel));

  const std::string info_path = wheel.dist_info + "/WHEEL";
  wheel.info = TRY(parse_wheel_info(TRY(read_document(zip, info_path, kDocumentLimit)), info_path));
  if (wheel.info.minor > 0) {
    wheel.warnings.push_back(
        fmt::format("wheel {} has the Wheel-Version 1.{}, newer than the 1.0 "
                    "that imgforge knows",
                    wheel.name.file, wheel.info.minor));
  }
  const std::string metadata_path = wheel.dist_info + "/METADATA";
  wheel.metadata = TRY(
      parse_wheel_metadata(TRY(read_document(zip, metadata_path, kDocumentLimit)), metadata_path));
  if (sources::normalized_project(wheel.metadata.name) != wheel.name.project ||
      !same_version(wheel.metadata.version, wheel.name.version)) {
    return fail(Errc::mismatch, fmt::format("its file name says {} {}, and its METADATA says {} {}",
                                            wheel.name.distribution, wheel.name.version,
                                            wheel.metadata.name, wheel.metadata.version));
  }
  const std::string points_path = wheel.dist_info + "/entry_points.txt";
  if (const auto* points = zip.find(points_path)) {
    wheel.entry_points =
        TRY(parse_entry_points(TRY(zip.read(*points, kDocumentLimit)), points_path));
  }
  TRY(read_python_scripts(zip, wheel));
  if (record == RecordUse::verify) TRY(take_hashes_from_record(zip, wheel));
  if (record == RecordUse::rehash) TRY(take_hashes_from_members(zip, wheel));
  return wheel;
}

}  // namespace

Result<WheelContents> read_wheel(const archive::ZipArchive& zip, std::string_view file_name,
                                 RecordUse record) {
  auto wheel = read_checked(zip, TRY(parse_wheel_name(file_name)), record);
  if (!wheel) return fail(about(file_name, std::move(wheel.error())));
  return wheel;
}

Result<base::Sha256Value> hash_member(const archive::ZipArchive& zip,
                                      const archive::ZipEntry& member) {
  const auto content = TRY(zip.open_entry(member));
  std::vector<std::byte> buffer(base::kChunk);
  base::Sha256 sha;
  for (;;) {
    const auto n = TRY(content->read(buffer));
    if (n == 0) return sha.finish();
    sha.update(base::Bytes(buffer.data(), n));
  }
}

}  // namespace imgforge::layer

#include "evidence/wheel_documents.h"

#include "archive/zip.h"
#include "evidence/layer_scan.h"

namespace imgforge::evidence {
namespace {

constexpr std::size_t kLargestMetadata = 4 << 20;  // as scan_layer's

/// Where the installer puts a member (binary distribution format, "What's in a .data directory").
std::string_view installed_name(std::string_view member) {
  const std::size_t slash = member.find('/');
  if (slash == std::string_view::npos || !member.substr(0, slash).ends_with(".data")) return member;
  const std::string_view rest = member.substr(slash + 1);
  for (const std::string_view scheme : {"purelib/", "platlib/"}) {
    if (rest.starts_with(scheme)) return rest.substr(scheme.size());
  }
  return {};
}

}  // namespace

Result<std::map<std::string, PythonMetadata>> read_wheel_documents(
    const base::RandomAccess& wheel, const std::string& file_name,
    const std::string& site_packages) {
  std::map<std::string, PythonMetadata> documents;
  const auto zip = TRY(archive::ZipArchive::open(wheel, file_name));
  for (const archive::ZipEntry& entry : zip.entries()) {
    const std::string_view name = installed_name(entry.name);
    const std::string_view folder = python_metadata_folder(name);
    if (folder.empty() || entry.is_directory || entry.size > kLargestMetadata) continue;
    auto metadata = parse_python_metadata(TRY(zip.read(entry, kLargestMetadata)));
    if (metadata) documents[site_packages + "/" + std::string(folder)] = std::move(*metadata);
  }
  return documents;
}

}  // namespace imgforge::evidence

#include "store/export.h"

namespace imgforge::store {

Result<> write_output(const Store& store, const oci::Descriptor& manifest,
                      const oci::Reference& output, const std::string& name,
                      base::Progress& progress, std::stop_token stop) {
  const std::string tag = name.substr(name.rfind(':') + 1);
  if (const auto* layout = output.layout()) {
    return export_layout(store, manifest, layout->directory,
                         layout->tag ? layout->tag->to_string() : tag, progress, stop);
  }
  if (const auto* archive = output.archive()) {
    const bool docker = archive->format == oci::ArchiveReference::Format::docker;
    const std::string called = !archive->name.empty() ? archive->name : docker ? name : tag;
    return docker ? export_docker_archive(store, manifest, archive->file, {called}, progress, stop)
                  : export_oci_archive(store, manifest, archive->file, called, progress, stop);
  }
  return fail(
      Error(Errc::unsupported, "cannot write to " + output.to_string())
          .hint("outputs are oci:DIR[:tag], oci-archive:FILE[:tag] and docker-archive:FILE"));
}

}  // namespace imgforge::store

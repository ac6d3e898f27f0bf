// Images out of the store: as an OCI layout (blobs hard-linked where the file system allows), as
// one file in the OCI archive or docker-archive form, and back in. Exports are deterministic and
// atomic: the target appears whole or not at all; an existing layout gains the image and keeps its
// others.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/progress.h"
#include "oci/reference.h"
#include "store/store.h"

namespace imgforge::store {

/// Adds the image to the layout in `directory` (created when missing) under `name` (may be empty).
/// Nothing to do is fast: blobs that are there with the right size are not read.
Result<> export_layout(const Store& store, const oci::Descriptor& manifest,
                       const std::string& directory, const std::string& name,
                       base::Progress& progress, std::stop_token stop);
/// One tar with oci-layout, index.json, blobs: what skopeo and podman call oci-archive.
Result<> export_oci_archive(const Store& store, const oci::Descriptor& manifest,
                            const std::string& file, const std::string& name,
                            base::Progress& progress, std::stop_token stop);
/// One tar in docker save's form (manifest.json, config, uncompressed layer tars named by diffID,
/// repositories left out).
Result<> export_docker_archive(const Store& store, const oci::Descriptor& manifest,
                               const std::string& file, const std::vector<std::string>& names,
                               base::Progress& progress, std::stop_token stop);
/// One of the three, as `output` says; `name` ("IMAGE:TAG") is what it is called where the output
/// says nothing. Errc::unsupported for a registry.
Result<> write_output(const Store& store, const oci::Descriptor& manifest,
                      const oci::Reference& output, const std::string& name,
                      base::Progress& progress, std::stop_token stop);
/// Takes an image (by tag, or the only one) from a layout into the store; verified. The platform is
/// chosen from an index.
Result<oci::Descriptor> import_layout(Store& store, const std::string& directory,
                                      const std::string& name, const oci::Platform& platform,
                                      base::Progress& progress, std::stop_token stop);
Result<oci::Descriptor> import_oci_archive(Store& store, const std::string& file,
                                           const std::string& name, const oci::Platform& platform,
                                           base::Progress& progress, std::stop_token stop);

}  // namespace imgforge::store

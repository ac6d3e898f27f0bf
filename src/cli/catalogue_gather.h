// The catalogue of a repository in a registry: its images with tags, layers, evidence and what
// should be done about them, and the story of its channels. Each manifest is asked for once.
#pragma once

#include <string>

#include "cli/app.h"
#include "cli/promotion.h"
#include "oci/reference.h"
#include "release/catalogue.h"

namespace imgforge::cli {

/// Adds to `catalogue`. `date`: YYYY-MM-DD, for ends of life. What cannot be read is warned of.
Result<> add_repository(App& app, const oci::RegistryReference& place, const Releasing& releasing,
                        const std::string& date, release::Catalogue& catalogue);

/// What a manifest says: components, layers, when its files are from. No layers: it is no image.
release::CatalogueImage describe_manifest(const release::RawManifest& manifest);

}  // namespace imgforge::cli

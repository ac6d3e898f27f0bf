// What the kinds that ask apt have in common: their `sources` and `packages` in a spec, and the way
// to a locked part.
#pragma once

#include <string>
#include <vector>

#include "layer/deb_lock.h"
#include "layer/layer_fields.h"

namespace imgforge::layer {

/// The key `sources`: [{archive, suites, components, keyring?, snapshot?}]. A source without suites
/// has `default_suite`, when that is not empty. At least one source is demanded.
std::vector<sources::AptSource> read_apt_sources(LayerFields& fields,
                                                 const std::string& default_suite);

/// The key `packages`: names, or name=version; anything that apt would take for an option, a
/// pattern or a removal is rejected.
std::vector<std::string> read_package_names(LayerFields& fields);

/// Those that the spec names, each once; of others the machine's configuration knows.
std::vector<std::string> keyrings(const std::vector<sources::AptSource>& sources);

/// Keyrings are relative to the project; apt takes absolute paths alone.
Result<std::vector<sources::AptSource>> with_keyrings(std::vector<sources::AptSource> sources,
                                                      const std::string& project_directory);

/// Asks, keeps what an older lock has, reads the distribution's identity, and formats the part.
Result<std::string> resolve_debs(const ResolveContext& context, sources::AptRequest request,
                                 std::string_view kind);

}  // namespace imgforge::layer

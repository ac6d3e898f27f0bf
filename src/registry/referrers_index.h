// The list of referrers as a document: what the referrers interface answers, and what stands under
// a tag made of the subject's digest where a registry has no such interface (distribution-spec
// v1.1.1, "Unavailable Referrers API"). Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "content/document.h"
#include "oci/digest.h"

namespace imgforge::registry {

/// "sha256-HEX".
std::string referrers_tag(const oci::Digest& subject);

/// How a list describes that manifest: artifactType (else the config's media type) and annotations
/// are the manifest's.
Result<oci::Descriptor> describe_referrer(const content::Document& manifest);

/// `index` (nullopt: there is none yet) with the entry at its end; entries and members that this
/// program does not know stay as they are. nullopt: the digest stands there already.
Result<std::optional<std::string>> index_with_referrer(const std::optional<std::string>& index,
                                                       const oci::Descriptor& referrer);

}  // namespace imgforge::registry

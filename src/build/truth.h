// Names and promises made of what was found, never of what was wished for.
#pragma once

#include <string>

#include "layer/facts.h"
#include "release/build_tag.h"
#include "spec/image_spec.h"

namespace imgforge::build {

/// The tag that these contents have.
Result<release::BuildTag> tag_of(const layer::Facts& facts, const spec::ImageSpec& spec);

/// Compares the spec's `components` and its file name, where that is of the form of a build tag,
/// with what was found: Errc::mismatch names the word and the truth.
Result<> check_words(const layer::Facts& facts, const spec::ImageSpec& spec);

/// The document that the image carries as /opt/imgforge/promise.json.
std::string promise_of(const layer::Facts& facts, const spec::ImageSpec& spec,
                       const release::BuildTag& tag);

}  // namespace imgforge::build

// What the SBOM documents have in common: names that are made from the image alone, and what of a
// package's own words may stand in a field with a grammar. Private to the room.
#pragma once

#include <string>
#include <string_view>

#include "evidence/image.h"
#include "evidence/package.h"

namespace imgforge::evidence {

/// A UUID (RFC 9562, version 8) from the sha256 of `purpose` and the image's purl: its name where
/// it is, and its digest.
std::string uuid_of(const Image& image, std::string_view purpose);

/// "pkg:oci/pytorch-cuda@sha256:…?arch=amd64&repository_url=…&tag=…"
std::string purl_of(const Image& image);

/// The text when it is an http(s) address that URI grammars accept, empty otherwise.
std::string web_address(std::string_view text);
/// The address when it looks like one, empty otherwise.
std::string mail_address(std::string_view text);
/// Without control characters, parentheses and doubled blanks.
std::string plain_name(std::string_view text);

/// "os/debian12", or the digest's beginning in images without ids.
std::string layer_name(const ImageLayer& layer);

}  // namespace imgforge::evidence

// Harbor's lists come in pages: page counts from 1, page_size is at most 100 (above it Harbor
// refuses the request), and the end is told by Link and X-Total-Count (Harbor 2.15).
#pragma once

#include <string>

#include "http/headers.h"

namespace imgforge::harbor {

inline constexpr std::size_t kPageSize = 100;

/// `path` with page and page_size.
std::string first_page(const std::string& path);
/// The path after `pages` pages were read; empty when that was all. A Link's relation decides, and
/// without any Link the total does; its address is not followed, so that no answer can lead to
/// another place.
std::string next_page(const std::string& path, const http::Headers& headers, std::size_t pages);

/// Whether a Link field (RFC 8288) has the relation "next".
bool has_next_link(const http::Headers& headers);

}  // namespace imgforge::harbor

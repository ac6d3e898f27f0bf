// One project's page of a simple repository (PEP 503 HTML, PEP 691 JSON): its files with address,
// hash and, where the index says it, size.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace imgforge::sources {

struct IndexFile {
  std::string name;
  std::string url;     // absolute, without fragment
  std::string sha256;  // lower case; may be empty
  std::optional<std::uint64_t> size;
};

/// `page_url` is what relative references mean. Entries that cannot be understood are left out.
Result<std::vector<IndexFile>> parse_project_json(std::string_view text,
                                                  const std::string& page_url);
std::vector<IndexFile> parse_project_html(std::string_view text, const std::string& page_url);

/// Asks INDEX/PROJECT/ for JSON, takes HTML too. not_found when the index does not have the
/// project. Credentials in `index_url` go along to files on the same host.
Result<std::vector<IndexFile>> fetch_project_page(http::Client& client,
                                                  const std::string& index_url,
                                                  const std::string& project, std::stop_token stop);

}  // namespace imgforge::sources

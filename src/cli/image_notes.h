// What should be done about an image that exists: ends of life by the compatibility table, and what
// Harbor's scanner found. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "release/catalogue.h"
#include "release/repository.h"

namespace imgforge::cli {

/// `components` as the image's annotations have them ("debian": "12", "python": "3.11.2"); `date`:
/// YYYY-MM-DD.
std::vector<release::CatalogueNote> end_of_life_notes(
    const std::map<std::string, std::string>& components, const std::string& date);

/// "3 critical, 12 high; 4 of them have a fix". Empty when the scan found nothing.
std::vector<release::CatalogueNote> vulnerability_notes(const release::VulnerabilitySummary& scan);

/// "YYYY-MM-DD" of --date, else today. Errc::usage for another form.
Result<std::string> date_word(const std::optional<std::string>& word);

}  // namespace imgforge::cli

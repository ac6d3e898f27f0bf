#include "evidence/python_metadata.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::evidence {
namespace {

struct Header {
  std::string_view name;
  std::string value;  // continuation lines joined by '\n'
};

/// The lines in front of the first empty one: RFC 822 as Python's tools write it.
std::vector<Header> headers(std::string_view text) {
  std::vector<Header> out;
  for (const std::string_view line : base::lines(text)) {
    if (line.empty()) break;
    if (line.front() == ' ' || line.front() == '\t' || line.front() == '|') {
      if (!out.empty()) out.back().value += "\n" + std::string(base::trim(line));
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    out.push_back({line.substr(0, colon), std::string(base::trim(line.substr(colon + 1)))});
  }
  return out;
}

std::string value_of(const std::vector<Header>& headers, std::string_view name) {
  for (const Header& header : headers) {
    if (base::to_lower(header.name) == name && header.value != "UNKNOWN") return header.value;
  }
  return {};
}

std::string homepage_of(const std::vector<Header>& all) {
  std::string page = value_of(all, "home-page");
  for (const Header& header : all) {
    if (!page.empty() || base::to_lower(header.name) != "project-url") continue;
    const std::size_t comma = header.value.find(',');
    if (comma == std::string::npos) continue;
    const std::string label = base::to_lower(base::trim(header.value.substr(0, comma)));
    if (label == "homepage" || label == "home" || label == "source" || label == "repository") {
      page = base::trim(std::string_view(header.value).substr(comma + 1));
    }
  }
  return page;
}

Party author_of(const std::vector<Header>& all) {
  for (const char* who : {"author", "maintainer"}) {
    const std::string name = value_of(all, who);
    const std::string email = value_of(all, std::string(who) + "-email");
    // "A <a@x>, B <b@x>": the first.
    Party party = parse_party(email.substr(0, email.find(',')));
    if (!name.empty()) {
      const Party named = parse_party(name);
      party.name = named.name;
      party.organization = named.organization;
    }
    if (!party.name.empty()) return party;
  }
  return {};
}

License from_classifiers(const std::vector<Header>& all) {
  std::vector<License> parts;
  for (const Header& header : all) {
    constexpr std::string_view kLicense = "License :: ";
    if (base::to_lower(header.name) != "classifier" || !header.value.starts_with(kLicense))
      continue;
    const std::string_view words = header.value;
    const std::string_view last = words.substr(words.rfind(" :: ") + 4);
    if (last != "OSI Approved") parts.push_back(named_license(last));
  }
  return all_of(parts);
}

bool is_listed(const License& license) { return !license.empty() && license.references.empty(); }

/// The most exact statement wins: an expression, a License field that names a licence, classifiers
/// that do, whatever else was written.
License license_of(const std::vector<Header>& all) {
  if (const std::string text = value_of(all, "license-expression"); !text.empty()) {
    return parse_expression(text);
  }
  const std::string field = value_of(all, "license");
  constexpr std::size_t kLongestName = 100;
  const bool is_name = field.size() <= kLongestName && field.find('\n') == std::string::npos;
  const License written =
      is_name ? parse_expression(field)
              : named_license(field.substr(0, std::min(field.find('\n'), kLongestName)), field);
  if (is_listed(written)) return written;
  License classified = from_classifiers(all);
  if (is_listed(classified) || written.empty()) return classified;
  return written;
}

}  // namespace

std::string normal_project(std::string_view name) {
  std::string out;
  for (const char c : base::to_lower(name)) {
    const bool separator = c == '-' || c == '_' || c == '.';
    if (!separator) {
      out += c;
    } else if (!out.ends_with('-')) {
      out += '-';
    }
  }
  return out;
}

std::optional<PythonMetadata> parse_python_metadata(std::string_view text) {
  const auto all = headers(text);
  PythonMetadata metadata{.name = value_of(all, "name"), .version = value_of(all, "version")};
  if (metadata.name.empty() || metadata.version.empty()) return std::nullopt;
  metadata.project = normal_project(metadata.name);
  metadata.summary = value_of(all, "summary");
  metadata.summary = metadata.summary.substr(0, metadata.summary.find('\n'));
  metadata.homepage = homepage_of(all);
  metadata.author = author_of(all);
  metadata.license = license_of(all);
  for (const Header& header : all) {
    if (base::to_lower(header.name) == "requires-dist") {
      metadata.requires_dist.push_back(header.value);
    }
  }
  return metadata;
}

Requirement parse_requirement(std::string_view text) {
  Requirement requirement;
  const std::size_t semicolon = text.find(';');
  if (semicolon != std::string_view::npos) {
    requirement.marker = base::trim(text.substr(semicolon + 1));
    text = text.substr(0, semicolon);
  }
  text = base::trim(text);
  requirement.project = normal_project(text.substr(0, text.find_first_of(" \t[(<>=!~@")));
  return requirement;
}

}  // namespace imgforge::evidence

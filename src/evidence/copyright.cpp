#include "evidence/copyright.h"

#include <algorithm>

#include "base/text.h"
#include "sources/deb822.h"

namespace imgforge::evidence {
namespace {

using Texts = std::map<std::string, std::string, std::less<>>;

// Longer ones are cut: a LicenseRef has to say what is meant, and the file itself is in the image.
constexpr std::size_t kMaximumText = 32 * 1024;

/// A text of the field's continuation lines: " ." stands for an empty line.
std::string paragraph_text(std::string_view field) {
  std::string out;
  bool first = true;
  for (const std::string_view line : base::lines(field)) {
    if (std::exchange(first, false)) continue;  // the synopsis
    out += base::trim(line) == "." ? std::string_view() : line;
    out += '\n';
  }
  while (out.ends_with('\n')) out.pop_back();
  if (out.size() > kMaximumText) out.resize(kMaximumText);
  return out;
}

std::string_view synopsis_of(std::string_view field) {
  return base::trim(field.substr(0, field.find('\n')));
}

bool is_machine_readable(std::string_view paragraph) {
  auto format = sources::deb822_field(paragraph, "Format");
  if (!format) format = sources::deb822_field(paragraph, "Format-Specification");
  if (!format) return false;
  const std::string lower = base::to_lower(*format);
  return lower.find("copyright-format") != std::string::npos ||
         lower.find("dep5") != std::string::npos || lower.find("dep-5") != std::string::npos;
}

/// The parts between whole words `word`, in lower case as the format has them.
std::vector<std::string_view> split_words(std::string_view text, std::string_view word) {
  std::vector<std::string_view> parts;
  const std::string lower = base::to_lower(text);
  const std::string wanted = " " + std::string(word) + " ";
  std::size_t begin = 0;
  for (;;) {
    const std::size_t at = lower.find(wanted, begin);
    parts.push_back(base::trim(text.substr(begin, at == std::string::npos ? at : at - begin)));
    if (at == std::string::npos) return parts;
    begin = at + wanted.size();
  }
}

License one_name(std::string_view name, const Texts& texts) {
  const auto text = texts.find(name);
  return named_license(name, text == texts.end() ? std::string_view() : text->second);
}

/// Without commas: `and` binds stronger than `or`.
License without_commas(std::string_view text, const Texts& texts) {
  std::vector<License> choices;
  for (const std::string_view choice : split_words(text, "or")) {
    std::vector<License> both;
    for (const std::string_view name : split_words(choice, "and")) {
      both.push_back(one_name(name, texts));
    }
    choices.push_back(all_of(both));
  }
  return any_of(choices);
}

}  // namespace

License parse_synopsis(std::string_view synopsis, const Texts& texts) {
  // A comma closes what stands before it: "A or B, and C" is (A or B) and C.
  License out;
  bool begun = false;
  for (std::string_view part : base::split(synopsis, ',')) {
    part = base::trim(part);
    const std::string lower = base::to_lower(part);
    bool joins_all = true;
    if (lower.starts_with("and ")) {
      part.remove_prefix(4);
    } else if (lower.starts_with("or ")) {
      part.remove_prefix(3);
      joins_all = false;
    }
    if (part.empty()) continue;
    License next = without_commas(part, texts);
    if (!std::exchange(begun, true)) {
      out = std::move(next);
    } else {
      out = joins_all ? all_of({out, next}) : any_of({out, next});
    }
  }
  return out;
}

License parse_copyright(std::string_view text) {
  base::TextSource source(text);
  sources::ParagraphReader reader(source);
  Texts texts;
  std::vector<std::string> synopses;
  bool first = true;
  for (;;) {
    const auto next = reader.next();
    if (!next) return {};  // half of a file would say half of the truth
    if (!*next) break;
    const std::string_view paragraph = **next;
    if (std::exchange(first, false) && !is_machine_readable(paragraph)) return {};
    const auto field = sources::deb822_field(paragraph, "License");
    if (!field) continue;
    const std::string synopsis(synopsis_of(*field));
    if (synopsis.empty()) continue;
    const std::string body = paragraph_text(*field);
    if (!body.empty()) texts.emplace(synopsis, body);
    // A paragraph of a licence alone only gives its text.
    const bool alone = !sources::deb822_field(paragraph, "Files") &&
                       !sources::deb822_field(paragraph, "Format") &&
                       !sources::deb822_field(paragraph, "Format-Specification");
    if (!alone) synopses.push_back(synopsis);
  }
  std::sort(synopses.begin(), synopses.end());
  synopses.erase(std::unique(synopses.begin(), synopses.end()), synopses.end());
  std::vector<License> parts;
  for (const std::string& synopsis : synopses) parts.push_back(parse_synopsis(synopsis, texts));
  return all_of(parts);
}

}  // namespace imgforge::evidence

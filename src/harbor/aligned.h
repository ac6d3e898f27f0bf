// Text in columns. Private to the room.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace imgforge::harbor {

using TextRow = std::vector<std::string>;

inline std::string aligned(const std::vector<TextRow>& rows) {
  std::vector<std::size_t> width;
  for (const TextRow& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const TextRow& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(width[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

inline constexpr std::size_t kWidestText = 100;  // of the last column: --json has all of it

inline std::string shortened(std::string text) {
  if (text.size() <= kWidestText) return text;
  std::size_t end = kWidestText - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace imgforge::harbor

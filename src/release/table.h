// Text in columns, for people. Two spaces between columns, no trailing spaces.
#pragma once

#include <string>
#include <vector>

namespace imgforge::release {

class Table {
 public:
  explicit Table(std::vector<std::string> header);
  /// Missing cells are empty.
  void add(std::vector<std::string> cells);
  std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the header first
};

}  // namespace imgforge::release

// Versions of Python packages and the specifiers that choose among them (PEP 440): as much as
// markers, requires-python and sorted lists need. Resolving is uv's.
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::sources {

class PythonVersion {
 public:
  /// nullopt for text that is no version. Spellings are normalised ("1.0-RC.1" is "1.0rc1").
  static std::optional<PythonVersion> parse(std::string_view text);

  std::strong_ordering operator<=>(const PythonVersion& other) const;
  bool operator==(const PythonVersion& other) const { return (*this <=> other) == 0; }
  bool is_prerelease() const { return pre_phase_ >= 0 || dev_ >= 0; }
  bool has_local() const { return !local_.empty(); }
  /// The same without its local part.
  PythonVersion without_local() const;
  /// First components equal to those of `prefix` ("3.11.4" begins with "3.11").
  bool begins_with(const PythonVersion& prefix) const;
  /// Release numbers, at least `count`, padded with zeros.
  std::vector<std::uint64_t> release(std::size_t count = 1) const;

 private:
  friend bool satisfies(const PythonVersion& version, std::string_view specifiers);
  std::uint64_t epoch_ = 0;
  std::vector<std::uint64_t> release_;  // without trailing zeros for comparing
  std::size_t written_ = 0;             // how many numbers were written
  int pre_phase_ = -1;                  // 0 a, 1 b, 2 rc
  std::uint64_t pre_ = 0;
  std::int64_t post_ = -1, dev_ = -1;
  std::vector<std::string> local_;
};

/// True when `version` meets all of ">=3.9,<4,!=3.10.*"; text that is no specifier is not met. The
/// local part of `version` counts only where the specifier has one. Pre-releases are not special
/// here.
bool satisfies(const PythonVersion& version, std::string_view specifiers);

}  // namespace imgforge::sources

// The outer tar of image archives: short names, regular files and folders, nothing else. Appears
// whole or not at all.
#pragma once

#include <string>

#include "base/file.h"

namespace imgforge::store {

class UstarFile {
 public:
  /// Writes beside `path`; commit() renames.
  static Result<UstarFile> create(const std::string& path);
  ~UstarFile();
  UstarFile(UstarFile&& other) noexcept;

  Result<> folder(const std::string& name);
  Result<> file(const std::string& name, std::string_view content);
  /// The size is found while copying and put into the header afterwards.
  Result<> file(const std::string& name, base::Source& content);
  Result<> commit();

 private:
  UstarFile(std::string path, std::string temporary, base::File file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}
  std::string path_;
  std::string temporary_;
  base::File file_;
  std::uint64_t offset_ = 0;
};

}  // namespace imgforge::store

// Where uploads in pieces have got to, as small files in a folder of the caller's: another process
// goes on from there after this one was killed. A note may hold the server's address of the upload,
// with which anybody could go on: files have mode 0600.
#pragma once

#include <optional>
#include <string>

#include "oci/digest.h"

namespace imgforge::registry {

class UploadJournal {
 public:
  /// The folder is created with the first note.
  explicit UploadJournal(std::string directory) : directory_(std::move(directory)) {}

  struct Place {
    std::string location;  // absolute URL
    std::uint64_t offset = 0;
    bool operator==(const Place&) const = default;
  };
  /// nullopt when there is no note, or none that can be read.
  std::optional<Place> find(const std::string& host, const std::string& repository,
                            const oci::Digest& blob) const;
  Result<> note(const std::string& host, const std::string& repository, const oci::Digest& blob,
                const Place& place) const;
  void forget(const std::string& host, const std::string& repository,
              const oci::Digest& blob) const;

 private:
  std::string file(const std::string& host, const std::string& repository,
                   const oci::Digest& blob) const;
  std::string directory_;
};

}  // namespace imgforge::registry

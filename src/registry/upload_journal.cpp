// A note: {"location": URL, "offset": N}, in DIR/HEX.json where HEX is the SHA-256 of
// "HOST/REPOSITORY@DIGEST".
#include "registry/upload_journal.h"

#include "base/file.h"
#include "base/json.h"
#include "base/sha256.h"

namespace imgforge::registry {

std::string UploadJournal::file(const std::string& host, const std::string& repository,
                                const oci::Digest& blob) const {
  return directory_ + "/" + base::sha256_hex(host + "/" + repository + "@" + blob.to_string()) +
         ".json";
}

std::optional<UploadJournal::Place> UploadJournal::find(const std::string& host,
                                                        const std::string& repository,
                                                        const oci::Digest& blob) const {
  const auto text = base::read_file(file(host, repository, blob), 64 << 10);
  if (!text) return std::nullopt;
  const auto json = base::parse_json(*text, "the note of an upload");
  if (!json) return std::nullopt;
  base::JsonReader reader(*json, "upload");
  Place place{reader.text("location"), reader.number("offset")};
  if (!reader.finish_tolerant() || place.location.empty()) return std::nullopt;
  return place;
}

Result<> UploadJournal::note(const std::string& host, const std::string& repository,
                             const oci::Digest& blob, const Place& place) const {
  TRY(base::make_directories(directory_, 0700));
  const base::Json json = {{"location", place.location}, {"offset", place.offset}};
  return base::write_file_atomic(file(host, repository, blob), base::canonical_json(json), 0600);
}

void UploadJournal::forget(const std::string& host, const std::string& repository,
                           const oci::Digest& blob) const {
  (void)base::remove_all(file(host, repository, blob));
}

}  // namespace imgforge::registry

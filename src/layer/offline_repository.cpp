#include "layer/offline_repository.h"

#include <fmt/format.h>

#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace imgforge::layer {
namespace {

std::string repository_stanza(const sources::LockedDeb& deb) {
  const std::string place = fmt::format("Filename: ./pool/{}.deb\n", deb.input.digest.hex());
  std::string out;
  bool placed = false;
  for (std::string_view line : base::lines(deb.stanza)) {
    if (line.starts_with("Filename:")) {
      out += place;
      placed = true;
    } else {
      out += line;
      out += '\n';
    }
  }
  return placed ? out : out + place;
}

// RFC 3986's unreserved characters and the slash; independent of the locale.
bool is_plain(unsigned char byte) {
  return (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
         (byte >= 'A' && byte <= 'Z') ||
         std::string_view("/-._~").find(static_cast<char>(byte)) != std::string_view::npos;
}

}  // namespace

Result<> write_offline_repository(const std::string& directory,
                                  const std::vector<sources::LockedDeb>& debs,
                                  const store::Store& store) {
  TRY(base::make_directories(directory + "/pool"));
  std::string packages;
  for (const auto& deb : debs) {
    packages += repository_stanza(deb);
    packages += '\n';
    TRY(base::link_or_copy(store.input_path(deb.input.digest),
                           fmt::format("{}/pool/{}.deb", directory, deb.input.digest.hex())));
  }
  return base::write_file_atomic(directory + "/Packages", packages);
}

std::string offline_source_line(const std::string& directory) {
  std::string uri;
  for (const char c : directory) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain(byte)) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", byte);
    }
  }
  return fmt::format("deb [trusted=yes] copy:{} ./", uri);
}

}  // namespace imgforge::layer

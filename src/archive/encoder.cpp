#include "archive/encoder.h"

#include "base/text.h"

namespace imgforge::archive {

Result<Encoder> parse_encoder(std::string_view text) {
  const auto bad = [&](const std::string& why) {
    return fail(Error(Errc::invalid, "\"" + std::string(text) + "\" is not a compression: " + why)
                    .hint("use none, gzip, gzip:1 to gzip:12, zstd, or zstd:1 to zstd:19"));
  };
  const std::size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  Encoder encoder;
  int highest = 0;
  if (name == "none") {
    encoder = {Compression::none, 0};
  } else if (name == "gzip") {
    encoder = {Compression::gzip, 6};
    highest = 12;
  } else if (name == "zstd") {
    encoder = {Compression::zstd, 3};
    highest = 19;
  } else {
    return bad("there is no such name");
  }
  if (colon == std::string_view::npos) return encoder;
  if (highest == 0) return bad("none has no level");
  const auto level = base::parse_uint(text.substr(colon + 1));
  if (!level || *level < 1 || *level > static_cast<std::uint64_t>(highest)) {
    return bad("its level is a number from 1 to " + std::to_string(highest));
  }
  encoder.level = static_cast<int>(*level);
  return encoder;
}

std::string layer_media_type(Compression compression) {
  const std::string tar = "application/vnd.oci.image.layer.v1.tar";
  switch (compression) {
    case Compression::none:
      return tar;
    case Compression::gzip:
      return tar + "+gzip";
    case Compression::zstd:
      return tar + "+zstd";
  }
  return tar;
}

}  // namespace imgforge::archive

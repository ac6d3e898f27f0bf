#include "archive/encoder.h"

#include "fixtures.h"

namespace imgforge::archive {

TEST_CASE("encoders are parsed, and named by what decides about their bytes") {
  const auto id = [](const char* text) { return encoder_id(REQUIRE_OK(parse_encoder(text))); };
  // The versions are those of the libraries that are linked statically.
  CHECK(id("gzip").starts_with("gzip:libdeflate-1."));
  CHECK(id("gzip").ends_with(":6:1MiB:r1"));
  CHECK(id("gzip:12").ends_with(":12:1MiB:r1"));
  CHECK(id("zstd").starts_with("zstd:1."));
  CHECK(id("zstd").ends_with(":3:4MiB:r1"));
  CHECK(id("zstd:19").ends_with(":19:4MiB:r1"));
  CHECK(id("none") == "none:r1");
  for (const char* wrong : {"", "gzip:", "gzip:0", "gzip:13", "gzip:6x", "zstd:20", "zstd:-1",
                            "none:1", "lz4", "GZIP", "gzip:6:6"}) {
    INFO(wrong);
    const auto parsed = parse_encoder(wrong);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == Errc::invalid);
    CHECK_FALSE(parsed.error().hint().empty());
  }
}

TEST_CASE("layer media types are those of the image specification") {
  CHECK(layer_media_type(Compression::none) == "application/vnd.oci.image.layer.v1.tar");
  CHECK(layer_media_type(Compression::gzip) == "application/vnd.oci.image.layer.v1.tar+gzip");
  CHECK(layer_media_type(Compression::zstd) == "application/vnd.oci.image.layer.v1.tar+zstd");
}

}  // namespace imgforge::archive

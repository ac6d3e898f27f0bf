#include "archive/block_encoder.h"

#include <libdeflate.h>
#include <zstd.h>

#include <cstring>

namespace imgforge::archive {
namespace {

constexpr std::size_t kGzipBlock = std::size_t{1} << 20;
constexpr std::size_t kZstdBlock = std::size_t{4} << 20;

struct DeflateDeleter {
  void operator()(libdeflate_compressor* c) const { libdeflate_free_compressor(c); }
};
struct ZstdDeleter {
  void operator()(ZSTD_CCtx* c) const { ZSTD_freeCCtx(c); }
};

class GzipEncoder final : public BlockEncoder {
 public:
  explicit GzipEncoder(libdeflate_compressor* compressor) : compressor_(compressor) {}

  Result<> encode(base::Bytes block, Buffer& out) override {
    const std::size_t bound = libdeflate_deflate_compress_bound(compressor_.get(), block.size());
    out.reserve(kGzipHeader.size() + bound + kGzipTrailerSize);
    out.resize(0);
    std::byte* at = out.rest().data();
    std::memcpy(at, kGzipHeader.data(), kGzipHeader.size());
    const std::size_t packed = libdeflate_deflate_compress(
        compressor_.get(), block.data(), block.size(), at + kGzipHeader.size(), bound);
    if (packed == 0) return fail(Errc::internal, "libdeflate broke its own size bound");
    const auto trailer =
        gzip_trailer(libdeflate_crc32(0, block.data(), block.size()), block.size());
    std::memcpy(at + kGzipHeader.size() + packed, trailer.data(), trailer.size());
    out.resize(kGzipHeader.size() + packed + trailer.size());
    return {};
  }

 private:
  std::unique_ptr<libdeflate_compressor, DeflateDeleter> compressor_;
};

class ZstdEncoder final : public BlockEncoder {
 public:
  explicit ZstdEncoder(ZSTD_CCtx* context) : context_(context) {}

  Result<> encode(base::Bytes block, Buffer& out) override {
    out.reserve(ZSTD_compressBound(block.size()));
    out.resize(0);
    const base::MutableBytes room = out.rest();
    const std::size_t packed =
        ZSTD_compress2(context_.get(), room.data(), room.size(), block.data(), block.size());
    if (ZSTD_isError(packed)) {
      return fail(Errc::internal, std::string("zstd failed: ") + ZSTD_getErrorName(packed));
    }
    out.resize(packed);
    return {};
  }

 private:
  std::unique_ptr<ZSTD_CCtx, ZstdDeleter> context_;
};

Error bad_level(const Encoder& encoder, int highest) {
  return Error(Errc::invalid,
               "the compression level " + std::to_string(encoder.level) + " does not exist")
      .hint("use a level from 1 to " + std::to_string(highest));
}

}  // namespace

std::size_t block_size(const Encoder& encoder) {
  return encoder.compression == Compression::zstd ? kZstdBlock : kGzipBlock;
}

std::array<std::byte, kGzipTrailerSize> gzip_trailer(std::uint32_t crc32, std::uint64_t size) {
  std::array<std::byte, kGzipTrailerSize> out;
  for (std::size_t i = 0; i < 4; ++i) {
    out[i] = static_cast<std::byte>(crc32 >> (8 * i));
    out[4 + i] = static_cast<std::byte>(size >> (8 * i));
  }
  return out;
}

Result<std::unique_ptr<BlockEncoder>> BlockEncoder::create(const Encoder& encoder) {
  switch (encoder.compression) {
    case Compression::none:
      return nullptr;
    case Compression::gzip: {
      if (encoder.level < 1 || encoder.level > 12) return fail(bad_level(encoder, 12));
      libdeflate_compressor* compressor = libdeflate_alloc_compressor(encoder.level);
      if (compressor == nullptr) return fail(Errc::io, "there is no memory for a compressor");
      return std::make_unique<GzipEncoder>(compressor);
    }
    case Compression::zstd: {
      if (encoder.level < 1 || encoder.level > 19) return fail(bad_level(encoder, 19));
      ZSTD_CCtx* context = ZSTD_createCCtx();
      if (context == nullptr) return fail(Errc::io, "there is no memory for a compressor");
      auto made = std::make_unique<ZstdEncoder>(context);
      // Everything that decides about bytes is set here, whatever the library's defaults become.
      // No checksum: the blob's digest is checked by everyone who pulls it.
      for (const auto& [parameter, value] : {std::pair{ZSTD_c_compressionLevel, encoder.level},
                                             {ZSTD_c_contentSizeFlag, 1},
                                             {ZSTD_c_checksumFlag, 0},
                                             {ZSTD_c_dictIDFlag, 0},
                                             {ZSTD_c_enableLongDistanceMatching, 0},
                                             {ZSTD_c_nbWorkers, 0}}) {
        if (ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value))) {
          return fail(Errc::internal, "zstd refused a parameter");
        }
      }
      return made;
    }
  }
  return fail(Errc::internal, "unknown compression");
}

// Here and not in encoder.h's own file, because only this file sees the libraries' versions.
std::string encoder_id(const Encoder& encoder) {
  // The revision of our framing: blocks, member headers, what is spliced (LayerWriterOptions).
  const std::string level = std::to_string(encoder.level);
  switch (encoder.compression) {
    case Compression::none:
      return "none:r1";
    case Compression::gzip:
      return "gzip:libdeflate-" LIBDEFLATE_VERSION_STRING ":" + level + ":1MiB:r1";
    case Compression::zstd:
      return "zstd:" + std::string(ZSTD_versionString()) + ":" + level + ":4MiB:r1";
  }
  return "";
}

}  // namespace imgforge::archive

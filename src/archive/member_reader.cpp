#include "archive/member_reader.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <array>

namespace imgforge::archive {

struct MemberReader::State {
  const base::RandomAccess* data = nullptr;
  base::Sink* raw = nullptr;
  MemberRange range;
  std::uint64_t taken = 0;  // raw bytes read
  std::uint64_t given = 0;  // content bytes handed out
  std::uint32_t crc = 0;
  std::unique_ptr<std::byte[]> input;
  std::size_t input_capacity = 0;
  inflate_state inflate;

  Error wrong(const std::string& what) const {
    return Error(Errc::mismatch, range.shown + " is damaged: " + what)
        .hint("fetch the archive again and compare its sha256");
  }

  Result<> refill() {
    const std::uint64_t rest = range.compressed_size - taken;
    if (rest == 0) return fail(wrong("its compressed data ends early"));
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(rest, base::kChunk));
    if (n > input_capacity) {
      // Small members get small buffers, so that reading thousands of them touches little memory.
      input_capacity = rest > n ? base::kChunk : std::max<std::size_t>(n, 16 * 1024);
      input = std::make_unique_for_overwrite<std::byte[]>(input_capacity);
    }
    const base::MutableBytes chunk(input.get(), n);
    TRY(data->read_at(range.offset + taken, chunk));
    if (raw != nullptr) TRY(raw->write(chunk));
    taken += n;
    inflate.next_in = reinterpret_cast<std::uint8_t*>(input.get());
    inflate.avail_in = static_cast<std::uint32_t>(n);
    return {};
  }

  bool ended() const { return inflate.block_state == ISAL_BLOCK_FINISH; }

  // One step of the inflater; returns the bytes it made, 0 when it only took input.
  Result<std::size_t> step(base::MutableBytes out) {
    if (inflate.avail_in == 0 && !ended() && taken < range.compressed_size) TRY(refill());
    inflate.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    inflate.avail_out = static_cast<std::uint32_t>(out.size());
    const std::uint32_t input_before = inflate.avail_in;
    const int code = isal_inflate(&inflate);
    const std::size_t made = out.size() - inflate.avail_out;
    if (code < 0 || code == ISAL_NEED_DICT) return fail(wrong("its compressed data is invalid"));
    if (made == 0 && !ended() && inflate.avail_in == input_before) {
      return fail(wrong("its compressed data ends early"));
    }
    return made;
  }

  // After the last content byte: the stream must end here, and with it the raw bytes.
  Result<> finish() {
    if (range.deflated) {
      std::array<std::byte, 16> beyond;
      while (!ended()) {
        if (TRY(step(beyond)) != 0) return fail(wrong("it is longer than the directory says"));
      }
      const std::uint64_t unused =
          inflate.avail_in + static_cast<std::uint64_t>(std::max(inflate.read_in_length, 0) / 8);
      if (taken - unused != range.compressed_size) {
        return fail(wrong("its compressed data ends before the size in the directory"));
      }
    }
    if (crc != range.crc32) return fail(wrong("its CRC-32 is not the directory's"));
    return {};
  }
};

MemberReader::MemberReader() : state_(std::make_unique<State>()) {}
MemberReader::~MemberReader() = default;
MemberReader::MemberReader(MemberReader&&) noexcept = default;

Result<> MemberReader::start(const base::RandomAccess& data, MemberRange range, base::Sink* raw) {
  State& s = *state_;
  s.data = &data;
  s.raw = raw;
  s.range = std::move(range);
  s.taken = 0;
  s.given = 0;
  s.crc = 0;
  if (s.range.deflated) {
    isal_inflate_init(&s.inflate);
    s.inflate.crc_flag = ISAL_DEFLATE;
    s.inflate.avail_in = 0;
  }
  if (s.range.size == 0) TRY(s.finish());
  return {};
}

Result<std::size_t> MemberReader::read(base::MutableBytes buffer) {
  State& s = *state_;
  const std::uint64_t rest = s.range.size - s.given;
  buffer = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(rest, buffer.size())));
  if (buffer.empty()) return 0;
  std::size_t filled = 0;
  if (!s.range.deflated) {
    TRY(s.data->read_at(s.range.offset + s.given, buffer));
    if (s.raw != nullptr) TRY(s.raw->write(buffer));
    filled = buffer.size();
  }
  while (filled < buffer.size()) {
    if (s.ended()) return fail(s.wrong("it is shorter than the directory says"));
    filled += TRY(s.step(buffer.subspan(filled)));
  }
  s.crc = crc32_gzip_refl(s.crc, reinterpret_cast<const unsigned char*>(buffer.data()), filled);
  s.given += filled;
  if (s.given == s.range.size) TRY(s.finish());
  return filled;
}

}  // namespace imgforge::archive

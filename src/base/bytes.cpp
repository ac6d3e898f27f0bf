#include "base/bytes.h"

#include <algorithm>
#include <vector>

namespace imgforge::base {

Result<> TextAccess::read_at(std::uint64_t offset, MutableBytes buffer) const {
  if (offset > text_.size() || buffer.size() > text_.size() - offset) {
    return fail(Errc::io, "the data ends early");
  }
  text_.copy(reinterpret_cast<char*>(buffer.data()), buffer.size(), offset);
  return {};
}

Result<std::size_t> RangeSource::read(MutableBytes buffer) {
  const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), rest_));
  if (n == 0) return 0;
  TRY(data_.read_at(offset_, buffer.first(n)));
  offset_ += n;
  rest_ -= n;
  return n;
}

Result<std::uint64_t> copy(Source& source, Sink& sink) {
  std::vector<std::byte> buffer(kChunk);
  std::uint64_t total = 0;
  for (;;) {
    const std::size_t n = TRY(source.read(buffer));
    if (n == 0) return total;
    TRY(sink.write(Bytes(buffer).first(n)));
    total += n;
  }
}

Result<std::string> read_all(Source& source, std::size_t limit) {
  std::string out;
  std::vector<std::byte> buffer(64 * 1024);
  for (;;) {
    const std::size_t n = TRY(source.read(buffer));
    if (n == 0) return out;
    if (out.size() + n > limit) {
      return fail(Errc::invalid, "the document is larger than " + std::to_string(limit) + " bytes");
    }
    out.append(as_text(Bytes(buffer).first(n)));
  }
}

}  // namespace imgforge::base

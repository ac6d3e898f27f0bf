#include "sources/deb822.h"

#include "base/text.h"
#include "http/headers.h"

namespace imgforge::sources {
namespace {

constexpr std::size_t kLongestParagraph = 4 << 20;

}  // namespace

std::optional<std::string> deb822_field(std::string_view paragraph, std::string_view name) {
  std::optional<std::string> value;
  while (!paragraph.empty()) {
    const std::size_t end = std::min(paragraph.find('\n'), paragraph.size());
    std::string_view line = paragraph.substr(0, end);
    paragraph.remove_prefix(std::min(end + 1, paragraph.size()));
    if (line.starts_with('#')) continue;
    if (line.starts_with(' ') || line.starts_with('\t')) {
      if (value) {
        *value += '\n';
        *value += base::trim(line);
      }
      continue;
    }
    if (value) return value;
    if (line.size() > name.size() && line[name.size()] == ':' &&
        http::same_name(line.substr(0, name.size()), name)) {
      value = std::string(base::trim(line.substr(name.size() + 1)));
    }
  }
  return value;
}

Result<bool> ParagraphReader::fill() {
  if (at_end_) return false;
  buffer_.erase(0, used_);
  used_ = 0;
  const std::size_t old = buffer_.size();
  buffer_.resize(old + base::kChunk);
  auto got = source_.read({reinterpret_cast<std::byte*>(buffer_.data()) + old, base::kChunk});
  buffer_.resize(old + got.value_or(0));
  if (!got) return fail(std::move(got.error()));
  at_end_ = *got == 0;
  return !at_end_;
}

Result<std::optional<std::string_view>> ParagraphReader::next() {
  for (;;) {
    // Empty lines between paragraphs.
    while (used_ < buffer_.size() && buffer_[used_] == '\n') ++used_;
    const std::size_t end = buffer_.find("\n\n", used_);
    if (used_ < buffer_.size() && end != std::string::npos) {
      const auto paragraph = std::string_view(buffer_).substr(used_, end + 1 - used_);
      used_ = end + 2;
      return paragraph;
    }
    if (buffer_.size() - used_ > kLongestParagraph) {
      return fail(Errc::invalid, "a paragraph of a package list is too long");
    }
    if (!TRY(fill())) break;
  }
  if (used_ >= buffer_.size()) return std::nullopt;
  if (!buffer_.ends_with('\n')) buffer_ += '\n';
  const auto paragraph = std::string_view(buffer_).substr(used_);
  used_ = buffer_.size();
  return paragraph;
}

}  // namespace imgforge::sources

// Any bytes as a Debian package: no crash, and errors that name the package.
#include <cstdint>
#include <cstdlib>

#include "archive/deb.h"

using namespace imgforge;
using namespace imgforge::archive;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::TextAccess deb(std::string_view(reinterpret_cast<const char*>(data), size));
  const auto control = read_deb_control(deb, "fuzz.deb");
  if (!control && control.error().summary().find("fuzz.deb") == std::string::npos) std::abort();
  const auto read =
      read_deb_data(deb, "fuzz.deb", [](const TarEntry& entry, base::Source& content) {
        const auto text = base::read_all(content, 1 << 20);
        if (text && entry.type == EntryType::file && text->size() != entry.size) std::abort();
        return Result<>();
      });
  if (!read && read.error().message().empty()) std::abort();
  return 0;
}

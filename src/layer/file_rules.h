// What a spec may say about the files that it puts into an image (where, whose, which mode), and
// what no layer may contain. Shared by the kinds that unpack archives or copy files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "archive/tar.h"
#include "layer/glob.h"
#include "layer/layer_fields.h"

namespace imgforge::layer {

struct Owner {
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
};

/// "0:0", "1000" (both): numbers only, since names mean something else in every image.
std::optional<Owner> parse_owner(std::string_view text);
/// "0644", "755": octal permission bits without setuid, setgid and sticky.
std::optional<std::uint32_t> parse_mode(std::string_view text);
/// An absolute folder in the image as layers name it: "/app/" -> "app", "/" -> "".
std::optional<std::string> parse_folder(std::string_view text);

/// The same from a field of a layer entry; mistakes are recorded in `fields`.
Owner owner_field(LayerFields& fields, const char* key);
std::optional<std::uint32_t> mode_field(LayerFields& fields, const char* key);
/// `written`, when given, receives the patterns as they stand there.
GlobSet patterns_field(LayerFields& fields, const char* key,
                       std::vector<std::string>* written = nullptr);
std::string folder_field(LayerFields& fields, const char* key, const std::string& fallback);

/// "app" + "x/y" -> "app/x/y"; either may be empty.
std::string inside(std::string_view folder, std::string_view path);

/// Where the symbolic link at `path` leads, by text: relative to the image's root without a leading
/// slash; nullopt when it climbs above the root.
std::optional<std::string> link_destination(std::string_view path, std::string_view target);
/// Errc::invalid, naming the link, when it leads out of `folder` ("" is the whole image).
Result<> check_link(std::string_view path, std::string_view target, std::string_view folder,
                    const std::string& origin);

/// Libraries that belong to the host's driver and are put into the container when it starts:
/// libcuda.so*, libnvidia-*.so* and their kin (nvidia-container-toolkit). In an image they hide the
/// host's and break every other driver version.
bool is_driver_library(std::string_view path);
/// Errc::refused, naming the file.
Result<> refuse_driver_library(std::string_view path, const std::string& origin);

}  // namespace imgforge::layer

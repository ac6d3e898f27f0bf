#include "layer/file_rules.h"

#include <fmt/format.h>

#include <array>
#include <vector>

#include "base/text.h"

namespace imgforge::layer {

std::optional<Owner> parse_owner(std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto uid = base::parse_uint(text.substr(0, colon));
  const auto gid = colon == std::string_view::npos ? uid : base::parse_uint(text.substr(colon + 1));
  constexpr std::uint64_t kLargest = 0xfffffffe;  // 32 bits, and the last one means "nobody given"
  if (!uid || !gid || *uid > kLargest || *gid > kLargest) return std::nullopt;
  return Owner{*uid, *gid};
}

std::optional<std::uint32_t> parse_mode(std::string_view text) {
  if (text.starts_with("0o")) text.remove_prefix(2);
  if (text.size() < 3 || text.size() > 4) return std::nullopt;
  std::uint32_t mode = 0;
  for (const char c : text) {
    if (c < '0' || c > '7') return std::nullopt;
    mode = mode * 8 + static_cast<std::uint32_t>(c - '0');
  }
  if (mode > 0777) return std::nullopt;
  return mode;
}

std::optional<std::string> parse_folder(std::string_view text) {
  if (!text.starts_with('/')) return std::nullopt;
  auto path = archive::normal_path(text);
  if (!path) return std::nullopt;
  return *std::move(path);
}

Owner owner_field(LayerFields& fields, const char* key) {
  const auto text = fields.optional_text(key);
  if (!text) return {};
  const auto owner = parse_owner(*text);
  if (!owner) {
    fields.reject(key, fmt::format("\"{}\" is no owner", *text),
                  "write numbers as \"1000:1000\": names mean something else in every image");
    return {};
  }
  return *owner;
}

std::optional<std::uint32_t> mode_field(LayerFields& fields, const char* key) {
  const auto text = fields.optional_text(key);
  if (!text) return std::nullopt;
  const auto mode = parse_mode(*text);
  if (!mode) {
    fields.reject(key, fmt::format("\"{}\" is no mode", *text),
                  "write octal permission bits as \"0644\"; setuid and setgid cannot be given");
  }
  return mode;
}

std::string folder_field(LayerFields& fields, const char* key, const std::string& fallback) {
  const auto text = fields.text_or(key, fallback);
  const auto folder = parse_folder(text);
  if (!folder) {
    fields.reject(key, fmt::format("\"{}\" is no folder of the image", text),
                  "write an absolute path without \"..\", as \"/app\"");
    return {};
  }
  return *folder;
}

GlobSet patterns_field(LayerFields& fields, const char* key, std::vector<std::string>* written) {
  const auto patterns = fields.texts_or_empty(key);
  auto set = GlobSet::parse(patterns);
  if (!set) {
    fields.reject(key, set.error().message(), set.error().hint());
    return {};
  }
  if (written != nullptr) *written = patterns;
  return *std::move(set);
}

std::string inside(std::string_view folder, std::string_view path) {
  if (folder.empty()) return std::string(path);
  if (path.empty()) return std::string(folder);
  return fmt::format("{}/{}", folder, path);
}

std::optional<std::string> link_destination(std::string_view path, std::string_view target) {
  std::vector<std::string_view> parts;
  const auto walk = [&](std::string_view text) {
    for (const std::string_view part : base::split(text, '/')) {
      if (part.empty() || part == ".") continue;
      if (part == "..") {
        if (parts.empty()) return false;
        parts.pop_back();
      } else {
        parts.push_back(part);
      }
    }
    return true;
  };
  if (!target.starts_with('/')) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos && !walk(path.substr(0, slash))) return std::nullopt;
  }
  if (!walk(target)) return std::nullopt;
  return fmt::format("{}", fmt::join(parts, "/"));
}

Result<> check_link(std::string_view path, std::string_view target, std::string_view folder,
                    const std::string& origin) {
  const auto destination = link_destination(path, target);
  const bool stays =
      destination && (folder.empty() || *destination == folder ||
                      (destination->starts_with(folder) && (*destination)[folder.size()] == '/'));
  if (stays) return {};
  return fail(Error(Errc::invalid, fmt::format("{} has the link /{} -> {}, which leads out of /{}",
                                               origin, path, target, folder))
                  .hint("leave it out with a pattern, or unpack to a folder that holds both ends"));
}

bool is_driver_library(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  if (name.find(".so") == std::string_view::npos) return false;
  // What nvidia-container-toolkit mounts for the capabilities compute, utility, video, graphics.
  static constexpr std::array kNames = {
      std::string_view("libcuda.so"), std::string_view("libcudadebugger.so"),
      std::string_view("libnvcuvid.so"), std::string_view("libnvoptix.so")};
  for (const std::string_view one : kNames) {
    if (name == one || (name.starts_with(one) && name[one.size()] == '.')) return true;
  }
  return name.starts_with("libnvidia-");
}

Result<> refuse_driver_library(std::string_view path, const std::string& origin) {
  if (!is_driver_library(path)) return {};
  return fail(
      Error(
          Errc::refused,
          fmt::format("{} would put the driver library /{} into the image; it comes from the host "
                      "when the container starts, and a copy in the image hides that one",
                      origin, path))
          .hint(fmt::format("leave it out: exclude: [\"{}\"]", path.substr(path.rfind('/') + 1))));
}

}  // namespace imgforge::layer

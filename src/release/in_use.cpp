#include "release/in_use.h"

#include <map>
#include <utility>

#include "release/build_order.h"
#include "release/build_tag.h"

namespace imgforge::release {
namespace {

struct Line {
  bool has_channel = false;
  std::size_t newest = 0;  // index of the image
  std::string build;       // its id
};

}  // namespace

std::vector<bool> in_use(const std::vector<CatalogueImage>& images) {
  std::vector<bool> used(images.size(), false);
  std::map<std::pair<std::string, TagParts>, Line> lines;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto tag = BuildTag::parse(images[i].tag);
    used[i] = !images[i].channels.empty() || !tag;
    if (!tag) continue;
    TagParts parts = tag->parts();
    const std::string build = std::exchange(parts.build, "");
    Line& line = lines[{images[i].repository, std::move(parts)}];
    line.has_channel = line.has_channel || !images[i].channels.empty();
    if (line.build.empty() || compare_build_ids(build, line.build) > 0) {
      line.newest = i;
      line.build = build;
    }
  }
  for (const auto& [name, line] : lines) {
    if (!line.has_channel) used[line.newest] = true;
  }
  return used;
}

}  // namespace imgforge::release

#include "release/branch_map.h"

#include <fmt/format.h>

#include <algorithm>

#include "oci/reference.h"
#include "release/build_tag.h"

namespace imgforge::release {
namespace {

Result<> check_channel_name(const BranchMap::Entry& entry) {
  const bool is_build = looks_like_build_tag(entry.channel);
  if (!is_build && oci::Tag::parse(entry.channel)) return {};
  return fail(Error(Errc::invalid,
                    fmt::format("the branch {} cannot feed '{}': {}", entry.branch, entry.channel,
                                is_build ? "that is a build tag" : "that is no tag"))
                  .at(entry.where)
                  .hint("a channel looks like v2.6-lts or nightly"));
}

}  // namespace

Result<BranchMap> BranchMap::make(const std::vector<Entry>& entries) {
  BranchMap map;
  for (const Entry& entry : entries) {
    auto pattern = Pattern::parse(entry.branch);
    if (!pattern) return fail(std::move(pattern.error()).at(entry.where));
    TRY(check_channel_name(entry));
    for (const Row& row : map.rows_) {
      if (row.channel == entry.channel || row.branch.is_name() != pattern->is_name() ||
          !row.branch.overlaps(*pattern)) {
        continue;
      }
      return fail(Error(Errc::invalid,
                        fmt::format("one branch can match both '{}' and '{}', which feed {} and {}",
                                    row.branch.text(), entry.branch, row.channel, entry.channel))
                      .at(entry.where)
                      .hint("make the patterns exclude each other; the plain name of a branch goes "
                            "before every pattern"));
    }
    map.rows_.push_back({*std::move(pattern), entry.channel});
  }
  return map;
}

std::optional<std::string> BranchMap::channel_of(std::string_view branch) const {
  constexpr std::string_view kHeads = "refs/heads/";
  if (branch.starts_with(kHeads)) branch.remove_prefix(kHeads.size());
  const Row* found = nullptr;
  for (const Row& row : rows_) {
    if (!row.branch.matches(branch)) continue;
    if (found == nullptr || row.branch.is_name()) found = &row;
  }
  return found == nullptr ? std::nullopt : std::optional(found->channel);
}

std::vector<std::string> BranchMap::channels() const {
  std::vector<std::string> names;
  for (const Row& row : rows_) {
    if (std::find(names.begin(), names.end(), row.channel) == names.end()) {
      names.push_back(row.channel);
    }
  }
  return names;
}

}  // namespace imgforge::release

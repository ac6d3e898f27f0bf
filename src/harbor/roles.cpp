#include "harbor/roles.h"

#include <algorithm>
#include <map>

#include "base/text.h"

namespace imgforge::harbor {
namespace {

using Matrix = std::map<std::string_view, std::vector<std::string_view>>;

// What Harbor 2.15.2 answers on /permissions for projects.
const Matrix& matrix() {
  static const Matrix kMatrix = {
      {"accessory", {"list"}},
      {"artifact", {"create", "read", "list", "delete"}},
      {"artifact-addition", {"read"}},
      {"artifact-label", {"create", "delete"}},
      {"export-cve", {"create", "read"}},
      {"immutable-tag", {"create", "list", "update", "delete"}},
      {"label", {"create", "read", "list", "update", "delete"}},
      {"log", {"list"}},
      {"member", {"create", "read", "update", "list", "delete"}},
      {"metadata", {"create", "read", "update", "delete", "list"}},
      {"notification-policy", {"create", "read", "update", "delete", "list"}},
      {"preheat-policy", {"create", "read", "update", "delete", "list"}},
      {"project", {"read", "update", "delete"}},
      {"quota", {"read"}},
      {"repository", {"pull", "push", "read", "update", "delete", "list"}},
      {"robot", {"create", "read", "list", "delete"}},
      {"sbom", {"create", "read", "stop"}},
      {"scan", {"create", "read", "stop"}},
      {"scanner", {"create", "read"}},
      {"tag", {"create", "list", "delete"}},
      {"tag-retention", {"create", "read", "update", "delete", "list", "operate"}},
  };
  return kMatrix;
}

const Access kDeveloper = {
    {"accessory", "list"},  {"artifact", "list"},          {"artifact", "read"},
    {"project", "read"},    {"artifact-addition", "read"}, {"repository", "list"},
    {"repository", "pull"}, {"repository", "read"},        {"tag", "list"},
};

const Access kCi = {
    {"immutable-tag", "list"}, {"repository", "push"}, {"scan", "create"},
    {"scan", "read"},          {"tag", "create"},
};

const Access kPromoter = {
    {"artifact", "create"},
    {"artifact-label", "create"},
    {"artifact-label", "delete"},
    {"immutable-tag", "list"},
    {"label", "list"},
    {"label", "read"},
    {"repository", "push"},
    {"scan", "read"},
    {"tag", "create"},
    {"tag", "delete"},
};

}  // namespace

std::vector<std::string_view> role_names() { return {"developer", "ci", "promoter"}; }

Result<Access> access_of_role(std::string_view role) {
  Access access = kDeveloper;
  if (role == "ci") {
    access.insert(kCi.begin(), kCi.end());
  } else if (role == "promoter") {
    access.insert(kPromoter.begin(), kPromoter.end());
  } else if (role != "developer") {
    return fail(Errc::invalid, "there is no role \"" + std::string(role) + "\"");
  }
  return access;
}

bool is_right(const std::string& resource, const std::string& action) {
  const auto actions = actions_of(resource);
  return std::find(actions.begin(), actions.end(), action) != actions.end();
}

std::vector<std::string_view> resources() {
  std::vector<std::string_view> out;
  for (const auto& [resource, actions] : matrix()) out.push_back(resource);
  return out;
}

std::vector<std::string_view> actions_of(const std::string& resource) {
  const auto found = matrix().find(resource);
  return found == matrix().end() ? std::vector<std::string_view>() : found->second;
}

}  // namespace imgforge::harbor

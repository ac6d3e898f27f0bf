// What a project has, read without a policy: for whoever wants to know how it stands. What the
// account may not see is named, not guessed.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "harbor/client.h"

namespace imgforge::harbor {

struct Overview {
  struct Row {
    std::string kind;   // "immutability rule"
    std::string name;   // "tags v*.*.* in **"
    std::string state;  // "on"
  };
  std::string project;
  SystemInfo system;
  std::vector<std::string> unhealthy;  // components; empty when all are well
  std::vector<Row> rows;
  std::vector<std::string> hidden;  // "robots": not for this account to see
};

/// `now` is for robots that have expired. not_found: no such project; forbidden: nothing of it may
/// be seen.
Result<Overview> read_overview(const Client& client, const std::string& project, base::Seconds now,
                               std::stop_token stop = {});

/// Aligned columns, then what is hidden and how Harbor itself is.
std::string overview_table(const Overview& overview);
/// {"project", "harbor": {"version","read_only","unhealthy"}, "has": [{"kind","name","state"}],
/// "hidden": []}
std::string overview_json(const Overview& overview);

}  // namespace imgforge::harbor

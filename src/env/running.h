// What the environment around this process says of itself, and how it differs from the pin. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "env/contract.h"

namespace imgforge::env {

/// Where an image of imgforge has its promise.
inline constexpr const char* kPromiseFile = "/opt/imgforge/promise.json";

struct Running {
  std::string image, tag;  // its repository's last part, its build tag
  std::map<std::string, std::string> components;
  oci::Digest promise;  // of the document itself
};
Result<Running> read_running(std::string_view promise_json, const std::string& file);

struct Difference {
  std::string what, pinned, running;
};
/// Empty: it is the pinned environment. By the promise's own digest where the pin has it, which
/// says the same as the build tag, and cannot be mistaken; components say what is different.
std::vector<Difference> differences(const Contract& contract, const Running& running);

/// "torch 2.6.0 instead of 2.5.1, …", for one sentence.
std::string sentence(const std::vector<Difference>& differences);

}  // namespace imgforge::env

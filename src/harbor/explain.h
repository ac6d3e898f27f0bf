// A refusal of Harbor as an Error: which rule it was, in a sentence, and what to do about it. Works
// on plain values, so that the registry client can ask for its /v2/ answers too (Harbor 2.12 to
// 2.15; its refusals look the same through both doors).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "http/headers.h"

namespace imgforge::harbor {

enum class Door {
  rest,          // /api/v2.0
  distribution,  // /v2/: a 401 to somebody with credentials means "no right"
};

struct Attempt {
  std::string what;  // infinitive: "move the tag v2.6-lts of ml/pytorch"
  std::string host;  // as the user wrote it
  std::string user;  // empty: nobody; a robot's name as Harbor gave it
  Door door = Door::rest;
  std::string rule;  // the immutability rule, where it is known: "tags v* in **"
};

struct Complaint {
  std::string code;     // "PRECONDITION"
  std::string message;  // one line, printable, at most 300 bytes
};
/// Empty for a body of another form: proxies answer HTML and plain text.
std::vector<Complaint> parse_complaints(std::string_view body);

/// Facts: "status"; "code" where the body has one; "retry_after" in seconds where a header has it;
/// "tag" ("team/app:v1", without the project) of an immutable tag; "rule" for what a policy
/// refuses: immutable, vulnerability, not_scanned, signature, quota, read_only, proxy_cache,
/// index_child, conflict, not_empty, project (one of the project's that the answer does not name).
/// Those are Errc::refused, but read_only unavailable.
Error explain(int status, std::string_view body, const http::Headers& headers,
              const Attempt& attempt);

}  // namespace imgforge::harbor

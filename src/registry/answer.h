// A registry's refusal as one Error: what the distribution specification's error body says
// (v1.1.1, "Error Codes"), what the status means for who asked, and what to do.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/client.h"

namespace imgforge::registry {

struct ErrorEntry {
  std::string code;     // "MANIFEST_UNKNOWN"
  std::string message;  // one line, printable, at most 200 bytes
  bool operator==(const ErrorEntry&) const = default;
};
/// Empty for a body of another form: proxies and ingresses answer HTML and plain text.
std::vector<ErrorEntry> parse_error_body(std::string_view body);

/// Who wanted what, for the sentence.
struct Asked {
  enum class Action { read, write, remove };
  std::string host;        // as the user wrote it
  std::string repository;  // empty: the registry itself
  std::string what;        // "the tag 12 of library/debian"
  Action action = Action::read;
  std::string user;  // empty: nobody
  bool credentials = false;
  std::string trouble;  // why a credential program of the configuration could not be asked
  std::string service;  // the token service's name, as the registry gives it: says what it is
};

/// For servers whose ways are known better than the specification has them: the whole Error, or
/// nullopt where the specification's will do. Called from several threads.
using Explain = std::function<std::optional<Error>(const http::Response&, const Asked&)>;

/// Errc by http::status_error, except: forbidden for a 401 to somebody who did show credentials and
/// wanted something of a repository (Harbor answers so where others say 403); refused for what a
/// rule of the server forbids (412; a 403 for a quota), and for a body that is too large (413);
/// unavailable for a 403 in read-only mode, with the fact "rule"="read_only": it is not tried
/// again; unsupported for 405, and for removals that the server does not do; invalid for a manifest
/// or a name that it finds wrong. Facts: url, status, retry_after, and code where the body has one.
Error answer_error(const http::Request& request, const http::Response& response,
                   const Asked& asked);

/// A page for people where a document for programs belongs.
bool is_web_page(const http::Response& response);

}  // namespace imgforge::registry

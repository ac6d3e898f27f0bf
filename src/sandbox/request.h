// What the parent asks of the re-executed child: one JSON document on its standard input, and one
// back on the report descriptor when it fails. Both ends are this program, so the format has no
// version.
#pragma once

#include <string>

#include "base/error.h"
#include "sandbox/sandbox.h"

namespace imgforge::sandbox {

struct Request {
  enum class Action { unpack, run, construct, remove };
  Action action = Action::run;
  bool enter_user_namespace = false;  // the parent is not root
  int report_fd = -1;                 // where an Error goes
  std::string blob;                   // unpack
  std::string tree;                   // unpack: the folder to make; remove: the folder to remove
  std::string work;                   // run: a private folder on the scratch file system
  std::vector<std::string> trees;     // run: lowest first
  Step step;                          // run
  Construction construction;          // construct
};

std::string format_request(const Request& request);
Result<Request> parse_request(const std::string& text);

std::string format_report(const Error& error);
/// The Error that the child reported; Errc::internal when `text` is not a report.
Error parse_report(const std::string& text);

}  // namespace imgforge::sandbox

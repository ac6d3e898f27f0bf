// What a failed transfer of libcurl means. Private to the room.
#pragma once

#include <string>

#include "base/error.h"

namespace imgforge::http {

/// `code` is a CURLcode, `detail` its error buffer. Facts: url (redacted), curl (the code).
Error curl_error(int code, const char* detail, const std::string& url);

}  // namespace imgforge::http

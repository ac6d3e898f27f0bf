// The one place that knows Catch2's version (v2 from Debian; for v3 change the include and
// SKIP_TEST).
#pragma once

#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "base/error.h"

/// Leaves the test case and says so loudly; tests/summary counts these lines as skipped.
#define SKIP_TEST(reason)                                                \
  do {                                                                   \
    std::fprintf(stderr, "SKIPPED: %s: %s\n",                            \
                 Catch::getResultCapture().getCurrentTestName().c_str(), \
                 std::string(reason).c_str());                           \
    return;                                                              \
  } while (false)

/// The value of a Result; fails the test with the error's text otherwise.
#define REQUIRE_OK(...)                                                       \
  ({                                                                          \
    auto require_ok_ = (__VA_ARGS__);                                         \
    if (!require_ok_) {                                                       \
      FAIL(std::string(imgforge::base::to_string(require_ok_.error().code())) \
           << ": " << require_ok_.error().summary());                         \
    }                                                                         \
    imgforge::base::detail::take(std::move(require_ok_));                     \
  })

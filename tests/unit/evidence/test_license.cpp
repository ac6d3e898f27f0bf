#include "catch.h"
#include "evidence/copyright.h"
#include "evidence/license.h"

using namespace imgforge::evidence;

TEST_CASE("names that mean one licence become its identifier") {
  CHECK(named_license("Expat").expression == "MIT");
}

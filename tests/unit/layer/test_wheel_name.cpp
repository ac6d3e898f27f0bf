#include "catch.h"
#include "layer/wheel_name.h"

using namespace imgforge;
using namespace imgforge::layer;

TEST_CASE("wheel file names are taken apart") {
  const auto torch = REQUIRE_OK(parse_wheel_name("torch-2.6.0+cu118-cp311-cp311-linux_x86_64.whl"));
  CHECK(torch.distribution == "torch");
  CHECK(torch.project == "torch");
  CHECK(torch.version == "2.6.0+cu118");
  CHECK(torch.file == "torch-2.6.0+cu118-cp311-cp311-linux_x86_64.whl");

  const auto built =
      REQUIRE_OK(parse_wheel_name("Charset_Normalizer-3.3.2-1local-py2.py3-none-any.whl"));
  CHECK(built.distribution == "Charset_Normalizer");
  CHECK(built.project == "charset-normalizer");
  CHECK(built.version == "3.3.2");
}

TEST_CASE("other file names are refused") {
  const auto name = GENERATE("six-1.0.tar.gz", "six-1.0-py3-none.whl", "six-1.0-x-py3-none-any.whl",
                             "a-b-1.0-1-py3-none-any.whl", "-1.0-py3-none-any.whl",
                             "six--py3-none-any.whl", "s/x-1.0-py3-none-any.whl",
                             "..-1.0-py3-none-any.whl", "s x-1.0-py3-none-any.whl", ".whl", "");
  CAPTURE(name);
  const auto parsed = parse_wheel_name(name);
  REQUIRE(!parsed);
  CHECK(parsed.error().code() == Errc::invalid);
  CHECK(parsed.error().message().find(name) != std::string::npos);
}

TEST_CASE("versions agree as the ecosystem compares them") {
  for (const auto& [one, other] :
       {std::pair("1.0", "1.0.0"), std::pair("2023.03", "2023.3"), std::pair("1.0-RC.1", "1.0rc1"),
        std::pair("v1.0", "1.0"), std::pair("2.6.0+CU118", "2.6.0+cu118"),
        std::pair("1.0+ubuntu-1", "1.0+ubuntu_1"), std::pair("not_a_version", "NOT-a-version")}) {
    CAPTURE(one, other);
    CHECK(same_version(one, other));
  }
  for (const auto& [one, other] :
       {std::pair("1.0", "1.0.1"), std::pair("1.0", "1.0+cu118"), std::pair("1.0", "1.0.post1"),
        std::pair("1.0", "1!1.0"), std::pair("not_a_version", "1.0")}) {
    CAPTURE(one, other);
    CHECK_FALSE(same_version(one, other));
  }
}

#include "catch.h"
#include "evidence/python_metadata.h"

using namespace imgforge::evidence;

namespace {

std::string license(const std::string& fields) {
  const auto metadata =
      parse_python_metadata("Metadata-Version: 2.1\nName: a\nVersion: 1\n" + fields);
  REQUIRE(metadata);
  return metadata->license.expression;
}

}  // namespace

TEST_CASE("what METADATA says") {
  const auto metadata = parse_python_metadata(
      "Metadata-Version: 2.4\r\n"
      "Name: Typing_Extensions\r\n"
      "Version: 4.16.0\r\n"
      "Summary: Backported hints\r\n"
      "Author-email: \"Guido, v.R. & Others\" <guido@example.org>, other@example.org\r\n"
      "License-Expression: PSF-2.0\r\n"
      "Project-URL: Changes, https://example.org/changes\r\n"
      "Project-URL: Home, https://example.org/home\r\n"
      "Requires-Dist: numpy<3,>=1; python_version < \"3.12\"\r\n"
      "Requires-Dist: Jinja2 [async]\r\n"
      "\r\n"
      "License: not a header any more\r\n"
      "Requires-Dist: nothing\r\n");
  REQUIRE(metadata);
  CHECK(metadata->project == "typing-extensions");
  CHECK(metadata->version == "4.16.0");
  CHECK(metadata->summary == "Backported hints");
  CHECK(metadata->homepage == "https://example.org/home");
  CHECK(metadata->license.expression == "PSF-2.0");
  CHECK(metadata->requires_dist.size() == 2);
}

TEST_CASE("text without a name is no metadata") {
  CHECK_FALSE(parse_python_metadata(""));
  CHECK_FALSE(parse_python_metadata("Name: x\n\nVersion: 1\n"));
  CHECK_FALSE(parse_python_metadata(std::string("\0\1\2", 3)));
}

TEST_CASE("the most exact statement about the licence wins") {
  CHECK(license("License-Expression: MIT OR Zlib\nLicense: GPL\n") == "MIT OR Zlib");
  CHECK(license("License: BSD 3-Clause\nClassifier: License :: OSI Approved :: BSD License\n") ==
        "BSD-3-Clause");
  CHECK(license("License: see file\nClassifier: License :: OSI Approved :: MIT License\n") ==
        "MIT");
  CHECK(license("Classifier: License :: OSI Approved\n"
                "Classifier: License :: OSI Approved :: MIT License\n"
                "Classifier: License :: OSI Approved :: ISC License (ISCL)\n") == "ISC AND MIT");
  CHECK(license("License: UNKNOWN\n").empty());
  CHECK(license("").empty());
  const std::string nvidia = license(
      "License: NVIDIA Proprietary Software\nClassifier: License :: Other/Proprietary License\n");
  CHECK(nvidia.starts_with("LicenseRef-NVIDIA-Proprietary-Software-"));
  CHECK(license("License: Copyright (c) Somebody\n        Permission is granted\n        to all\n")
            .starts_with("LicenseRef-Copyright-c-Somebody-"));
}

TEST_CASE("requirements name their project") {
  CHECK(parse_requirement("Foo.Bar_baz>=1").project == "foo-bar-baz");
  CHECK(parse_requirement("a[x,y] @ https://example.org/a.whl ; extra == 'z'").project == "a");
  CHECK(parse_requirement("a[x,y] @ https://example.org/a.whl ; extra == 'z'").marker ==
        "extra == 'z'");
  CHECK(parse_requirement("  numpy (>=1.0)").project == "numpy");
  CHECK(parse_requirement("").project.empty());
}

TEST_CASE("people and teams") {
  CHECK(parse_party("GNU Libc Maintainers <debian-glibc@lists.example>") ==
        Party{"GNU Libc Maintainers", "debian-glibc@lists.example", true});
  CHECK(parse_party("\"A. Person\" <a@example.org>") == Party{"A. Person", "a@example.org", false});
  CHECK(parse_party("a@example.org") == Party{"a@example.org", "a@example.org", false});
  CHECK(parse_party("") == Party{});
  CHECK(parse_party("> odd <").email.empty());
}

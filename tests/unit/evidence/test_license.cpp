#include "base/text.h"
#include "catch.h"
#include "evidence/copyright.h"
#include "evidence/license.h"

using namespace imgforge;
using namespace imgforge::evidence;

namespace {

std::string names(const License& license) {
  std::vector<std::string> out;
  for (const auto& [id, reference] : license.references) out.push_back(reference.name);
  return base::join(out, ", ");
}

std::string synopsis(const char* text) { return parse_synopsis(text, {}).expression; }

}  // namespace

TEST_CASE("the usual names of a licence become its identifier") {
  const std::pair<const char*, const char*> kNames[] = {
      {"Expat", "MIT"},
      {"apache-2.0", "Apache-2.0"},
      {"Apache License, Version 2.0", "Apache-2.0"},
      {"GPL-2", "GPL-2.0-only"},
      {"GPL-2+", "GPL-2.0-or-later"},
      {"GPL-2.0+", "GPL-2.0-or-later"},
      {"GPLv3+", "GPL-3.0-or-later"},
      {"LGPLv2.1+", "LGPL-2.1-or-later"},
      {"AGPL-3", "AGPL-3.0-only"},
      {"GFDL-1.3", "GFDL-1.3-only"},
      {"GFDL-NIV-1.3+", "GFDL-1.3-no-invariants-or-later"},
      {"BSD-3-clause", "BSD-3-Clause"},
      {"  BSD   3-Clause\tLicense ", "BSD-3-Clause"},
      {"GPL-3+ with Bison exception", "GPL-3.0-or-later WITH Bison-exception-2.2"},
      {"GPL-2+ with Autoconf exception", "GPL-2.0-or-later WITH Autoconf-exception-2.0"},
      {"GPL-3+ with Autoconf exception", "GPL-3.0-or-later WITH Autoconf-exception-3.0"},
      {"Apache-2.0 with LLVM exception", "Apache-2.0 WITH LLVM-exception"},
      {"Mozilla Public License 2.0 (MPL 2.0)", "MPL-2.0"},
  };
  for (const auto& [name, id] : kNames) {
    INFO(name);
    const License license = named_license(name);
    CHECK(license.expression == id);
    CHECK(license.references.empty());
  }
}

TEST_CASE("a name that means no one licence stays a name") {
  for (const char* name : {"BSD License", "GPL", "GPL-9", "LGPL", "public-domain", "GPLX",
                           "GPL-2+ with nasty exception", "NVIDIA Proprietary Software"}) {
    INFO(name);
    const License license = named_license(name);
    CHECK(license.expression.starts_with("LicenseRef-"));
    CHECK(
        license.expression.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789.-") == std::string::npos);
    CHECK(names(license) == name);
    CHECK(license.references.at(license.expression).text == name);
  }
  CHECK(named_license("").empty());
  CHECK(named_license("  \n").empty());
}

TEST_CASE("two texts of one name are two references") {
  const License one = named_license("permissive", "Do what you want.");
  const License two = named_license("permissive", "Do what you must.");
  CHECK(one.expression != two.expression);
  CHECK(one == named_license("permissive", "Do what you want."));
  CHECK(one.references.at(one.expression).text == "Do what you want.");
}

TEST_CASE("names without a single letter still have an identifier") {
  CHECK(named_license("\xc3\xa9\xc3\xa9").expression.starts_with("LicenseRef-unnamed-"));
}

TEST_CASE("expressions keep their form and get their identifiers right") {
  CHECK(parse_expression("mit").expression == "MIT");
  CHECK(parse_expression("MIT AND (Apache-2.0 OR BSD-2-Clause)").expression ==
        "MIT AND (Apache-2.0 OR BSD-2-Clause)");
  CHECK(parse_expression("(apache-2.0 or bsd-2-clause)").expression ==
        "Apache-2.0 OR BSD-2-Clause");
  CHECK(parse_expression("GPL-2.0-only WITH classpath-exception-2.0").expression ==
        "GPL-2.0-only WITH Classpath-exception-2.0");
  const License own = parse_expression("MIT AND LicenseRef-NVIDIA");
  CHECK(own.expression.starts_with("MIT AND LicenseRef-LicenseRef-NVIDIA-"));
  CHECK(names(own) == "LicenseRef-NVIDIA");
}

TEST_CASE("what is no expression is one name") {
  for (const char* text : {"MIT AND", "AND MIT", "(MIT", "MIT)", "MIT OR OR MIT",
                           "see LICENSE file", "GPL-2.0-only WITH", "()", "MIT WITH AND"}) {
    INFO(text);
    const License license = parse_expression(text);
    CHECK(license.expression.starts_with("LicenseRef-"));
    CHECK(license.references.size() == 1);
  }
  CHECK(parse_expression(std::string(1000, '(') + "MIT" + std::string(1000, ')'))
            .expression.starts_with("LicenseRef-"));
}

TEST_CASE("joined licences are distinct, sorted and unambiguous") {
  const auto all = [](std::initializer_list<const char*> texts) {
    std::vector<License> parts;
    for (const char* text : texts) parts.push_back(parse_expression(text));
    return all_of(parts).expression;
  };
  CHECK(all({"MIT", "Apache-2.0", "MIT"}) == "Apache-2.0 AND MIT");
  CHECK(all({"MIT OR Zlib", "MIT"}) == "(MIT OR Zlib) AND MIT");
  CHECK(all({"MIT OR Zlib"}) == "MIT OR Zlib");
  CHECK(all({"(MIT OR Zlib) AND ISC", "ISC"}) == "(MIT OR Zlib) AND ISC");
  CHECK(all({"", "MIT"}) == "MIT");
  CHECK(all({}).empty());
  CHECK(any_of({parse_expression("MIT AND Zlib"), parse_expression("ISC")}).expression ==
        "(MIT AND Zlib) OR ISC");
}

TEST_CASE("a synopsis of Debian's format") {
  CHECK(synopsis("GPL-2+ or Artistic") == "Artistic-1.0-Perl OR GPL-2.0-or-later");
  CHECK(synopsis("Expat and Zlib") == "MIT AND Zlib");
  // `and` binds stronger; a comma closes what stands before it.
  CHECK(synopsis("Expat or Zlib and ISC") == "(ISC AND Zlib) OR MIT");
  CHECK(synopsis("Expat or Zlib, and ISC") == "(MIT OR Zlib) AND ISC");
  CHECK(synopsis("Expat, Zlib, or ISC") == "(MIT AND Zlib) OR ISC");
  CHECK(synopsis("") == "");
}

TEST_CASE("a machine-readable copyright file") {
  const License license = parse_copyright(
      "Format: https://policy.example/doc/packaging-manuals/copyright-format/1.0/\n"
      "Upstream-Name: thing\n"
      "\n"
      "Files: *\n"
      "Copyright: 2020 Somebody\n"
      "License: GPL-2+ or Expat\n"
      "\n"
      "Files: lib/md5.c\n"
      "Copyright: nobody\n"
      "License: public-domain\n"
      " This file is in the\n"
      " .\n"
      " public domain.\n"
      "\n"
      "Files: debian/*\n"
      "Copyright: 2021 Packager\n"
      "License: GPL-2+ or Expat\n"
      "\n"
      "License: Expat\n"
      " Permission is hereby granted\n"
      "\n"
      "License: unused-one\n"
      " A paragraph that no file refers to.\n");
  REQUIRE(license.references.size() == 1);
  const auto& [id, reference] = *license.references.begin();
  CHECK(license.expression == "(GPL-2.0-or-later OR MIT) AND " + id);
  CHECK(reference.name == "public-domain");
  CHECK(reference.text == "This file is in the\n\npublic domain.");
}

TEST_CASE("a copyright file in prose says nothing, and neither does a broken one") {
  CHECK(parse_copyright("This package was debianized by X.\n\nLicense: GPL\n").empty());
  CHECK(parse_copyright("").empty());
  CHECK(parse_copyright("\n\n\n").empty());
  CHECK(parse_copyright("Format: http://policy.example/deps/dep5/\n").empty());
  CHECK(parse_copyright("Format: https://x/copyright-format/1.0/\n\nFiles: *\nLicense:\n").empty());
}

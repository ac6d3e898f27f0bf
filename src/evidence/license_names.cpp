#include "evidence/license_names.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "evidence/license.h"

namespace imgforge::evidence {
namespace {

// Lower case -> SPDX.
constexpr std::pair<std::string_view, std::string_view> kNames[] = {
    // Debian
    {"apache-2", "Apache-2.0"},
    {"artistic", "Artistic-1.0-Perl"},  // the text in /usr/share/common-licenses is Perl's
    {"artistic-2", "Artistic-2.0"},
    {"boost-1.0", "BSL-1.0"},
    {"bsd-2", "BSD-2-Clause"},
    {"bsd-3", "BSD-3-Clause"},
    {"bsl-1", "BSL-1.0"},
    {"cc0", "CC0-1.0"},
    {"expat", "MIT"},
    {"gfdl-niv-1.2", "GFDL-1.2-no-invariants-only"},
    {"gfdl-niv-1.2+", "GFDL-1.2-no-invariants-or-later"},
    {"gfdl-niv-1.3", "GFDL-1.3-no-invariants-only"},
    {"gfdl-niv-1.3+", "GFDL-1.3-no-invariants-or-later"},
    {"libjpeg", "IJG"},
    {"mpl-1", "MPL-1.0"},
    {"mpl-2", "MPL-2.0"},
    {"openldap-2.8", "OLDAP-2.8"},
    {"perl", "Artistic-1.0-Perl OR GPL-1.0-or-later"},
    {"psf-2", "PSF-2.0"},
    // License fields
    {"3-clause bsd", "BSD-3-Clause"},
    {"3-clause bsd license", "BSD-3-Clause"},
    {"apache 2", "Apache-2.0"},
    {"apache 2.0", "Apache-2.0"},
    {"apache 2.0 license", "Apache-2.0"},
    {"apache license 2.0", "Apache-2.0"},
    {"apache license v2.0", "Apache-2.0"},
    {"apache license, version 2.0", "Apache-2.0"},
    {"apache software license 2.0", "Apache-2.0"},
    {"bsd 2-clause", "BSD-2-Clause"},
    {"bsd 2-clause license", "BSD-2-Clause"},
    {"bsd 3-clause", "BSD-3-Clause"},
    {"bsd 3-clause license", "BSD-3-Clause"},
    {"isc license", "ISC"},
    {"mit license", "MIT"},
    {"modified bsd license", "BSD-3-Clause"},
    {"mozilla public license 2.0", "MPL-2.0"},
    {"mpl 2.0", "MPL-2.0"},
    {"new bsd", "BSD-3-Clause"},
    {"new bsd license", "BSD-3-Clause"},
    {"psf", "PSF-2.0"},
    {"python software foundation license", "PSF-2.0"},
    {"the mit license", "MIT"},
    {"the mit license (mit)", "MIT"},
    {"unlicense", "Unlicense"},
    // classifiers, without "License :: OSI Approved :: "
    {"blue oak model license (blueoak-1.0.0)", "BlueOak-1.0.0"},
    {"boost software license 1.0 (bsl-1.0)", "BSL-1.0"},
    {"cc0 1.0 universal (cc0 1.0) public domain dedication", "CC0-1.0"},
    {"eclipse public license 1.0 (epl-1.0)", "EPL-1.0"},
    {"eclipse public license 2.0 (epl-2.0)", "EPL-2.0"},
    {"european union public licence 1.2 (eupl 1.2)", "EUPL-1.2"},
    {"gnu affero general public license v3", "AGPL-3.0-only"},
    {"gnu affero general public license v3 or later (agplv3+)", "AGPL-3.0-or-later"},
    {"gnu general public license v2 (gplv2)", "GPL-2.0-only"},
    {"gnu general public license v2 or later (gplv2+)", "GPL-2.0-or-later"},
    {"gnu general public license v3 (gplv3)", "GPL-3.0-only"},
    {"gnu general public license v3 or later (gplv3+)", "GPL-3.0-or-later"},
    {"gnu lesser general public license v2 (lgplv2)", "LGPL-2.0-only"},
    {"gnu lesser general public license v2 or later (lgplv2+)", "LGPL-2.0-or-later"},
    {"gnu lesser general public license v3 (lgplv3)", "LGPL-3.0-only"},
    {"gnu lesser general public license v3 or later (lgplv3+)", "LGPL-3.0-or-later"},
    {"historical permission notice and disclaimer (hpnd)", "HPND"},
    {"isc license (iscl)", "ISC"},
    {"mit no attribution license (mit-0)", "MIT-0"},
    {"mozilla public license 1.1 (mpl 1.1)", "MPL-1.1"},
    {"mozilla public license 2.0 (mpl 2.0)", "MPL-2.0"},
    {"postgresql license", "PostgreSQL"},
    {"the unlicense (unlicense)", "Unlicense"},
    {"universal permissive license (upl)", "UPL-1.0"},
    {"zlib/libpng license", "Zlib"},
};

// Lower case, without "exception" -> SPDX.
constexpr std::pair<std::string_view, std::string_view> kExceptionNames[] = {
    {"bison", "Bison-exception-2.2"},
    {"bison-2.2", "Bison-exception-2.2"},
    {"classpath", "Classpath-exception-2.0"},
    {"font", "Font-exception-2.0"},
    {"libtool", "Libtool-exception"},
    {"linux-syscall-note", "Linux-syscall-note"},
    {"llvm", "LLVM-exception"},
    {"qt-1.0", "Qt-GPL-exception-1.0"},
};

template <std::size_t N>
std::optional<std::string_view> look_up(
    const std::pair<std::string_view, std::string_view> (&table)[N], std::string_view name) {
  for (const auto& [usual, spdx] : table) {
    if (usual == name) return spdx;
  }
  return std::nullopt;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// "gpl-2+", "lgplv2.1", "gpl-3.0-or-later", "gfdl-1.3": a GNU licence with its version.
std::optional<std::string> gnu_name(std::string_view text) {
  constexpr std::string_view kFamilies[] = {"agpl", "lgpl", "gfdl", "gpl"};
  std::string family;
  for (const std::string_view known : kFamilies) {
    if (!take_prefix(text, known)) continue;
    for (const char c : known) family += static_cast<char>(c - 'a' + 'A');
    break;
  }
  if (family.empty()) return std::nullopt;
  for (const std::string_view sign : {"-", " ", "v"}) take_prefix(text, sign);
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  std::string version(text.substr(0, end));
  text.remove_prefix(end);
  if (version.empty()) return std::nullopt;
  if (version.find('.') == std::string::npos) version += ".0";
  const bool later = text == "+" || text == "-or-later" || text == " or later";
  if (!later && !text.empty() && text != "-only") return std::nullopt;
  const auto id =
      spdx_license_id(fmt::format("{}-{}-{}", family, version, later ? "or-later" : "only"));
  if (!id) return std::nullopt;
  return std::string(*id);
}

std::optional<std::string> plain_name(std::string_view lower) {
  if (const auto known = look_up(kNames, lower)) return std::string(*known);
  if (auto gnu = gnu_name(lower)) return gnu;
  if (const auto id = spdx_license_id(lower)) return std::string(*id);
  return std::nullopt;
}

}  // namespace

std::optional<std::string> usual_name(std::string_view name) {
  const std::string lower = base::to_lower(name);
  constexpr std::string_view kWith = " with ";
  const std::size_t with = lower.find(kWith);
  if (with == std::string::npos) return plain_name(lower);
  const auto license = plain_name(std::string_view(lower).substr(0, with));
  std::string exception = lower.substr(with + kWith.size());
  for (const std::string_view tail : {" exceptions", " exception", "-exception"}) {
    if (exception.ends_with(tail)) exception.resize(exception.size() - tail.size());
  }
  if (!license || license->find(' ') != std::string::npos) return std::nullopt;
  if (exception == "autoconf") {
    const bool third = license->starts_with("GPL-3");
    return *license + " WITH Autoconf-exception-" + (third ? "3.0" : "2.0");
  }
  const auto known = look_up(kExceptionNames, exception);
  if (!known) return std::nullopt;
  return fmt::format("{} WITH {}", *license, *known);
}

}  // namespace imgforge::evidence

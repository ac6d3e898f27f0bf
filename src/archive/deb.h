// Debian binary packages (deb(5)): ar with control.tar.* and data.tar.*.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "archive/tar_stream.h"
#include "base/bytes.h"

namespace imgforge::archive {

struct DebControl {
  std::string control;  // the control file, verbatim
  std::vector<std::string>
      scripts;  // preinst, postinst, prerm, postrm, config: those that are there
  std::vector<std::string> conffiles;
  std::string triggers;  // the triggers file, verbatim
  std::string md5sums;
};

Result<DebControl> read_deb_control(const base::RandomAccess& deb,
                                    const std::string& name_for_errors);

/// The entries of data.tar from the first on. Borrows `deb`.
Result<std::unique_ptr<TarStream>> open_deb_data(const base::RandomAccess& deb,
                                                 const std::string& name_for_errors);

/// Calls `visit` for every entry of data.tar in order; the content source is valid during the call.
Result<> read_deb_data(
    const base::RandomAccess& deb, const std::string& name_for_errors,
    const std::function<Result<>(const TarEntry&, base::Source& content)>& visit);

}  // namespace imgforge::archive

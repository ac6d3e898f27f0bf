// One file as a tar entry: attributes, extended attributes, link target, without its content.
#pragma once

#include <sys/stat.h>

#include <map>
#include <optional>
#include <string>

#include "archive/tar.h"
#include "base/time.h"

namespace imgforge::sandbox {

/// lstat; nullopt when there is no such file.
Result<std::optional<struct stat>> look_at(const std::string& path);

/// An overlay whiteout: a character device 0:0.
bool is_whiteout(const struct stat& status);

/// What belongs into a layer: security.capability and user.*, without overlay's and our own marks.
/// POSIX ACLs and labels of the host's security modules are left out.
Result<std::map<std::string, std::string>> layer_xattrs(const std::string& path);

bool has_xattr(const std::string& path, const char* name, std::string_view value);

/// The entry for `path`; mtime is at most `epoch`. Sockets and device nodes are Errc::invalid.
Result<archive::TarEntry> describe(const std::string& path, const struct stat& status,
                                   base::Seconds epoch);

/// The same type, attributes and content.
Result<bool> is_same(const std::string& first, const struct stat& first_status,
                     const std::string& second, const struct stat& second_status,
                     base::Seconds epoch);

}  // namespace imgforge::sandbox

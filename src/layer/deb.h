// Kind `deb`: packages whose archives carry no maintainer scripts, unpacked without a container:
// CUDA's libraries are of this sort. Resolved by apt like kind `apt`; refused when locking if a
// package has scripts, configuration files or triggers other than ldconfig's.
//
//   sources: [{archive: debian, suites: [bookworm], components: [main, non-free]}]
//   packages: [libcudart11.0]     ldconfig: true
//
// Each large package is a layer of its own, so that images share it. Documentation other than
// copyright files is left out; /bin, /sbin, /lib, /lib64 go to /usr. Every package is recorded in
// /var/lib/dpkg/status.d, where scanners look; dpkg itself does not know of it.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_deb(const document::Node& entry);

}  // namespace imgforge::layer

// Layer kind `python`: the environment that wheels go to.
//
//   kind: python
//   provider: distro        # an environment over /usr/bin/pythonX.Y of the distribution
//   version: "3.11"         # must be what is below; default: what is below
//   prefix: /opt/venv
//
//   kind: python
//   provider: standalone    # a Python of its own, with an environment over it
//   version: "3.11"         # "3.11" or "3.11.12"
//   release: "20250517"     # of the role `python-standalone`; or url: ADDRESS (and sha256: HEX)
//   home: /opt/python       # where it is unpacked; with prefix equal to home no environment is
//   made prefix: /opt/venv exclude: ["lib/python3.11/test"]
//
// An environment is a pyvenv.cfg and four links (PEP 405), so it is written and not made by running
// anything; layers of wheels above depend on its prefix and Python's minor version alone.
#pragma once

#include <memory>

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_python(const document::Node& entry);

}  // namespace imgforge::layer

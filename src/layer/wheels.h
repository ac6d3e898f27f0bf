// Layer kind `wheels`: Python wheels, resolved by the ecosystem's own resolver for the target's
// Python, installed straight from the zips without pip and without a container.
//
//   kind: wheels
//   requirements: ["torch==2.6.0", "numpy<3"]   # or requirements_file: PATH, or pylock: PATH
//   index: pytorch/cu118                        # role of the main index; default: "default"
//   indexes: [{index: default, only: [numpy]}]  # further ones, and what they may serve
//   prefix: /opt/venv                           # default: the environment of the Python below
//   cuda: "11.8"                                # the variant that torch must turn out to be
//   split: [{name: cuda, match: ["nvidia-*"]}]  # default: heavy wheels get layers of their own
//   bytecode: none                              # or unchecked-hash: one more layer of .pyc files
//   allow_bad_record: [project]                 # wheels whose RECORD is not to be believed
#pragma once

#include <memory>

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_wheels(const document::Node& entry);

}  // namespace imgforge::layer

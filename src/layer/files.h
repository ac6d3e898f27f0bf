// Kind `files`: files of the project, from a folder as it is now or from a git commit.
//
//   from: app                        a folder of the project: read anew at every build
//   from: {git: ., commit: HEAD}     a commit, found when locking; the lock pins it
//   dest: /app                       ignore, include, executable: patterns as in .gitignore
//   owner: "1000:1000"   mode: "0640"
//
// Modes are 0755 for files that their owner may execute (or that `executable` names) and 0644 for
// others, or as `mode` says; folders are 0755. Links must stay inside `dest`. A file that holds a
// key or token is refused.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_files(const document::Node& entry);

}  // namespace imgforge::layer

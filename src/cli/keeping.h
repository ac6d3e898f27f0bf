// What `build --push` leaves beside an image so that others can build it again: the documents that
// it was built from, and with --keep-inputs the inputs.
#pragma once

#include <string>
#include <vector>

#include "build/build.h"
#include "cli/app.h"
#include "content/ends.h"
#include "release/repository.h"

namespace imgforge::cli {

struct Keeping {
  std::string spec_file;
  std::vector<std::string> mount_from;  // as content::Pusher::Options
  bool inputs = false;
};
/// The image is in `repository`, of which `target` is the same as an end of a copy. One sentence
/// for each thing; what is there already is not sent. Inputs that neither the registry nor the
/// store has are fetched.
Result<std::vector<std::string>> keep_beside(App& app, const build::BuiltImage& image,
                                             release::Repository& repository,
                                             content::Target& target, const Keeping& keeping);

}  // namespace imgforge::cli

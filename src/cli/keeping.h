// What `build --push` leaves beside an image so that others can build it again: the documents that
// it was built from, and with --keep-inputs the inputs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
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
/// What stands beside the image now.
struct Kept {
  struct Documents {
    oci::Digest digest;           // of their artifact
    std::size_t definitions = 0;  // of layers, beside spec and lock
    std::size_t files = 0;        // all of them
    bool there_already = false;
  };
  struct Inputs {
    std::size_t files = 0;
    std::uint64_t bytes = 0;
    content::Moved moved;
  };
  std::optional<Documents> documents;
  std::optional<Inputs> inputs;
};
/// A sentence for each thing.
std::vector<std::string> sentences(const Kept& kept);
/// docs/reference/json.md
base::Json to_json(const Kept& kept);

/// The image is in `repository`, of which `target` is the same as an end of a copy. What is there
/// already is not sent. Inputs that neither the registry nor the store has are fetched.
Result<Kept> keep_beside(App& app, const build::BuiltImage& image, release::Repository& repository,
                         content::Target& target, const Keeping& keeping);

}  // namespace imgforge::cli
